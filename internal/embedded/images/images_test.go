package images_test

import (
	"archive/tar"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/embedded/images"
	"github.com/overcloud/overcloud/internal/embedded/registry"
	"github.com/overcloud/overcloud/internal/fault"
)

func startRegistry(t testing.TB) string {
	t.Helper()
	r, err := registry.Start(t.Context(), registry.Options{Address: "127.0.0.1:0", Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, r.Close(ctx))
	})
	return r.Address()
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
	return path
}

func options(files map[string]string) images.Options {
	return images.Options{
		Name: "kafka", Version: "dev", Files: files, Platform: images.Platform{OS: "linux", Arch: "arm", Variant: "v7"},
		Entrypoint: []string{"/kafka"}, Ports: []int{9092},
	}
}

func digest(t *testing.T, o images.Options) v1.Hash {
	t.Helper()
	image, err := images.Assemble(o)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	content, err := layers[0].Compressed()
	require.NoError(t, err)
	got, size, err := v1.SHA256(content)
	require.NoError(t, err)
	require.Equal(t, must(layers[0].Digest()), got)
	require.Equal(t, must(layers[0].Size()), size)
	h, err := image.Digest()
	require.NoError(t, err)
	return h
}

func TestAnImageHoldsItsFilesAndNothingOfTheDay(t *testing.T) {
	dir := t.TempDir()
	o := options(map[string]string{"/kafka": write(t, dir+"/k", "binary"), "/etc/conf/a": write(t, dir+"/a", "x")})
	require.NoError(t, os.Chmod(dir+"/a", 0o640))
	first := digest(t, o)
	require.NoError(t, os.Chtimes(dir+"/k", time.Unix(5, 0), time.Unix(5, 0)))
	require.Equal(t, first, digest(t, o))

	image, err := images.Assemble(o)
	require.NoError(t, err)
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, *config.Platform())
	require.Equal(t, []string{"/kafka"}, config.Config.Entrypoint)
	require.Contains(t, config.Config.ExposedPorts, "9092/tcp")
	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	content, err := layers[0].Uncompressed()
	require.NoError(t, err)
	defer content.Close()
	var listing []string
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.Zero(t, header.ModTime.Unix())
		listing = append(listing, header.FileInfo().Mode().String()+" "+header.Name)
	}
	require.Equal(t, []string{"drwxr-xr-x etc/", "drwxr-xr-x etc/conf/", "-rw-r--r-- etc/conf/a", "-rwxr-xr-x kafka", "dtrwxrwxrwx tmp/"}, listing)

	write(t, dir+"/k", "binarY")
	require.NotEqual(t, first, digest(t, o))
}

func TestTheCacheSparesReadingWhatHasNotChanged(t *testing.T) {
	dir, when := t.TempDir(), time.Unix(1_000_000, 0)
	o := options(map[string]string{"/kafka": write(t, dir+"/k", "binary")})
	o.CacheDir = dir + "/cache"
	require.NoError(t, os.Chtimes(dir+"/k", when, when))
	first := digest(t, o)
	write(t, dir+"/k", "BINARY") // the same length, and the same time: only reading it would tell
	require.NoError(t, os.Chtimes(dir+"/k", when, when))
	image, err := images.Assemble(o)
	require.NoError(t, err)
	same, err := image.Digest()
	require.NoError(t, err)
	require.Equal(t, first, same)

	require.NoError(t, os.Chtimes(dir+"/k", when, when.Add(time.Second)))
	require.NotEqual(t, first, digest(t, o))
	for _, path := range must(filepath.Glob(o.CacheDir + "/*")) {
		require.NoError(t, os.WriteFile(path, []byte("{damaged"), 0o644))
	}
	require.NotEqual(t, first, digest(t, o))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// counting counts the bytes of blobs that a push sends through it.
func counting(t *testing.T, address string) (proxied string, sent *atomic.Int64) {
	sent = &atomic.Int64{}
	proxy := httputil.NewSingleHostReverseProxy(must(url.Parse("http://" + address)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			sent.Add(r.ContentLength)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), sent
}

func TestPublishSendsEveryImageOnceForEveryPlatform(t *testing.T) {
	bin, cache := t.TempDir(), t.TempDir()
	for _, one := range images.Catalog() {
		for _, binary := range one.Binaries {
			write(t, filepath.Join(bin, binary), "host "+binary)
		}
	}
	write(t, filepath.Join(bin, "linux-arm-v7", "edge"), "pi edge")
	write(t, filepath.Join(bin, "linux-arm-v7", "influxdb"), "influxd is not there, so this is no image")
	address, sent := counting(t, startRegistry(t))
	var told []string
	publish := func() {
		told = nil
		require.NoError(t, images.Publish(t.Context(), address, "dev", bin, cache, func(name string) { told = append(told, name) }))
	}
	publish()
	slices.Sort(told)
	require.Equal(t, []string{"edge", "influxdb", "kafka", "probe", "room", "ui", "worker"}, told)
	require.Equal(t, []string{"linux/" + runtime.GOARCH, "linux/arm/v7"}, platforms(t, address, "edge"))
	require.Equal(t, []string{"linux/" + runtime.GOARCH}, platforms(t, address, "influxdb"))
	require.Positive(t, sent.Swap(0))
	publish()
	require.Zero(t, sent.Load(), "a second publish sent blobs again")
	require.Len(t, told, 7)
	write(t, filepath.Join(bin, "edge"), "host edge, built again")
	publish()
	require.Positive(t, sent.Load())
	require.Less(t, sent.Load(), int64(10_000), "more than the changed image was sent")
}

func platforms(t *testing.T, address, image string) (list []string) {
	t.Helper()
	ref, err := name.ParseReference(images.Ref(address, image, "dev"))
	require.NoError(t, err)
	index, err := remote.Index(ref)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	for _, m := range manifest.Manifests {
		list = append(list, m.Platform.String())
	}
	slices.Sort(list)
	return list
}

func TestPublishNamesEveryMissingBinaryAndSendsNothing(t *testing.T) {
	bin := t.TempDir()
	write(t, filepath.Join(bin, "edge"), "x")
	err := images.Publish(t.Context(), "127.0.0.1:1", "dev", bin, "", nil)
	for _, binary := range []string{"kafka", "influxd", "worker"} {
		require.ErrorContains(t, err, filepath.Join(bin, binary))
	}
	require.NotContains(t, err.Error(), filepath.Join(bin, "edge"))
}

func TestPushRefusesAWrongReference(t *testing.T) {
	require.ErrorIs(t, images.Push(t.Context(), "127.0.0.1:5000/Über:dev", nil), fault.ErrInvalid)
}

// One binary of 40 MB: assemble, push, pull, from nothing; then again from the cache.
func BenchmarkPushAndPull40MB(b *testing.B) {
	dir := b.TempDir()
	write(b, dir+"/k", strings.Repeat("0123456789abcdef", 40<<20/16))
	for b.Loop() {
		ref := images.Ref(startRegistry(b), "kafka", "dev")
		image, err := images.Assemble(options(map[string]string{"/kafka": dir + "/k"}))
		require.NoError(b, err)
		require.NoError(b, images.Push(b.Context(), ref, map[images.Platform]v1.Image{{OS: "linux", Arch: "amd64"}: image}))
		parsed, err := name.ParseReference(ref)
		require.NoError(b, err)
		pulled, err := remote.Image(parsed)
		require.NoError(b, err)
		layers, err := pulled.Layers()
		require.NoError(b, err)
		content, err := layers[0].Compressed()
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, content)
		require.NoError(b, err)
	}
}
