package docker_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
)

// lab is a registry that can be made to misbehave.
type lab struct {
	t       *testing.T
	host    string
	corrupt atomic.Bool // flips one byte of every layer
	locked  atomic.Bool // wants credentials
	folder  string
}

func newLab(t *testing.T, address string) *lab {
	t.Helper()
	l := &lab{t: t, folder: t.TempDir()}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case l.locked.Load() && (user != "u" || password != "p"):
			w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
		case l.corrupt.Load() && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/"):
			recorded := httptest.NewRecorder()
			real.ServeHTTP(recorded, r)
			body := recorded.Body.Bytes()
			if len(body) > 4096 { // the layer, not the configuration
				body[len(body)/2] ^= 1
			}
			for key, values := range recorded.Header() {
				w.Header()[key] = values
			}
			w.WriteHeader(recorded.Code)
			w.Write(body)
		default:
			real.ServeHTTP(w, r)
		}
	}))
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	l.host = strings.TrimPrefix(server.URL, "http://")
	return l
}

// here and elsewhere are the architecture of this machine and another one.
const here = runtime.GOARCH

func elsewhere() string {
	if here == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// build compiles a main of this module, statically.
func (l *lab) build(pkg string) []byte {
	l.t.Helper()
	out := filepath.Join(l.folder, strings.ReplaceAll(pkg, "/", "-"))
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := build.CombinedOutput()
	require.NoError(l.t, err, "%s", said)
	program, err := os.ReadFile(out)
	require.NoError(l.t, err)
	return program
}

// publish pushes an index of one image for each architecture, with the program as its entrypoint, under
// REGISTRY/test/NAME:dev. A nonce makes every image new, so that no test finds another's on the engine. The
// program is this machine's in all of them: only this machine's is ever run.
func (l *lab) publish(image, pkg string, arches ...string) plan.Pull {
	l.t.Helper()
	var index v1.ImageIndex = empty.Index
	var manifest string
	nonce, program := fmt.Sprintf("%d", rand.Uint64()), l.build(pkg)
	for _, arch := range arches {
		layer := layerOf(l.t, map[string][]byte{image: program, "nonce": []byte(nonce + arch)})
		made, err := mutate.AppendLayers(empty.Image, layer)
		require.NoError(l.t, err)
		config, err := made.ConfigFile()
		require.NoError(l.t, err)
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", arch
		config.Config.Entrypoint = []string{"/" + image}
		made, err = mutate.ConfigFile(made, config)
		require.NoError(l.t, err)
		platform := &v1.Platform{OS: "linux", Architecture: arch}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: made, Descriptor: v1.Descriptor{Platform: platform}})
		if arch == here {
			digest, err := made.Digest()
			require.NoError(l.t, err)
			manifest = digest.String()
		}
	}
	ref, err := name.ParseReference(l.host + "/test/" + image + ":dev")
	require.NoError(l.t, err)
	require.NoError(l.t, remote.WriteIndex(ref, index))
	digest, err := index.Digest()
	require.NoError(l.t, err)
	return plan.Pull{
		Image: ref.String(), Digest: digest.String(), Manifest: manifest, OS: "linux", Arch: here,
	}
}

func layerOf(t *testing.T, files map[string][]byte) v1.Layer {
	t.Helper()
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for file, content := range files {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: file, Mode: 0o755, Size: int64(len(content))}))
		_, err := archive.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	})
	require.NoError(t, err)
	return layer
}
