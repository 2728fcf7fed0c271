// Package registry asks image registries what a reference is now: its digest and its platforms. It owns the
// meaning of a registry's answers; which sources to ask with which credentials is its caller's choice, and
// pulling the engines' business.
package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// manifestsAtOnce bounds the requests for the platforms of one index; registries count them against a limit.
const manifestsAtOnce = 4

// Resolver resolves references; it keeps nothing between calls but idle connections. It tries each source
// once: whoever calls it retries.
type Resolver struct {
	// Transport is for tests and special networks; nil means one of its own.
	Transport http.RoundTripper

	mu      sync.Mutex
	trusted map[string]authority // by CA file
}

// New is a Resolver with its own connections, 10 s to connect and 30 s for an answer to begin.
func New() *Resolver { return &Resolver{Transport: newTransport()} }

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

var _ activities.Registry = (*Resolver)(nil)

// Resolve implements activities.Registry: it asks the sources in order what ref is now; without any, the
// registry that ref names. Registries on loopback are spoken to over plain HTTP, as Docker does. A source
// without a user is asked with what the Docker client's own configuration has for its host, else anonymously.
// Attestations and other entries that run nowhere are left out.
//
// The texts keep the registry's own words and, with several sources, what each of them said.
func (r *Resolver) Resolve(ctx context.Context, ref string, from []activities.Source) (plan.Image, error) {
	parsed, err := parse(ref)
	if err != nil {
		return plan.Image{}, err
	}
	if len(from) == 0 {
		from = []activities.Source{{Repository: parsed.Context().Name()}}
	}
	var faults []error
	for _, source := range from {
		image, err := r.askSource(ctx, parsed, source)
		if err == nil {
			image.Ref = ref
			return image, nil
		}
		faults = append(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	return plan.Image{}, together(faults)
}

// askSource asks for a reference's tag or digest in a source's repository.
func (r *Resolver) askSource(ctx context.Context, ref name.Reference, source activities.Source) (plan.Image, error) {
	separator := ":"
	if strings.HasPrefix(ref.Identifier(), "sha256:") {
		separator = "@"
	}
	there, err := parse(source.Repository + separator + ref.Identifier())
	if err != nil {
		return plan.Image{}, fmt.Errorf("source %q: %w", source.Repository, err)
	}
	image, err := r.ask(ctx, there, source)
	if err != nil {
		return plan.Image{}, fmt.Errorf("ask %s: %w", there.Context().RegistryStr(), err)
	}
	return image, nil
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

// options are those of one request.
func (r *Resolver) options(ctx context.Context, source activities.Source, heard *patience) ([]remote.Option, error) {
	transport, err := r.transport(source.CA)
	if err != nil {
		return nil, err
	}
	heard.next = transport
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithUserAgent("overcloud"), remote.WithTransport(heard),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
	if source.User == "" && source.Password == "" {
		return append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain)), nil
	}
	return append(options, remote.WithAuth(&authn.Basic{Username: source.User, Password: source.Password})), nil
}

// ask resolves a reference at one source.
func (r *Resolver) ask(ctx context.Context, ref name.Reference, source activities.Source) (plan.Image, error) {
	var heard patience
	options, err := r.options(ctx, source, &heard)
	if err != nil {
		return plan.Image{}, err
	}
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return plan.Image{}, fmt.Errorf("%w: %w", fault.ErrInvalid, err)
	}
	got, err := puller.Get(ctx, ref)
	if err != nil {
		return plan.Image{}, classify(ctx, err, &heard)
	}
	image := plan.Image{Digest: got.Digest.String()}
	switch {
	case got.MediaType.IsIndex():
		image.Platforms, err = indexPlatforms(ctx, puller, ref, got)
	case got.MediaType.IsImage():
		var platform plan.Platform
		platform, err = imagePlatform(got)
		image.Platforms = []plan.Platform{platform}
	default:
		err = fmt.Errorf("%w: its media type %s is no image", fault.ErrInvalid, got.MediaType)
	}
	if err != nil {
		return plan.Image{}, classify(ctx, err, &heard)
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
