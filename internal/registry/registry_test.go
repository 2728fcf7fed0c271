package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	embedded "github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/registry"
	"github.com/overcloud/overcloud/internal/spec"
)

func start(t *testing.T) string {
	t.Helper()
	r, err := embedded.Start(t.Context(), embedded.Options{Address: "127.0.0.1:0", Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, r.Close(ctx))
	})
	return r.Address()
}

// imageOf is an image with one layer of some 1,000 bytes.
func imageOf(t *testing.T, platform v1.Platform) v1.Image {
	t.Helper()
	image, err := random.Image(1000, 1)
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
	image, err = mutate.ConfigFile(image, config)
	require.NoError(t, err)
	return image
}

func parse(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	return parsed
}

func TestAnIndexIsResolvedToThePlatformsThatRun(t *testing.T) {
	address := start(t)
	arm, amd := v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, v1.Platform{OS: "linux", Architecture: "amd64"}
	index := v1.ImageIndex(empty.Index)
	digests := map[string]string{}
	for _, platform := range []v1.Platform{arm, amd, {OS: "unknown", Architecture: "unknown"}} {
		image := imageOf(t, platform)
		digest, err := image.Digest()
		require.NoError(t, err)
		digests[platform.Architecture] = digest.String()
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	ref := address + "/overcloud/kafka:dev"
	require.NoError(t, remote.WriteIndex(parse(t, ref), index))
	want, err := index.Digest()
	require.NoError(t, err)

	got, err := registry.New(nil).Resolve(t.Context(), ref, nil)
	require.NoError(t, err)
	require.Equal(t, ref, got.Ref)
	require.Equal(t, want.String(), got.Digest)
	require.Len(t, got.Platforms, 2)
	for i, platform := range []v1.Platform{arm, amd} {
		require.Greater(t, got.Platforms[i].SizeBytes, int64(1000))
		got.Platforms[i].SizeBytes = 0
		require.Equal(t, plan.Platform{OS: "linux", Arch: platform.Architecture, Variant: platform.Variant, Digest: digests[platform.Architecture]}, got.Platforms[i])
	}
	pinned, err := registry.New(nil).Resolve(t.Context(), address+"/overcloud/kafka@"+want.String(), nil)
	require.NoError(t, err)
	require.Equal(t, want.String(), pinned.Digest)
}

func TestASingleManifestTellsItsPlatformByItsConfiguration(t *testing.T) {
	address := start(t)
	image := imageOf(t, v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	require.NoError(t, remote.Write(parse(t, address+"/a:b"), image))
	digest, err := image.Digest()
	require.NoError(t, err)
	got, err := registry.New(nil).Resolve(t.Context(), address+"/a:b", nil)
	require.NoError(t, err)
	require.Equal(t, digest.String(), got.Digest)
	require.Len(t, got.Platforms, 1)
	require.Equal(t, "linux/arm64/v8", strings.Join([]string{got.Platforms[0].OS, got.Platforms[0].Arch, got.Platforms[0].Variant}, "/"))
	require.Equal(t, digest.String(), got.Platforms[0].Digest)
}

// answering is a registry that answers every manifest in one way.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestEveryAnswerHasOneMeaningAndKeepsTheRegistrysWords(t *testing.T) {
	const denied = `{"errors":[{"code":"DENIED","message":"the moon is in the wrong phase"}]}`
	cases := []struct {
		name, ref string
		want      error
		words     string
	}{
		{"not found", start(t) + "/no/such:tag", fault.ErrNotFound, "Unknown name"},
		{"refused", answering(t, http.StatusForbidden, denied) + "/a:b", fault.ErrUnauthorised, "the moon is in the wrong phase"},
		{"not logged in", answering(t, http.StatusUnauthorized, denied) + "/a:b", fault.ErrUnauthorised, "the moon"},
		{"too many requests", answering(t, http.StatusTooManyRequests, denied) + "/a:b", fault.ErrUnreachable, "the moon"},
		{"broken", answering(t, http.StatusInternalServerError, "oh no") + "/a:b", fault.ErrUnreachable, "oh no"},
		{"nobody there", "127.0.0.1:1/a:b", fault.ErrUnreachable, "connection refused"},
		{"no reference", "127.0.0.1:5000/UPPER:case:x", fault.ErrInvalid, "UPPER:case:x"},
		{"no image", answering(t, http.StatusOK, "{}") + "/a:b", fault.ErrInvalid, "is no image"},
	}
	sentinels := []error{fault.ErrNotFound, fault.ErrUnauthorised, fault.ErrUnreachable, fault.ErrInvalid}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := registry.New(nil).Resolve(t.Context(), c.ref, nil)
			require.ErrorContains(t, err, c.words)
			for _, sentinel := range sentinels {
				require.Equal(t, errors.Is(sentinel, c.want), errors.Is(err, sentinel), "%v: %v", sentinel, err)
			}
		})
	}
}

func TestAnEndedContextIsUnreachableNotForEver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := registry.New(nil).Resolve(ctx, start(t)+"/a:b", nil)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorIs(t, err, context.Canceled)
}

func TestMirrorsAreAskedInOrderAndOnlyTheyWhenStrict(t *testing.T) {
	mirror, dead := start(t), "127.0.0.1:1"
	require.NoError(t, remote.Write(parse(t, mirror+"/cache/overcloud/x:dev"), imageOf(t, v1.Platform{OS: "linux", Architecture: "amd64"})))
	own := start(t)
	require.NoError(t, remote.Write(parse(t, own+"/overcloud/y:dev"), imageOf(t, v1.Platform{OS: "linux", Architecture: "amd64"})))
	fallback := []spec.Registry{{Host: own, Mirrors: []string{dead, mirror + "/cache"}}}
	strict := []spec.Registry{{Host: own, Mirrors: []string{mirror + "/cache"}, Mode: "strict"}}
	resolver := registry.New(nil)

	got, err := resolver.Resolve(t.Context(), own+"/overcloud/x:dev", fallback)
	require.NoError(t, err, "the second mirror has it")
	require.Equal(t, own+"/overcloud/x:dev", got.Ref)
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/y:dev", fallback)
	require.NoError(t, err, "the registry itself has it")
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/y:dev", strict)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/none:dev", fallback)
	require.ErrorIs(t, err, fault.ErrUnreachable, "a dead mirror may have it")
	require.ErrorContains(t, err, "ask "+dead)
	require.ErrorContains(t, err, "ask "+own)
}

func TestCredentialsComeFromTheSecretAndGoOnlyToTheirRegistry(t *testing.T) {
	var mirrorSaw, ownSaw string
	demanding := func(saw *string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if auth := r.Header.Get("Authorization"); auth != "" {
				*saw = auth
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	own, mirror := demanding(&ownSaw), demanding(&mirrorSaw)
	configured := []spec.Registry{{Host: own, Mirrors: []string{mirror}, Credentials: "hub"}}
	secret := func(_ context.Context, name string) (string, error) {
		return map[string]string{"hub": "anna:geheim\n", "bad": "nocolon-geheim"}[name], nil
	}
	_, err := registry.New(secret).Resolve(t.Context(), own+"/a:b", configured)
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.NotContains(t, err.Error(), "geheim")
	require.Equal(t, "Basic YW5uYTpnZWhlaW0=", ownSaw)
	require.Empty(t, mirrorSaw)

	configured[0].Mirrors, configured[0].Credentials = nil, "bad"
	_, err = registry.New(secret).Resolve(t.Context(), own+"/a:b", configured)
	require.ErrorIs(t, err, fault.ErrSecret)
	require.NotContains(t, err.Error(), "geheim")
}
