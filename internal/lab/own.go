package lab

import (
	"context"
	"fmt"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/overcloud/overcloud/internal/embedded/images"
)

// PublishOne pushes one static binary of this machine as overcloud/<name>:<version>, with the binary as its
// entrypoint: Publish for those that need only one.
func (l *Lab) PublishOne(ctx context.Context, version, name, binary string) (Image, error) {
	platform := images.Platform{OS: "linux", Arch: runtime.GOARCH}
	made, err := images.Assemble(images.Options{
		Name: name, Version: version, Files: map[string]string{"/" + name: binary}, Platform: platform, Entrypoint: []string{"/" + name},
	})
	if err != nil {
		return Image{}, fmt.Errorf("make image %s: %w", name, err)
	}
	image := Image{Repository: images.Repository + "/" + name, Tag: version}
	if err := images.Push(ctx, images.Ref(l.backend.Address(), name, version), map[images.Platform]v1.Image{platform: made}); err != nil {
		return Image{}, err
	}
	image.Digest, err = l.digest(ctx, image.Repository, version)
	return image, err
}
