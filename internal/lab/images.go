package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/overcloud/overcloud/internal/embedded/images"
)

// appPackage is the program of test images; its documentation says what it does.
const appPackage = "github.com/overcloud/overcloud/internal/lab/testdata/app"

// TestImage says what image to make. Only Name is needed.
type TestImage struct {
	Name string // the repository is test/<Name>
	Tag  string // empty means dev
	// Bytes is how large the image is at least, in random bytes that nothing compresses, spread evenly over the
	// layers; the program adds 2 MB.
	Bytes int64
	// Layers of random bytes; zero means one when there are Bytes.
	Layers int
	// Platforms of the index; empty means this machine's and one other (arm64 or amd64). The program is this
	// machine's in all of them.
	Platforms []images.Platform
	// Environment of the image's configuration, NAME=value.
	Environment []string
	// Seed makes equal images of equal seeds; zero makes every image new, so that no engine has its layers.
	Seed uint64
}

// Image is one that was pushed to the lab.
type Image struct {
	Repository, Tag string
	Digest          string // of the index
	Manifest        string // of this machine's platform; empty when it is none of the image's
	Bytes           int64  // of all layers of one platform
}

// PushTestImage makes an image of the app in testdata/app with so many random bytes beside it and pushes it to
// all of the lab's registries (past their faults and request counts).
func (l *Lab) PushTestImage(ctx context.Context, t TestImage) (Image, error) {
	if t.Tag == "" {
		t.Tag = "dev"
	}
	if len(t.Platforms) == 0 {
		other := "arm64"
		if runtime.GOARCH == other {
			other = "amd64"
		}
		t.Platforms = []images.Platform{{OS: "linux", Arch: runtime.GOARCH}, {OS: "linux", Arch: other}}
	}
	program, err := l.app(ctx)
	if err != nil {
		return Image{}, err
	}
	pushed := Image{Repository: "test/" + t.Name, Tag: t.Tag}
	made := map[images.Platform]v1.Image{}
	for i, platform := range t.Platforms {
		image, size, err := t.make(platform, i, program)
		if err != nil {
			return Image{}, fmt.Errorf("make image %s: %w", t.Name, err)
		}
		made[platform] = image
		pushed.Bytes = size
		if platform.OS == "linux" && platform.Arch == runtime.GOARCH {
			digest, err := image.Digest()
			if err != nil {
				return Image{}, fmt.Errorf("make image %s: %w", t.Name, err)
			}
			pushed.Manifest = digest.String()
		}
	}
	if pushed.Digest, err = l.push(ctx, pushed, made); err != nil {
		return Image{}, err
	}
	return pushed, nil
}

// push sends an image to the registry behind the variants and gives its digest there.
func (l *Lab) push(ctx context.Context, image Image, made map[images.Platform]v1.Image) (string, error) {
	ref := l.backend.Address() + "/" + image.Repository + ":" + image.Tag
	if err := images.Push(ctx, ref, made); err != nil {
		return "", err
	}
	return l.digest(ctx, image.Repository, image.Tag)
}

// make assembles one platform's image: a layer with the program, then random ones.
func (t TestImage) make(platform images.Platform, nth int, program []byte) (v1.Image, int64, error) {
	count := t.Layers
	if count == 0 && t.Bytes > 0 {
		count = 1
	}
	seed := t.Seed
	if seed == 0 {
		var nonce [8]byte
		rand.Read(nonce[:])
		seed = binary.LittleEndian.Uint64(nonce[:])
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	key[8] = byte(nth)
	noise := mathrand.NewChaCha8(key)
	contents := [][]byte{}
	first, err := archive(map[string][]byte{"app": program, "seed": fmt.Appendf(nil, "%x", key)})
	if err != nil {
		return nil, 0, err
	}
	contents = append(contents, first)
	for i := range count {
		random := make([]byte, t.Bytes/int64(count))
		noise.Read(random) //nolint:errcheck // never fails
		layer, err := archive(map[string][]byte{fmt.Sprintf("random-%d", i): random})
		if err != nil {
			return nil, 0, err
		}
		contents = append(contents, layer)
	}
	return assemble(platform, contents, v1.Config{
		Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, Env: t.Environment, ExposedPorts: map[string]struct{}{"7000/tcp": {}},
	})
}

// assemble makes an image of uncompressed layers; bytes is their size.
func assemble(platform images.Platform, layers [][]byte, config v1.Config) (image v1.Image, size int64, err error) {
	image = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Arch, Variant: platform.Variant, Config: config,
	})
	for _, content := range layers {
		size += int64(len(content))
		if err == nil {
			image, err = mutate.AppendLayers(image, static.NewLayer(content, types.OCIUncompressedLayer))
		}
	}
	return image, size, err
}

func archive(files map[string][]byte) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, name := range sortedKeys(files) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(files[name]))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// app builds the test images' program once for each lab; the process must be inside the module's folders.
func (l *Lab) app(ctx context.Context) ([]byte, error) {
	l.building.Lock()
	defer l.building.Unlock()
	path := filepath.Join(l.folder, "app")
	program, err := os.ReadFile(path)
	if err == nil {
		return program, nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, appPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the test images' program: %w: %s", err, said)
	}
	return os.ReadFile(path)
}

// Publish pushes OverCloud's own images as overcloud/<name>:<version>, from the binaries that make build puts
// into binDir (.overcloud/bin); binDir keeps digests of unchanged ones.
func (l *Lab) Publish(ctx context.Context, version, binDir string) ([]Image, error) {
	cache := filepath.Join(l.folder, "digests")
	if err := images.Publish(ctx, l.backend.Address(), version, binDir, cache, nil); err != nil {
		return nil, err
	}
	var published []Image
	for _, one := range images.Catalog() {
		image := Image{Repository: images.Repository + "/" + one.Name, Tag: version}
		digest, err := l.digest(ctx, image.Repository, version)
		if err != nil {
			return nil, err
		}
		image.Digest = digest
		published = append(published, image)
	}
	return published, nil
}
