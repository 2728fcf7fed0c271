// Package images makes OverCloud's own container images from its static binaries, without Docker, and pushes
// them. It owns which images there are and what is in them; the registry is anybody's.
package images

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/overcloud/overcloud/internal/fault"
)

// Platform is os/arch[/variant] in parts.
type Platform struct{ OS, Arch, Variant string }

// String is linux/arm/v7.
func (p Platform) String() string {
	return strings.TrimSuffix(p.OS+"/"+p.Arch+"/"+p.Variant, "/")
}

// Options say what is in an image.
type Options struct {
	Name       string
	Version    string            // for the label only
	Files      map[string]string // path in the image -> local path; executable files stay executable
	Platform   Platform
	Entrypoint []string
	Ports      []int // exposed, tcp
	// CacheDir keeps digests of unchanged files between runs; empty means that files are read each time.
	CacheDir string
}

// Assemble makes an image of one uncompressed layer. It is deterministic: equal files and options give an equal
// digest, on whatever day. The layer's bytes are read from the local files when somebody reads the layer.
func Assemble(o Options) (v1.Image, error) {
	cacheFile := ""
	if o.CacheDir != "" {
		cacheFile = filepath.Join(o.CacheDir, o.Name+"-"+strings.ReplaceAll(o.Platform.String(), "/", "-")+".json")
	}
	content, err := newLayer(o.Files, cacheFile)
	if err != nil {
		return nil, fmt.Errorf("assemble image %s for %s: %w", o.Name, o.Platform, err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	ports := make(map[string]struct{}, len(o.Ports))
	for _, port := range o.Ports {
		ports[strconv.Itoa(port)+"/tcp"] = struct{}{}
	}
	image, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: o.Platform.OS, Architecture: o.Platform.Arch, Variant: o.Platform.Variant,
		Config: v1.Config{
			Entrypoint: o.Entrypoint, ExposedPorts: ports, WorkingDir: "/",
			Labels: map[string]string{
				"org.opencontainers.image.title":   o.Name,
				"org.opencontainers.image.version": o.Version,
			},
		},
	})
	if err == nil {
		image, err = mutate.AppendLayers(image, content)
	}
	if err != nil {
		return nil, fmt.Errorf("assemble image %s for %s: %w", o.Name, o.Platform, err)
	}
	return image, nil
}

// Push puts images of several platforms under one reference, as an index also when there is only one, so that a
// box of another platform is told so. Blobs that the registry has are skipped. Errors: ErrInvalid for a wrong
// reference; the client library's own otherwise.
func Push(ctx context.Context, ref string, images map[Platform]v1.Image) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("push %q: %w: %w", ref, fault.ErrInvalid, err)
	}
	pusher, err := remote.NewPusher(remote.WithContext(ctx), remote.WithUserAgent("overcloud"))
	if err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range slices.SortedFunc(maps.Keys(images), func(a, b Platform) int { return strings.Compare(a.String(), b.String()) }) {
		image := images[platform]
		// Each blob by itself: a push stops at a manifest that the registry has, and would not see that one of
		// its blobs is damaged or gone.
		if err := uploadBlobs(ctx, pusher, tag, image); err != nil {
			return fmt.Errorf("push %s for %s: %w", ref, platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: platform.OS, Architecture: platform.Arch, Variant: platform.Variant},
		}})
	}
	if err := pusher.Push(ctx, tag, index); err != nil {
		return fmt.Errorf("push %s: %w", ref, err)
	}
	return nil
}

func uploadBlobs(ctx context.Context, pusher *remote.Pusher, tag name.Tag, image v1.Image) error {
	blobs, err := image.Layers()
	if err != nil {
		return err
	}
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return err
	}
	for _, blob := range append(blobs, config) {
		if err := pusher.Upload(ctx, tag.Context(), blob); err != nil {
			return err
		}
	}
	return nil
}
