package images

import (
	"context"

	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Distribution asks the registry what a name means there, and brings nothing.
func (s *Store) Distribution(ctx context.Context, name string, auth authn.Authenticator) (registry.DistributionInspect, error) {
	ref, err := parse(name)
	if err != nil {
		return registry.DistributionInspect{}, err
	}
	there, err := s.ask(ctx, ref, auth)
	if err != nil {
		return registry.DistributionInspect{}, err
	}
	answer := registry.DistributionInspect{Descriptor: ocispec.Descriptor{
		MediaType: string(there.MediaType), Digest: digest.Digest(there.Digest.String()), Size: there.Size,
	}}
	if !there.MediaType.IsIndex() {
		return answer, nil
	}
	index, err := there.ImageIndex()
	if err != nil {
		return registry.DistributionInspect{}, refused(ref, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return registry.DistributionInspect{}, refused(ref, err)
	}
	for _, one := range manifest.Manifests {
		if p := one.Platform; p != nil {
			answer.Platforms = append(answer.Platforms, ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
		}
	}
	return answer, nil
}
