package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Pull implements activities.Engine. An image whose digest is there already, for the right platform, is only
// tagged.
func (e *Engine) Pull(ctx context.Context, pull plan.Pull, from activities.Source, progress func(activities.PullProgress)) error {
	if pull.Digest == "" {
		return fmt.Errorf("no digest of %s was resolved: %w", pull.Image, fault.ErrInvalid)
	}
	found, err := e.find(ctx, pull.Image, pull.Digest, pull.Manifest)
	switch {
	case err == nil && fits(found, pull) == nil:
		return e.tag(ctx, found.ID, pull.Image)
	case err != nil && !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, fault.ErrDigestMismatch):
		return err
	}
	source := sourceOf(pull, from)
	options := image.PullOptions{Platform: platformOf(pull)}
	if options.RegistryAuth, err = authOf(from); err != nil {
		return err
	}
	stream, err := e.api.ImagePull(ctx, source, options)
	if err == nil {
		defer stream.Close()
		err = readPull(stream, pull.SizeBytes, progress)
	}
	if err != nil {
		return classifyPull(ctx, once(err, source))
	}
	return e.tag(ctx, source, pull.Image)
}

// sourceOf is the reference to pull: by digest, so that a source can only give the very bytes or none.
func sourceOf(pull plan.Pull, from activities.Source) string {
	repository := from.Repository
	if repository == "" {
		host, path := spec.SplitImage(pull.Image)
		repository = host + "/" + path
	}
	return repository + "@" + pull.Digest
}

// authOf encodes a source's credentials; empty is anonymous.
func authOf(from activities.Source) (string, error) {
	if from.User == "" && from.Password == "" {
		return "", nil
	}
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: from.User, Password: from.Password})
	if err != nil {
		return "", fmt.Errorf("credentials for %s cannot be encoded: %w", from.Repository, fault.ErrSecret)
	}
	return auth, nil
}

// once takes off what an engine says first and its caller will say again: that it was pulling, and what.
func once(err error, source string) error {
	text := words(err)
	if short, found := strings.CutPrefix(text, "pull "+source+": "); found {
		return &reworded{text: short, err: err}
	}
	return err
}

// reworded is an error in fewer words.
type reworded struct {
	text string
	err  error
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.err }

// tag gives an image its name; a name with a digest needs none.
func (e *Engine) tag(ctx context.Context, source, name string) error {
	if strings.Contains(name, "@") {
		return nil
	}
	if err := e.api.ImageTag(ctx, source, name); err != nil {
		return fmt.Errorf("tag %s as %s: %w", source, name, classify(ctx, err))
	}
	return nil
}

// Verify implements activities.Engine. The image may be on the box under another name (it came from a
// mirror, or its tag moved on): the digest decides.
func (e *Engine) Verify(ctx context.Context, pull plan.Pull) error {
	found, err := e.find(ctx, pull.Image, pull.Digest, pull.Manifest)
	if err != nil {
		return err
	}
	return fits(found, pull)
}

// find looks for an image by its name and by its digests. Errors: ErrNotFound; ErrDigestMismatch, when
// only another image has the name.
func (e *Engine) find(ctx context.Context, ref string, wanted ...string) (image.InspectResponse, error) {
	host, path := spec.SplitImage(ref)
	names := []string{ref}
	for _, digest := range wanted {
		if digest != "" {
			names = append(names, host+"/"+path+"@"+digest)
		}
	}
	other := ""
	for _, name := range names {
		found, err := e.api.ImageInspect(ctx, name)
		switch {
		case errdefs.IsNotFound(err):
			continue
		case err != nil:
			return image.InspectResponse{}, classify(ctx, err)
		case carries(found.RepoDigests, wanted):
			return found, nil
		}
		other = describeDigests(found)
	}
	all, err := e.api.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return image.InspectResponse{}, classify(ctx, err)
	}
	for _, one := range all {
		if carries(one.RepoDigests, wanted) {
			found, err := e.api.ImageInspect(ctx, one.ID)
			return found, classify(ctx, err)
		}
	}
	if other != "" {
		return image.InspectResponse{}, fmt.Errorf("image %s is %s, wanted %s: %w", ref, other, wanted[0], fault.ErrDigestMismatch)
	}
	return image.InspectResponse{}, fmt.Errorf("image %s (%s) is not on the box: %w", ref, wanted[0], fault.ErrNotFound)
}

func carries(repoDigests, wanted []string) bool {
	return slices.ContainsFunc(repoDigests, func(one string) bool {
		_, digest, found := strings.Cut(one, "@")
		return found && slices.Contains(wanted, digest)
	})
}

func describeDigests(found image.InspectResponse) string {
	if len(found.RepoDigests) == 0 {
		return found.ID + " (made on the box)"
	}
	return strings.Join(found.RepoDigests, ", ")
}

// fits says whether an image is for the platform that was planned. The variant counts for 32-bit arm only:
// arm64 has one, which some images name and some do not.
func fits(found image.InspectResponse, pull plan.Pull) error {
	var wrong []string
	differ := func(what, have, want string) {
		if want != "" && have != "" && have != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s, wanted %s", what, have, want))
		}
	}
	differ("operating system", found.Os, pull.OS)
	differ("architecture", found.Architecture, pull.Arch)
	if pull.Arch == "arm" {
		differ("variant", found.Variant, pull.Variant)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("image %s: %s: %w", pull.Image, strings.Join(wrong, ", "), fault.ErrNoPlatform)
	}
	return nil
}

func platformOf(pull plan.Pull) string {
	if pull.OS == "" || pull.Arch == "" {
		return ""
	}
	text := pull.OS + "/" + pull.Arch
	if pull.Variant != "" {
		text += "/" + pull.Variant
	}
	return text
}

// imageFor finds the image of a placement, named as the placement says, whatever moved its tag meanwhile.
// Without a digest (an image made on the box) the name decides.
func (e *Engine) imageFor(ctx context.Context, p plan.Placement) (id string, err error) {
	if p.Digest == "" {
		found, err := e.api.ImageInspect(ctx, p.Image)
		return found.ID, classify(ctx, err)
	}
	found, err := e.find(ctx, p.Image, p.Digest, p.Manifest)
	if err != nil {
		return "", err
	}
	named, err := e.api.ImageInspect(ctx, p.Image)
	if err == nil && named.ID == found.ID {
		return found.ID, nil
	}
	return found.ID, e.tag(ctx, found.ID, p.Image)
}

// bring pulls an image by name unless the box has one of that name.
func (e *Engine) bring(ctx context.Context, ref string) error {
	_, err := e.api.ImageInspect(ctx, ref)
	if err == nil || !errdefs.IsNotFound(err) {
		return classify(ctx, err)
	}
	stream, err := e.api.ImagePull(ctx, ref, image.PullOptions{})
	if err == nil {
		defer stream.Close()
		err = readPull(stream, 0, nil)
	}
	if err != nil {
		return fmt.Errorf("pull %s: %w", ref, classifyPull(ctx, err))
	}
	return nil
}
