package registry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

	"github.com/overcloud/overcloud/activities"
	embedded "github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/registry"
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

	got, err := registry.New().Resolve(t.Context(), ref, nil)
	require.NoError(t, err)
	require.Equal(t, ref, got.Ref)
	require.Equal(t, want.String(), got.Digest)
	require.Len(t, got.Platforms, 2)
	for i, platform := range []v1.Platform{arm, amd} {
		require.Greater(t, got.Platforms[i].SizeBytes, int64(1000))
		got.Platforms[i].SizeBytes = 0
		require.Equal(t, plan.Platform{OS: "linux", Arch: platform.Architecture, Variant: platform.Variant, Digest: digests[platform.Architecture]}, got.Platforms[i])
	}
	pinned, err := registry.New().Resolve(t.Context(), address+"/overcloud/kafka@"+want.String(), nil)
	require.NoError(t, err)
	require.Equal(t, want.String(), pinned.Digest)
}

func TestASingleManifestTellsItsPlatformByItsConfiguration(t *testing.T) {
	address := start(t)
	image := imageOf(t, v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	require.NoError(t, remote.Write(parse(t, address+"/a:b"), image))
	digest, err := image.Digest()
	require.NoError(t, err)
	got, err := registry.New().Resolve(t.Context(), address+"/a:b", nil)
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
		{"too many requests", answering(t, http.StatusTooManyRequests, denied) + "/a:b", fault.ErrRateLimited, "the moon"},
		{"broken", answering(t, http.StatusInternalServerError, "oh no") + "/a:b", fault.ErrNetwork, "oh no"},
		{"nobody there", "127.0.0.1:1/a:b", fault.ErrNetwork, "connection refused"},
		{"no reference", "127.0.0.1:5000/UPPER:case:x", fault.ErrInvalid, "UPPER:case:x"},
		{"no image", answering(t, http.StatusOK, "{}") + "/a:b", fault.ErrInvalid, "is no image"},
	}
	sentinels := []error{fault.ErrNotFound, fault.ErrUnauthorised, fault.ErrNetwork, fault.ErrRateLimited, fault.ErrInvalid}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := registry.New().Resolve(t.Context(), c.ref, nil)
			require.ErrorContains(t, err, c.words)
			for _, sentinel := range sentinels {
				require.Equal(t, errors.Is(sentinel, c.want), errors.Is(err, sentinel), "%v: %v", sentinel, err)
			}
		})
	}
}

func TestAnEndedContextIsNothingForEver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := registry.New().Resolve(ctx, start(t)+"/a:b", nil)
	require.ErrorIs(t, err, fault.ErrNetwork)
	require.ErrorIs(t, err, context.Canceled)
}

func TestMirrorsAreAskedInOrderAndOnlyTheyWhenStrict(t *testing.T) {
	mirror, dead := start(t), "127.0.0.1:1"
	require.NoError(t, remote.Write(parse(t, mirror+"/cache/overcloud/x:dev"), imageOf(t, v1.Platform{OS: "linux", Architecture: "amd64"})))
	own := start(t)
	require.NoError(t, remote.Write(parse(t, own+"/overcloud/y:dev"), imageOf(t, v1.Platform{OS: "linux", Architecture: "amd64"})))
	fallback := func(path string) []activities.Source {
		return []activities.Source{{Repository: dead + path}, {Repository: mirror + "/cache" + path}, {Repository: own + path}}
	}
	strict := []activities.Source{{Repository: mirror + "/cache/overcloud/y"}}
	resolver := registry.New()

	got, err := resolver.Resolve(t.Context(), own+"/overcloud/x:dev", fallback("/overcloud/x"))
	require.NoError(t, err, "the second mirror has it")
	require.Equal(t, own+"/overcloud/x:dev", got.Ref)
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/y:dev", fallback("/overcloud/y"))
	require.NoError(t, err, "the registry itself has it")
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/y:dev", strict)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = resolver.Resolve(t.Context(), own+"/overcloud/none:dev", fallback("/overcloud/none"))
	require.ErrorIs(t, err, fault.ErrNetwork, "a dead mirror may have it")
	require.ErrorContains(t, err, "ask "+dead)
	require.ErrorContains(t, err, "ask "+own)
}

func TestCredentialsGoToTheirSourceOnly(t *testing.T) {
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
	var mirrorSaw, ownSaw string
	own, mirror := demanding(&ownSaw), demanding(&mirrorSaw)
	from := []activities.Source{
		{Repository: mirror + "/a", User: "mirror", Password: "verborgen"}, {Repository: own + "/a", User: "anna", Password: "geheim"},
	}
	_, err := registry.New().Resolve(t.Context(), own+"/a:b", from)
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.NotContains(t, err.Error(), "geheim")
	require.Equal(t, "Basic YW5uYTpnZWhlaW0=", ownSaw)
	require.Equal(t, "Basic bWlycm9yOnZlcmJvcmdlbg==", mirrorSaw)
}

// A registry that asks for patience is given what it asks for, within reason.
func TestARateLimitSaysWhenToAskAgain(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": time.Minute, "soon": time.Minute, "0": time.Second, "-5": time.Second, "99999999999": time.Minute,
		"86400": time.Hour, time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): time.Second,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your limit"}]}`)
		}))
		_, err := registry.New().Resolve(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/a:b", nil)
		server.Close()
		require.ErrorIs(t, err, fault.ErrRateLimited)
		require.ErrorContains(t, err, "you have reached your limit")
		var wait *fault.RetryAfter
		require.ErrorAs(t, err, &wait)
		if header != "99999999999" { // more than an int holds on a Pi
			require.Equal(t, want, wait.After, header)
		}
	}
}

// The registry's authority is a file on the worker, which may be exchanged while the worker runs.
func TestAnAuthorityOfOnesOwnIsTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "https://")
	// By name: on loopback the registry would be spoken to in plain HTTP.
	_, port, err := net.SplitHostPort(host)
	require.NoError(t, err)
	repository := "example.com:" + port + "/a"
	file := filepath.Join(t.TempDir(), "ca.pem")
	ask := func() error {
		r := &registry.Resolver{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, host)
		}}}
		_, err := r.Resolve(t.Context(), repository+":b", []activities.Source{{Repository: repository, CA: file}})
		return err
	}
	require.ErrorIs(t, ask(), fault.ErrInvalid, "no such file")
	require.NoError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	require.ErrorIs(t, ask(), fault.ErrInvalid)
	require.NoError(t, os.WriteFile(file, otherAuthority(t), 0o600))
	require.ErrorIs(t, ask(), fault.ErrUntrusted)
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	require.ErrorIs(t, ask(), fault.ErrNotFound, "it is trusted, and has no such image")
}

// otherAuthority is one that signed nothing.
func otherAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	made, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})
}
