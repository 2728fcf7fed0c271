// Package registry asks image registries what a reference is now: its digest and its platforms. It owns
// mirrors, credentials and the meaning of a registry's answers; pulling is the engines' business.
package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// manifestsAtOnce bounds the requests for the platforms of one index; registries count them against a limit.
const manifestsAtOnce = 4

// modeStrict is the mode of a registry whose mirrors alone may be asked.
const modeStrict = "strict"

// Resolver resolves references; it keeps nothing between calls but idle connections. It tries each source
// once: whoever calls it retries.
type Resolver struct {
	// Secret gives the value ("user:password") of a registry's credential reference. Without it, and for
	// registries that name none, the credentials of the Docker client's own configuration are used.
	Secret func(ctx context.Context, name string) (string, error)
	// Transport is for tests and special networks; nil means one of its own.
	Transport http.RoundTripper
}

// New is a Resolver with its own connections, 10 s to connect and 30 s for an answer to begin.
func New(secret func(ctx context.Context, name string) (string, error)) *Resolver {
	return &Resolver{Secret: secret, Transport: newTransport()}
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   manifestsAtOnce,
		ForceAttemptHTTP2:     true,
	}
}

// Resolve asks the registry of ref, through its mirrors, what ref is now. Registries on loopback are spoken to
// over plain HTTP, as Docker does. Attestations and other entries that run nowhere are left out.
//
// Errors: ErrUnreachable, ErrNotFound, ErrUnauthorised, ErrInvalid, ErrSecret; the texts keep the registry's
// own words and, with several sources, what each of them said. With a mirror and its registry it is the last
// one's answer that counts, except that one unreachable source makes the whole worth trying again.
func (r *Resolver) Resolve(ctx context.Context, ref string, registries []spec.Registry) (plan.Image, error) {
	parsed, err := parse(ref)
	if err != nil {
		return plan.Image{}, err
	}
	configured := find(parsed, registries)
	sources, err := sourcesOf(parsed, configured)
	if err != nil {
		return plan.Image{}, err
	}
	var faults []error
	for _, source := range sources {
		image, err := r.ask(ctx, source, configured)
		if err == nil {
			image.Ref = ref
			return image, nil
		}
		faults = append(faults, fmt.Errorf("ask %s: %w", source.Context().RegistryStr(), err))
		if ctx.Err() != nil {
			break
		}
	}
	return plan.Image{}, fmt.Errorf("resolve %s: %w", ref, together(faults))
}

// parse reads a reference. Plain HTTP is allowed on loopback; for private IPv4 addresses and .local names the
// client library itself falls back to it when TLS is not answered.
func parse(ref string) (name.Reference, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("image reference %q: %w: %w", ref, fault.ErrInvalid, err)
	}
	if !isLoopback(parsed.Context().RegistryStr()) {
		return parsed, nil
	}
	parsed, err = name.ParseReference(ref, name.Insecure)
	if err != nil {
		return nil, fmt.Errorf("image reference %q: %w: %w", ref, fault.ErrInvalid, err)
	}
	return parsed, nil
}

func isLoopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// find is the specification's entry for a reference's registry; the zero value when it has none.
func find(ref name.Reference, registries []spec.Registry) spec.Registry {
	host := ref.Context().RegistryStr()
	for _, one := range registries {
		if one.Host == host || (host == name.DefaultRegistry && one.Host == "docker.io") {
			return one
		}
	}
	return spec.Registry{Host: host}
}

// sourcesOf are the references to try, in order: the mirrors, then the registry itself unless the mode is strict.
func sourcesOf(ref name.Reference, configured spec.Registry) ([]name.Reference, error) {
	var sources []name.Reference
	separator := ":"
	if strings.HasPrefix(ref.Identifier(), "sha256:") {
		separator = "@"
	}
	for _, mirror := range configured.Mirrors {
		source, err := parse(strings.TrimSuffix(mirror, "/") + "/" + ref.Context().RepositoryStr() + separator + ref.Identifier())
		if err != nil {
			return nil, fmt.Errorf("mirror %q of registry %s: %w", mirror, configured.Host, err)
		}
		sources = append(sources, source)
	}
	if configured.Mode == modeStrict && len(sources) > 0 {
		return sources, nil
	}
	return append(sources, ref), nil
}

// options are those of one request; the credentials are the registry's and never go to a mirror elsewhere.
func (r *Resolver) options(ctx context.Context, source name.Reference, configured spec.Registry) ([]remote.Option, error) {
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithUserAgent("overcloud"),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
	if r.Transport != nil {
		options = append(options, remote.WithTransport(r.Transport))
	}
	own := source.Context().RegistryStr()
	mine := own == configured.Host || (own == name.DefaultRegistry && configured.Host == "docker.io")
	if configured.Credentials == "" || !mine || r.Secret == nil {
		return append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain)), nil
	}
	value, err := r.Secret(ctx, configured.Credentials)
	if err != nil {
		return nil, fmt.Errorf("credentials %s: %w: %w", configured.Credentials, fault.ErrSecret, err)
	}
	user, password, ok := strings.Cut(strings.TrimSpace(value), ":")
	if !ok {
		return nil, fmt.Errorf("credentials %s: %w: it must be user:password", configured.Credentials, fault.ErrSecret)
	}
	return append(options, remote.WithAuth(&authn.Basic{Username: user, Password: password})), nil
}

// ask resolves a reference at one source.
func (r *Resolver) ask(ctx context.Context, source name.Reference, configured spec.Registry) (plan.Image, error) {
	options, err := r.options(ctx, source, configured)
	if err != nil {
		return plan.Image{}, err
	}
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return plan.Image{}, fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	got, err := puller.Get(ctx, source)
	if err != nil {
		return plan.Image{}, classify(ctx, err)
	}
	image := plan.Image{Digest: got.Digest.String()}
	switch {
	case got.MediaType.IsIndex():
		image.Platforms, err = indexPlatforms(ctx, puller, source, got)
	case got.MediaType.IsImage():
		var platform plan.Platform
		platform, err = imagePlatform(got)
		image.Platforms = []plan.Platform{platform}
	default:
		err = fmt.Errorf("%w: its media type %s is no image", fault.ErrInvalid, got.MediaType)
	}
	if err != nil {
		return plan.Image{}, classify(ctx, err)
	}
	return image, nil
}

// indexPlatforms reads each platform's manifest for its size.
func indexPlatforms(ctx context.Context, puller *remote.Puller, source name.Reference, got *remote.Descriptor) ([]plan.Platform, error) {
	index, err := got.ImageIndex()
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("read the index: %w: %w", fault.ErrInvalid, err)
	}
	runnable := slices.DeleteFunc(slices.Clone(manifest.Manifests), func(d v1.Descriptor) bool {
		return !d.MediaType.IsImage() || d.Platform == nil || d.Platform.OS == "unknown" || d.Platform.Architecture == "unknown"
	})
	platforms := make([]plan.Platform, len(runnable))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(manifestsAtOnce)
	for i, d := range runnable {
		group.Go(func() error {
			child, err := puller.Get(ctx, source.Context().Digest(d.Digest.String()))
			if err != nil {
				return fmt.Errorf("manifest %s: %w", d.Digest, err)
			}
			size, err := imageSize(child)
			platforms[i] = plan.Platform{
				OS: d.Platform.OS, Arch: d.Platform.Architecture, Variant: d.Platform.Variant,
				Digest: d.Digest.String(), SizeBytes: size,
			}
			return err
		})
	}
	return platforms, group.Wait()
}

// imagePlatform is the platform of a single manifest, which only its configuration tells.
func imagePlatform(got *remote.Descriptor) (plan.Platform, error) {
	image, err := got.Image()
	if err != nil {
		return plan.Platform{}, fmt.Errorf("read the manifest: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return plan.Platform{}, fmt.Errorf("read the configuration: %w", err)
	}
	size, err := imageSize(got)
	return plan.Platform{
		OS: config.OS, Arch: config.Architecture, Variant: config.Variant, Digest: got.Digest.String(), SizeBytes: size,
	}, err
}

// imageSize is what a pull transfers: the configuration and the layers as they are stored, bytes.
func imageSize(got *remote.Descriptor) (int64, error) {
	image, err := got.Image()
	if err != nil {
		return 0, fmt.Errorf("read the manifest: %w", err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("read the manifest: %w: %w", fault.ErrInvalid, err)
	}
	size := manifest.Config.Size
	for _, layer := range manifest.Layers {
		size += layer.Size
	}
	return size, nil
}
