package images

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Image is an unpacked image. It is not changed after it was made.
type Image struct {
	// ID is the digest of its configuration, "sha256:…".
	ID string `json:"id"`
	// Manifest is the digest of its platform's manifest.
	Manifest string `json:"manifest"`
	// RawConfig is the configuration as the registry gave it, whose digest is ID.
	RawConfig []byte `json:"config"`
	// Size is the sum of its files' sizes, in bytes.
	Size int64 `json:"size"`
	// Files maps each regular file, by its path below the root, to the digest of what was unpacked.
	Files map[string]string `json:"files"`
	// Pulled is when it was unpacked.
	Pulled time.Time `json:"pulled"`

	// Spec is the configuration, read.
	Spec dockerspec.DockerOCIImage `json:"-"`
	dir  string
}

func load(dir string) (*Image, error) {
	text, err := os.ReadFile(filepath.Join(dir, imageFile))
	if err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	image := &Image{dir: dir}
	if err := json.Unmarshal(text, image); err != nil {
		return nil, fmt.Errorf("read image: %w", err)
	}
	if id := digestOf(image.RawConfig); id != image.ID {
		return nil, fmt.Errorf("its configuration has digest %s, not %s", id, image.ID)
	}
	if err := json.Unmarshal(image.RawConfig, &image.Spec); err != nil {
		return nil, fmt.Errorf("read image configuration: %w", err)
	}
	return image, nil
}

// Root is the folder with the unpacked files.
func (i *Image) Root() string { return filepath.Join(i.dir, rootFolder) }

// Verify reads every file again and compares it with the digest of what was unpacked.
func (i *Image) Verify() error {
	for name, want := range i.Files {
		got, err := HashFile(filepath.Join(i.Root(), name))
		if err != nil {
			return fmt.Errorf("check image %s: %w", i.ID, err)
		}
		if got != want {
			return fmt.Errorf("check image %s: /%s has digest %s, unpacked was %s", i.ID, name, got, want)
		}
	}
	return nil
}

// HashFile is the digest of a file's content, "sha256:…".
func HashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
