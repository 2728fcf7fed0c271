package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// parallelLayers is how many layers of an image are downloaded at a time; dockerd's number.
const parallelLayers = 3

// Message is one line of a pull's progress, as dockerd streams it.
type Message struct {
	Status   string    `json:"status,omitempty"`
	Progress *Progress `json:"progressDetail,omitempty"`
	ID       string    `json:"id,omitempty"`
}

// Progress counts bytes.
type Progress struct {
	Current int64 `json:"current,omitempty"`
	Total   int64 `json:"total,omitempty"`
}

// Pull is a request for an image.
type Pull struct {
	// Name is a reference with tag or digest; without either it is "latest".
	Name string
	// Platform is zero for the host's.
	Platform ocispec.Platform
	Auth     authn.Authenticator
}

// Pull brings an image into the store: it is there whole, or not at all. emit gets the progress, from
// several goroutines; it is not called before the registry has answered, so that an error until then can
// still be an HTTP status.
func (s *Store) Pull(ctx context.Context, pull Pull, emit func(Message)) error {
	ref, err := parse(pull.Name)
	if err != nil {
		return err
	}
	explicit := pull.Platform.OS != ""
	if !explicit {
		pull.Platform = HostPlatform()
	}
	found, err := s.find(ctx, ref, pull.Platform, pull.Auth)
	if err != nil {
		return err
	}
	raw, err := found.image.RawConfigFile()
	if err != nil {
		return configRefused(ref, found.image, err)
	}
	image := &Image{ID: digestOf(raw), Manifest: found.manifest, RawConfig: raw, Files: map[string]string{}}
	if err := json.Unmarshal(raw, &image.Spec); err != nil {
		return status.Failed("pull %s: its configuration %s is no JSON: %v", familiar(ref), image.ID, err)
	}
	if explicit && (image.Spec.OS != pull.Platform.OS || image.Spec.Architecture != pull.Platform.Architecture) {
		return status.NotFound("image with reference %s was found but does not provide the specified platform (%s): it is %s",
			familiar(ref), PlatformText(pull.Platform), PlatformText(image.Spec.Platform))
	}
	emit(Message{Status: "Pulling from " + reference.Path(ref), ID: label(ref)})
	news, err := s.ensure(ctx, image, found.image, emit)
	if err != nil {
		return fmt.Errorf("pull %s: %w", familiar(ref), err)
	}
	if err := s.name(ref, image.ID, found.digest); err != nil {
		return err
	}
	emit(Message{Status: "Digest: " + found.digest})
	if news {
		emit(Message{Status: "Status: Downloaded newer image for " + familiar(ref)})
	} else {
		emit(Message{Status: "Status: Image is up to date for " + familiar(ref)})
	}
	return nil
}

func configRefused(ref reference.Named, image v1.Image, err error) error {
	if want, nameErr := image.ConfigName(); nameErr == nil && strings.Contains(err.Error(), "verifying") {
		return status.Failed("pull %s: digest mismatch: the image configuration %s is damaged in the registry: %v", familiar(ref), want, err)
	}
	return refused(ref, err)
}

func label(ref reference.Named) string {
	if tagged, ok := ref.(reference.Tagged); ok {
		if _, digested := ref.(reference.Digested); !digested {
			return tagged.Tag()
		}
	}
	if digested, ok := ref.(reference.Digested); ok {
		return digested.Digest().String()
	}
	return ""
}

// name records what the pulled name means now.
func (s *Store) name(ref reference.Named, id, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images[id] == nil {
		return status.Conflict("image %s was removed while it was pulled", id)
	}
	s.names.Digests[reference.FamiliarName(ref)+"@"+digest] = id
	if _, digested := ref.(reference.Digested); !digested {
		s.names.Tags[familiar(ref)] = id
	}
	return s.saveNames()
}

// ensure downloads an image unless it is there undamaged; true when it did.
func (s *Store) ensure(ctx context.Context, image *Image, source v1.Image, emit func(Message)) (bool, error) {
	unlock, err := s.pulls.lock(ctx, image.ID)
	if err != nil {
		return false, err
	}
	defer unlock()
	s.mu.Lock()
	have := s.images[image.ID]
	s.mu.Unlock()
	layers, err := source.Layers()
	if err != nil {
		return false, err
	}
	if have != nil {
		err := have.Verify()
		if err == nil {
			for _, layer := range layers {
				if digest, err := layer.Digest(); err == nil {
					emit(Message{Status: "Already exists", ID: short(digest), Progress: &Progress{}})
				}
			}
			return false, nil
		}
		s.logger.Warn("a stored image is damaged and pulled again", "image", image.ID, "error", err)
	}
	if len(layers) != len(image.Spec.RootFS.DiffIDs) {
		return false, status.Failed("its manifest has %d layers, its configuration %d", len(layers), len(image.Spec.RootFS.DiffIDs))
	}
	work, err := os.MkdirTemp(s.dir, "tmp-")
	if err != nil {
		return false, fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(work) // what stays is cleared when the store is opened
	blobs, err := s.download(ctx, layers, work, emit)
	if err != nil {
		return false, err
	}
	if err := s.unpack(ctx, image, blobs, work, emit); err != nil {
		return false, err
	}
	return true, s.install(image, work)
}

// blob is a downloaded and checked layer.
type blob struct {
	path   string
	digest v1.Hash
}

func (s *Store) download(ctx context.Context, layers []v1.Layer, work string, emit func(Message)) ([]blob, error) {
	blobs := make([]blob, len(layers))
	for i, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		blobs[i] = blob{path: filepath.Join(work, fmt.Sprintf("layer-%d", i)), digest: digest}
		emit(Message{Status: "Pulling fs layer", ID: short(digest), Progress: &Progress{}})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, layer := range layers {
		group.Go(func() error { return fetchLayer(ctx, layer, blobs[i], s.limits.Bytes, emit) })
	}
	return blobs, group.Wait()
}

func (s *Store) unpack(ctx context.Context, image *Image, blobs []blob, work string, emit func(Message)) error {
	dir := filepath.Join(work, "image", rootFolder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the image's folder: %w", err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("make the image's folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the image's folder: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	u := &unpacker{dir: dir, root: root, limits: s.limits, files: image.Files}
	for i, blob := range blobs {
		if err := unpackBlob(ctx, u, blob, image.Spec.RootFS.DiffIDs[i].String()); err != nil {
			return status.Failed("layer %s: %v", blob.digest, err)
		}
		emit(Message{Status: "Pull complete", ID: short(blob.digest), Progress: &Progress{}})
	}
	image.Size = u.bytes
	return nil
}

func unpackBlob(ctx context.Context, u *unpacker, blob blob, want string) error {
	file, err := os.Open(blob.path)
	if err != nil {
		return err
	}
	defer file.Close()
	got, err := u.layer(ctx, io.Reader(file))
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("wrong diff id: unpacked it has digest %s, the image's configuration says %s", got, want)
	}
	return os.Remove(blob.path)
}

// install moves an unpacked image to its place; a damaged one there is replaced.
func (s *Store) install(image *Image, work string) error {
	image.Pulled = time.Now().UTC()
	text, err := json.Marshal(image)
	if err != nil {
		return fmt.Errorf("record image %s: %w", image.ID, err)
	}
	from := filepath.Join(work, "image")
	if err := WriteFile(filepath.Join(from, imageFile), text, 0o644); err != nil {
		return fmt.Errorf("record image %s: %w", image.ID, err)
	}
	image.dir = filepath.Join(s.dir, strings.Replace(image.ID, ":", "-", 1))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(image.dir, filepath.Join(work, "damaged")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace image %s: %w", image.ID, err)
	}
	if err := os.Rename(from, image.dir); err != nil {
		return fmt.Errorf("store image %s: %w", image.ID, err)
	}
	s.images[image.ID] = image
	return nil
}

func short(digest v1.Hash) string { return digest.Hex[:12] }
