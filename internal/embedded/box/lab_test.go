package box_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/embedded/box"
	"github.com/overcloud/overcloud/internal/embedded/child"
)

// patience bounds every wait of the tests; on an idle machine they take milliseconds.
const patience = 20 * time.Second

// nextIndex gives each box of the tests addresses of its own, away from those of a running OverCloud.
var nextIndex atomic.Int32

// app is the program that the test containers run, built once.
var app = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "box-app-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "app"), "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the app: %w: %s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "app"))
})

// lab is a registry and a box.
type lab struct {
	t        *testing.T
	registry string // host:port
	flip     atomic.Value
	options  box.Options
	box      *box.Box
	docker   *client.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t}
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		digest, _ := l.flip.Load().(string)
		if digest == "" || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, digest) {
			store.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		store.ServeHTTP(recorder, r)
		body := recorder.Body.Bytes()
		body[len(body)/2] ^= 1
		for key, values := range recorder.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	l.registry = strings.TrimPrefix(server.URL, "http://")
	l.options = box.Options{
		Name: "lab", Dir: t.TempDir(), ListenAddr: "127.0.0.1:0", Index: 200 + int(nextIndex.Add(1)%50),
		Labels: map[string]string{"place": "test"}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	l.start()
	t.Cleanup(l.stop)
	return l
}

func (l *lab) start() {
	l.t.Helper()
	b, err := box.New(l.options)
	require.NoError(l.t, err)
	require.NoError(l.t, b.Start(l.t.Context()))
	l.box = b
	l.docker, err = client.NewClientWithOpts(client.WithHost("tcp://"+b.Addr()), client.WithAPIVersionNegotiation())
	require.NoError(l.t, err)
}

func (l *lab) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l.docker.Close()
	if err := l.box.Close(ctx); err != nil {
		l.t.Errorf("close the box: %v", err)
	}
	for _, process := range l.processes() {
		l.t.Errorf("left running: %d %s", process.PID, process.Command)
	}
}

// processes are those whose root lies in the box's folder.
func (l *lab) processes() []child.Stat {
	all, err := child.List()
	require.NoError(l.t, err)
	var mine []child.Stat
	for _, stat := range all {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", stat.PID))
		if err == nil && stat.State != 'Z' && bytes.Contains(environ, []byte("OVERCLOUD_ROOT="+l.options.Dir)) {
			mine = append(mine, stat)
		}
	}
	return mine
}

type file struct {
	name, text, link string
	mode             int64
	kind             byte
}

// appLayer is the app in a layer, packed once: packing is slow under the race detector.
var appLayer = sync.OnceValues(func() (v1.Layer, error) {
	program, err := app()
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	err = archive.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = archive.Write(program)
	}
	if err := errors.Join(err, archive.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	}, tarball.WithCompressedCaching, tarball.WithCompressionLevel(gzip.BestSpeed))
})

func layerOf(t *testing.T, files ...file) v1.Layer {
	t.Helper()
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), Typeflag: f.kind, Linkname: f.link}
		if f.kind == 0 {
			header.Typeflag = tar.TypeReg
		}
		require.NoError(t, archive.WriteHeader(header))
		_, err := archive.Write([]byte(f.text))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil })
	require.NoError(t, err)
	return layer
}

// appImage is an image of the app for an architecture, with more layers on top.
func appImage(t *testing.T, architecture string, more ...v1.Layer) v1.Image {
	t.Helper()
	first, err := appLayer()
	require.NoError(t, err)
	layers := append([]v1.Layer{first}, more...)
	built, err := mutate.AppendLayers(empty.Image, layers...)
	require.NoError(t, err)
	config, err := built.ConfigFile()
	require.NoError(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", architecture
	config.Config = v1.Config{Entrypoint: []string{"/app"}, Env: []string{"FROM_IMAGE=1", "BOTH=image"}, Labels: map[string]string{"made": "here"}}
	built, err = mutate.ConfigFile(built, config)
	require.NoError(t, err)
	return built
}

// push puts an index for amd64 and arm64 into the registry and returns its name.
func (l *lab) push(repository string, more ...v1.Layer) (ref string, index v1.ImageIndex) {
	l.t.Helper()
	index = empty.Index
	for _, architecture := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        appImage(l.t, architecture, more...),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	ref = l.registry + "/" + repository + ":dev"
	parsed, err := name.ParseReference(ref)
	require.NoError(l.t, err)
	require.NoError(l.t, remote.WriteIndex(parsed, index))
	return ref, index
}

// pull pulls and returns the stream's messages and the error in it.
func (l *lab) pull(ref string) (messages []string, fault error) {
	l.t.Helper()
	stream, err := l.docker.ImagePull(l.t.Context(), ref, image.PullOptions{})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	decoder := json.NewDecoder(stream)
	for {
		var message struct {
			Status, ID  string
			ErrorDetail struct{ Message string }
		}
		if err := decoder.Decode(&message); err != nil {
			require.ErrorIs(l.t, err, io.EOF)
			return messages, fault
		}
		messages = append(messages, strings.TrimSpace(message.ID+" "+message.Status))
		if message.ErrorDetail.Message != "" {
			fault = fmt.Errorf("%s", message.ErrorDetail.Message)
		}
	}
}

// ready has the app's image on the box.
func (l *lab) ready() string {
	l.t.Helper()
	ref, _ := l.push("overcloud/app")
	_, err := l.pull(ref)
	require.NoError(l.t, err)
	return ref
}

// run creates and starts a container.
func (l *lab) run(name string, config api.Config, host api.HostConfig) string {
	l.t.Helper()
	made, err := l.docker.ContainerCreate(l.t.Context(), &config, &host, nil, nil, name)
	require.NoError(l.t, err)
	require.NoError(l.t, l.docker.ContainerStart(l.t.Context(), made.ID, api.StartOptions{}))
	return made.ID
}

func (l *lab) inspect(id string) api.InspectResponse {
	l.t.Helper()
	full, err := l.docker.ContainerInspect(l.t.Context(), id)
	require.NoError(l.t, err)
	return full
}

// address is a container's own.
func address(full api.InspectResponse) string {
	for _, endpoint := range full.NetworkSettings.Networks {
		return endpoint.IPAddress
	}
	return ""
}

// output is what a container has written, stdout and stderr.
func (l *lab) output(id string, options api.LogsOptions) (string, string) {
	l.t.Helper()
	if !options.ShowStdout && !options.ShowStderr {
		options.ShowStdout, options.ShowStderr = true, true
	}
	stream, err := l.docker.ContainerLogs(l.t.Context(), id, options)
	require.NoError(l.t, err)
	defer stream.Close()
	var out, errs bytes.Buffer
	_, err = stdcopy.StdCopy(&out, &errs, stream)
	require.NoError(l.t, err)
	return out.String(), errs.String()
}

func (l *lab) eventually(condition func() bool, what string) {
	l.t.Helper()
	require.Eventually(l.t, condition, patience, 10*time.Millisecond, what)
}

// says waits until a container has written a text.
func (l *lab) says(id, text string) string {
	l.t.Helper()
	var out string
	l.eventually(func() bool {
		out, _ = l.output(id, api.LogsOptions{ShowStdout: true})
		return strings.Contains(out, text)
	}, "the container says "+text)
	return out
}

func mustPush(l *lab) string {
	l.t.Helper()
	ref, _ := l.push("overcloud/app")
	return ref
}

// hostImage is the image of an index for this machine.
func hostImage(t *testing.T, index v1.ImageIndex) v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	for _, m := range manifest.Manifests {
		if m.Platform.Architecture == runtime.GOARCH {
			found, err := index.Image(m.Digest)
			require.NoError(t, err)
			return found
		}
	}
	t.Fatalf("no image for %s", runtime.GOARCH)
	return nil
}

func layerDigest(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	layers, err := hostImage(t, index).Layers()
	require.NoError(t, err)
	digest, err := layers[0].Digest()
	require.NoError(t, err)
	return digest.String()
}
