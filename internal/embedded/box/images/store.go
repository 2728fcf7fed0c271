// Package images keeps the images of a process box: pulled from a registry, every digest checked, unpacked
// once for each image id. It runs nothing.
package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// Limits bound what one image may take when unpacked.
type Limits struct {
	// Bytes is the sum of its files' sizes; zero is 8 GiB.
	Bytes int64
	// Files is how many entries its layers may hold; zero is 200,000.
	Files int
}

const (
	defaultBytes = 8 << 30
	defaultFiles = 200_000
	imageFile    = "image.json"
	rootFolder   = "rootfs"
	namesFile    = "names.json"
)

// Store is the images of one box, in one folder. Its methods are safe for concurrent use.
type Store struct {
	dir       string
	limits    Limits
	logger    *slog.Logger
	transport http.RoundTripper

	pulls keyed // by image id: two pulls of one image share one download

	mu     sync.Mutex
	images map[string]*Image // by id
	names  names
}

// names are what images are called.
type names struct {
	// Tags maps "name:tag" to an id, Digests maps "name@sha256:…" to an id; familiar forms.
	Tags    map[string]string `json:"tags"`
	Digests map[string]string `json:"digests"`
}

// Open reads the store in dir, making it if needed, and clears what broken-off pulls left.
func Open(dir string, limits Limits, logger *slog.Logger) (*Store, error) {
	if limits.Bytes <= 0 {
		limits.Bytes = defaultBytes
	}
	if limits.Files <= 0 {
		limits.Files = defaultFiles
	}
	s := &Store{
		dir: dir, limits: limits, logger: logger, transport: loopbackHTTP{base: remote.DefaultTransport},
		images: map[string]*Image{}, names: names{Tags: map[string]string{}, Digests: map[string]string{}},
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the image store: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the image store: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), "tmp-") {
			if err := os.RemoveAll(path); err != nil {
				return nil, fmt.Errorf("clear the image store: %w", err)
			}
			continue
		}
		if !entry.IsDir() {
			continue
		}
		image, err := load(path)
		if err != nil {
			logger.Warn("an image cannot be read and is left out; pull it again", "folder", path, "error", err)
			continue
		}
		s.images[image.ID] = image
	}
	return s, s.loadNames()
}

func (s *Store) loadNames() error {
	text, err := os.ReadFile(filepath.Join(s.dir, namesFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read image names: %w", err)
	}
	var read names
	if err := json.Unmarshal(text, &read); err != nil {
		return fmt.Errorf("read image names in %s: %w", s.dir, err)
	}
	for _, m := range []struct{ from, to map[string]string }{{read.Tags, s.names.Tags}, {read.Digests, s.names.Digests}} {
		for name, id := range m.from {
			if s.images[id] != nil {
				m.to[name] = id
			}
		}
	}
	return nil
}

// saveNames writes the names; s.mu is held.
func (s *Store) saveNames() error {
	text, err := json.MarshalIndent(s.names, "", " ")
	if err != nil {
		return fmt.Errorf("write image names: %w", err)
	}
	if err := WriteFile(filepath.Join(s.dir, namesFile), text, 0o644); err != nil {
		return fmt.Errorf("write image names: %w", err)
	}
	return nil
}

// WriteFile replaces a file in one step: after a crash there is the old one or the new one, whole.
func WriteFile(path string, text []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // gone already when all went well
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// Get finds an image by id, by a beginning of its id (4 hex digits at least), or by name.
func (s *Store) Get(name string) (*Image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(name)
}

func (s *Store) get(name string) (*Image, error) {
	if image := s.images[name]; image != nil {
		return image, nil
	}
	if ref, err := parse(name); err == nil {
		if id, ok := s.names.Tags[familiar(ref)]; ok {
			return s.images[id], nil
		}
		if id, ok := s.names.Digests[familiar(ref)]; ok {
			return s.images[id], nil
		}
	}
	prefix := strings.TrimPrefix(name, "sha256:")
	var found *Image
	if len(prefix) >= 4 && isHex(prefix) {
		for id, image := range s.images {
			if !strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), prefix) {
				continue
			}
			if found != nil {
				return nil, status.Invalid("image id %s is ambiguous", name)
			}
			found = image
		}
	}
	if found == nil {
		return nil, status.NotFound("No such image: %s", withTag(name))
	}
	return found, nil
}

// List is all images, the newest first.
func (s *Store) List() []*Image {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*Image, 0, len(s.images))
	for _, image := range s.images {
		list = append(list, image)
	}
	sort.Slice(list, func(i, j int) bool {
		if !list[i].Pulled.Equal(list[j].Pulled) {
			return list[i].Pulled.After(list[j].Pulled)
		}
		return list[i].ID < list[j].ID
	})
	return list
}

// Names are an image's tags ("name:tag") and digests ("name@sha256:…"), sorted; never nil.
func (s *Store) Names(id string) (tags, digests []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.namesOf(id)
}

func (s *Store) namesOf(id string) (tags, digests []string) {
	tags, digests = []string{}, []string{}
	for name, of := range s.names.Tags {
		if of == id {
			tags = append(tags, name)
		}
	}
	for name, of := range s.names.Digests {
		if of == id {
			digests = append(digests, name)
		}
	}
	sort.Strings(tags)
	sort.Strings(digests)
	return tags, digests
}

// HostPlatform is the platform whose images this machine runs.
func HostPlatform() ocispec.Platform {
	platform := ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if runtime.GOARCH == "arm" {
		platform.Variant = "v7" // the oldest Raspberry Pi OS that Docker still supports
	}
	return platform
}

// keyed is a set of locks, one for each key.
type keyed struct {
	mu    sync.Mutex
	locks map[string]chan struct{}
}

// lock waits for the key, or until ctx ends.
func (k *keyed) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		if k.locks == nil {
			k.locks = map[string]chan struct{}{}
		}
		held, ok := k.locks[key]
		if !ok {
			mine := make(chan struct{})
			k.locks[key] = mine
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.locks, key)
				k.mu.Unlock()
				close(mine)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
