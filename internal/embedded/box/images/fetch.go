package images

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// loopbackHTTP lets plain HTTP reach registries on this machine only, as dockerd does; the library would
// allow it to any private address.
type loopbackHTTP struct{ base http.RoundTripper }

// RoundTrip refuses plain HTTP to another machine.
func (t loopbackHTTP) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" && !isLoopback(request.URL.Hostname()) {
		return nil, fmt.Errorf("registry %s offers plain HTTP, which is accepted from this machine only", request.URL.Host)
	}
	return t.base.RoundTrip(request)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// found is an image in a registry.
type found struct {
	image v1.Image
	// digest is of what the name meant: an index, or a manifest where there is no index.
	digest string
	// manifest is the digest of the platform's manifest.
	manifest string
}

// Authenticator reads the X-Registry-Auth header; empty is anonymous.
func Authenticator(header string) (authn.Authenticator, error) {
	if header == "" {
		return authn.Anonymous, nil
	}
	text, err := base64.URLEncoding.DecodeString(header)
	if err != nil {
		text, err = base64.RawURLEncoding.DecodeString(header)
	}
	var config registry.AuthConfig
	if err == nil {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		return nil, status.Invalid("X-Registry-Auth is not base64url of a JSON object") // never its content
	}
	given := authn.AuthConfig{
		Username: config.Username, Password: config.Password, Auth: config.Auth,
		IdentityToken: config.IdentityToken, RegistryToken: config.RegistryToken,
	}
	if given == (authn.AuthConfig{}) {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(given), nil
}

// ask asks the registry what a name means.
func (s *Store) ask(ctx context.Context, ref reference.Named, auth authn.Authenticator) (*remote.Descriptor, error) {
	full := ref.String()
	if digested, ok := ref.(reference.Digested); ok {
		full = ref.Name() + "@" + digested.Digest().String()
	}
	var options []name.Option
	if host, _, _ := strings.Cut(reference.Domain(ref), ":"); isLoopback(host) {
		options = append(options, name.Insecure)
	}
	remoteRef, err := name.ParseReference(full, options...)
	if err != nil {
		return nil, status.Invalid("invalid reference format: %s: %v", full, err)
	}
	descriptor, err := remote.Get(remoteRef, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(s.transport))
	if err != nil {
		return nil, refused(ref, err)
	}
	return descriptor, nil
}

// find asks the registry what a name means for a platform.
func (s *Store) find(ctx context.Context, ref reference.Named, platform ocispec.Platform, auth authn.Authenticator) (found, error) {
	descriptor, err := s.ask(ctx, ref, auth)
	if err != nil {
		return found{}, err
	}
	result := found{digest: descriptor.Digest.String(), manifest: descriptor.Digest.String()}
	if !descriptor.MediaType.IsIndex() {
		if result.image, err = descriptor.Image(); err != nil {
			return found{}, refused(ref, err)
		}
		return result, nil
	}
	index, err := descriptor.ImageIndex()
	if err != nil {
		return found{}, refused(ref, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return found{}, refused(ref, err)
	}
	chosen, err := choose(manifest.Manifests, platform)
	if err != nil {
		return found{}, err
	}
	if result.image, err = index.Image(chosen); err != nil {
		return found{}, refused(ref, err)
	}
	result.manifest = chosen.String()
	return result, nil
}

// choose picks the manifest of a platform: the same variant, else, on arm, the next older one.
func choose(manifests []v1.Descriptor, wanted ocispec.Platform) (v1.Hash, error) {
	variants := []string{wanted.Variant}
	switch {
	case wanted.Architecture == "arm64" && (wanted.Variant == "" || wanted.Variant == "v8"):
		variants = []string{"v8", ""}
	case wanted.Architecture == "arm" && (wanted.Variant == "" || wanted.Variant == "v7"):
		variants = []string{"v7", "v6", "v5", ""}
	case wanted.Architecture == "arm" && wanted.Variant == "v6":
		variants = []string{"v6", "v5", ""}
	}
	var offered []string
	for _, manifest := range manifests {
		if manifest.Platform != nil {
			offered = append(offered, manifest.Platform.String())
		}
	}
	for _, variant := range variants {
		for _, manifest := range manifests {
			p := manifest.Platform
			if p != nil && p.OS == wanted.OS && p.Architecture == wanted.Architecture && p.Variant == variant {
				return manifest.Digest, nil
			}
		}
	}
	return v1.Hash{}, status.NotFound("no matching manifest for %s in the manifest list entries: it offers %s",
		PlatformText(wanted), strings.Join(offered, ", "))
}

// PlatformText is os/architecture[/variant].
func PlatformText(p ocispec.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}

// ParsePlatform reads os[/architecture[/variant]]; empty is the host's.
func ParsePlatform(text string) (ocispec.Platform, error) {
	host := HostPlatform()
	parts := strings.Split(text, "/")
	switch {
	case text == "" || text == "linux":
		return host, nil
	case len(parts) > 3 || parts[0] != "linux" || parts[1] == "":
		return ocispec.Platform{}, status.Invalid("%q is an invalid platform: want linux/architecture[/variant]", text)
	}
	platform := ocispec.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform, nil
}

// refused turns a registry's answer into dockerd's sentences.
func refused(ref reference.Named, err error) error {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		if strings.Contains(err.Error(), "does not match requested digest") {
			return status.Failed("pull %s: digest mismatch: %v", familiar(ref), err)
		}
		return status.Failed("pull %s: %v", familiar(ref), err)
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return status.NotFound("manifest for %s not found: manifest unknown: %v", familiar(ref), err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return &status.Error{Code: answer.StatusCode, Text: fmt.Sprintf(
			"pull access denied for %s, repository does not exist or may require 'docker login': %v", reference.FamiliarName(ref), err)}
	}
	return status.Failed("pull %s: %v", familiar(ref), err)
}
