package images

import (
	"errors"
	"os"
	"strings"

	"github.com/distribution/reference"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// parse reads a name as the docker command does: the tag "latest" where none is given.
func parse(name string) (reference.Named, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, status.Invalid("invalid reference format: %s: %v", name, err)
	}
	return reference.TagNameOnly(ref), nil
}

// familiar is the short form by which images are known; of a name with tag and digest the digest counts.
func familiar(ref reference.Named) string {
	if digested, ok := ref.(reference.Digested); ok {
		return reference.FamiliarName(ref) + "@" + digested.Digest().String()
	}
	return reference.FamiliarString(ref)
}

// withTag is how dockerd repeats an unknown name.
func withTag(name string) string {
	if ref, err := parse(name); err == nil {
		return familiar(ref)
	}
	return name
}

func isHex(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}

// Tag gives an image another name; the tag is taken from the image that had it.
func (s *Store) Tag(source, repository, tag string) error {
	name := repository
	if tag != "" {
		name += ":" + tag
	}
	ref, err := parse(name)
	if err != nil {
		return err
	}
	if _, digested := ref.(reference.Digested); digested {
		return status.Invalid("refusing to create a tag with a digest reference: %s", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	image, err := s.get(source)
	if err != nil {
		return err
	}
	s.names.Tags[familiar(ref)] = image.ID
	return s.saveNames()
}

// Removed says what a removal did.
type Removed struct {
	// Untagged are the names taken away; Deleted is the id, empty while other names keep the image.
	Untagged []string
	Deleted  string
}

// Remove takes a name away, and the image with its last name; by id it takes all. An image that users names
// (container ids) is kept, forced or not: a process box runs the image's own files.
func (s *Store) Remove(name string, force bool, users func(id string) []string) (Removed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	image, err := s.get(name)
	if err != nil {
		return Removed{}, err
	}
	tags, digests := s.namesOf(image.ID)
	ref, err := parse(name)
	byName := err == nil && s.names.Tags[familiar(ref)] == image.ID
	if byName && len(tags) > 1 {
		delete(s.names.Tags, familiar(ref))
		return Removed{Untagged: []string{familiar(ref)}}, s.saveNames()
	}
	short := strings.TrimPrefix(image.ID, "sha256:")[:12]
	if used := users(image.ID); len(used) > 0 {
		return Removed{}, status.Conflict("conflict: unable to remove %s (cannot be forced) - container %s is using its image %s",
			name, used[0], short)
	}
	if !byName && len(tags) > 1 && !force {
		return Removed{}, status.Conflict("conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories", short)
	}
	removed := Removed{Untagged: append(tags, digests...), Deleted: image.ID}
	for _, tag := range tags {
		delete(s.names.Tags, tag)
	}
	for _, digest := range digests {
		delete(s.names.Digests, digest)
	}
	delete(s.images, image.ID)
	return removed, errors.Join(s.saveNames(), os.RemoveAll(image.dir))
}

// Condemn takes all names from an image whose files were changed after they were unpacked, so that nothing
// more is made of it until it was pulled again.
func (s *Store) Condemn(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, digests := s.namesOf(id)
	for _, tag := range tags {
		delete(s.names.Tags, tag)
	}
	for _, digest := range digests {
		delete(s.names.Digests, digest)
	}
	delete(s.images, id)
	return s.saveNames()
}
