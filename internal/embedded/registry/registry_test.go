package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
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

	"github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/fault"
)

func start(t *testing.T, dir, address string) *registry.Registry {
	t.Helper()
	r, err := registry.Start(t.Context(), registry.Options{Address: address, Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, r) })
	return r
}

func stop(t *testing.T, r *registry.Registry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Log(err)
	}
}

func push(t *testing.T, ref string) v1.ImageIndex {
	t.Helper()
	index, err := random.Index(2000, 2, 2)
	require.NoError(t, err)
	tag, err := name.ParseReference(ref)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(tag, index, remote.WithContext(t.Context())))
	return index
}

// pull reads every byte of every platform and compares digests, as an engine does.
func pull(t *testing.T, ref string) error {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	require.NoError(t, err)
	index, err := remote.Index(parsed, remote.WithContext(t.Context()))
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, one := range manifest.Manifests {
		image, err := index.Image(one.Digest)
		if err != nil {
			return err
		}
		if err := readAll(image); err != nil {
			return err
		}
	}
	return nil
}

func readAll(image v1.Image) error {
	if _, err := image.ConfigFile(); err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, content)
		content.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func TestWhatWasPushedOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, "127.0.0.1:0")
	index := push(t, first.Address()+"/overcloud/kafka:dev")
	digest, err := index.Digest()
	require.NoError(t, err)
	stop(t, first)

	second := start(t, dir, "127.0.0.1:0")
	require.NoError(t, pull(t, second.Address()+"/overcloud/kafka:dev"))
	require.NoError(t, pull(t, second.Address()+"/overcloud/kafka@"+digest.String()))
	require.ErrorContains(t, pull(t, second.Address()+"/overcloud/kafka:other"), "MANIFEST_UNKNOWN")
}

func TestAFlippedByteFailsThePullWithADigestErrorAndTheNextPushRepairsIt(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, "127.0.0.1:0")
	ref, err := name.ParseReference(r.Address() + "/overcloud/edge:dev")
	require.NoError(t, err)
	image, err := random.Image(5000, 1)
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, image))
	layers, err := image.Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)

	path := filepath.Join(dir, "blobs", "sha256", digest.Hex)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	require.NoError(t, os.WriteFile(path, content, 0o644))

	pulled, err := remote.Image(ref)
	require.NoError(t, err)
	got, err := pulled.Layers()
	require.NoError(t, err)
	reader, err := got[0].Compressed()
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, reader)
	require.ErrorContains(t, err, "error verifying sha256 checksum")
	require.ErrorContains(t, err, digest.Hex)

	require.NoError(t, remote.WriteLayer(ref.Context(), layers[0]))
	repaired, err := remote.Image(ref)
	require.NoError(t, err)
	require.NoError(t, readAll(repaired))
}

func TestATakenPortIsNamed(t *testing.T) {
	r := start(t, t.TempDir(), "127.0.0.1:0")
	untouched := filepath.Join(t.TempDir(), "registry")
	_, err := registry.Start(t.Context(), registry.Options{Address: r.Address(), Dir: untouched})
	require.ErrorIs(t, err, fault.ErrPortTaken)
	require.ErrorContains(t, err, r.Address())
	require.NoDirExists(t, untouched)
}

func TestOldBuildsAreForgottenButTheNewest(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, "127.0.0.1:0")
	var digests []string
	for range 6 {
		digest, err := push(t, first.Address()+"/overcloud/worker:dev").Digest()
		require.NoError(t, err)
		digests = append(digests, digest.String())
	}
	push(t, first.Address()+"/overcloud/ui:dev")
	stop(t, first)
	before := len(files(t, filepath.Join(dir, "blobs")))
	for i, digest := range digests { // so that their order does not hang on the clock's grain
		path := filepath.Join(dir, "manifests", "overcloud", "worker", "manifests", digest)
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(int64(1000+i), 0)))
	}

	second := start(t, dir, "127.0.0.1:0")
	for i, digest := range digests {
		err := pull(t, second.Address()+"/overcloud/worker@"+digest)
		if i < 2 {
			require.ErrorContains(t, err, "MANIFEST_UNKNOWN", "build %d", i)
		} else {
			require.NoError(t, err, "build %d", i)
		}
	}
	require.NoError(t, pull(t, second.Address()+"/overcloud/worker:dev"))
	require.NoError(t, pull(t, second.Address()+"/overcloud/ui:dev"))
	// An index has 2 images of 2 layers and a configuration.
	require.Len(t, files(t, filepath.Join(dir, "blobs")), before-2*6)
}

func TestAnUploadThatIsNotItsDigestLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir, "127.0.0.1:0")
	base := "http://" + r.Address()
	answer := request(t, http.MethodPost, base+"/v2/a/b/blobs/uploads/", "")
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	location := base + answer.Header.Get("Location")
	answer = request(t, http.MethodPatch, location, "hello ")
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	require.Equal(t, "0-5", answer.Header.Get("Range"))
	answer = request(t, http.MethodPut, location+"?digest=sha256:"+strings.Repeat("0", 64), "world")
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	require.Empty(t, files(t, dir))
	answer = request(t, http.MethodPatch, location, "more")
	require.Equal(t, http.StatusNotFound, answer.StatusCode)

	answer = request(t, http.MethodPost, base+"/v2/a/b/blobs/uploads/", "")
	location = base + answer.Header.Get("Location")
	request(t, http.MethodPatch, location, "hello ")
	const digest = "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9" // of "hello world"
	answer = request(t, http.MethodPut, location+"?digest="+digest, "world")
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	answer = request(t, http.MethodGet, base+"/v2/a/b/blobs/"+digest, "")
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestNothingIsWrittenOutsideTheFolder(t *testing.T) {
	dir := t.TempDir()
	r := start(t, filepath.Join(dir, "inside"), "127.0.0.1:0")
	config := fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":"sha256:%064d"}}`, 0)
	for _, path := range []string{"/v2/../../outside/manifests/x", "/v2/a/%2e%2e/%2e%2e/%2e%2e/manifests/x", "/v2/a/manifests/%2e%2e", "/v2/a/blobs/uploads/..%2f..%2fx"} {
		request(t, http.MethodPut, "http://"+r.Address()+path, config)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	for _, path := range files(t, dir) {
		require.NotContains(t, path, "outside")
	}
}

func request(t *testing.T, method, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	answer.Body.Close()
	return answer
}

func TestAnIndexOfOneImageIsStoredToo(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, "127.0.0.1:0")
	image, err := random.Image(100, 1)
	require.NoError(t, err)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}})
	ref, err := name.ParseReference(first.Address() + "/x:y")
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(ref, index))
	stop(t, first)
	require.NoError(t, pull(t, start(t, dir, "127.0.0.1:0").Address()+"/x:y"))
}
