//go:build integration

package lab_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/nat"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// pull pulls an image on a box as the docker command does and gives the error of its last line.
func pull(t *testing.T, api *client.Client, ref string, o image.PullOptions) error {
	t.Helper()
	stream, err := api.ImagePull(t.Context(), ref, o)
	if err != nil {
		return err
	}
	defer stream.Close()
	return lastError(stream)
}

func TestBoxesAnswerOverMutualTLSAndNobodyElseGetsIn(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2})
	for _, box := range l.Boxes() {
		info, err := labtest.Client(t, box).Info(t.Context())
		require.NoError(t, err)
		require.Equal(t, box.Name, info.Name, "its own host name")

		url := "https://" + box.Address + ":2376/_ping"
		stranger := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}}
		_, err = stranger.Get(url)
		require.ErrorContains(t, err, "certificate", "a client without a certificate")
	}
}

func TestAnImageIsPulledThroughTLSAndRuns(t *testing.T) {
	l := labtest.New(t, lab.Options{Boxes: 2})
	app := labtest.Image(t, l, lab.TestImage{Name: "app", Bytes: 4 << 20, Layers: 2, Environment: []string{"NAME=app"}})
	require.Greater(t, app.Bytes, int64(4<<20))
	first, second := l.Boxes()[0], l.Boxes()[1]
	api := labtest.Client(t, first)
	ref := l.Registry().Ref(app)
	require.NoError(t, pull(t, api, ref, image.PullOptions{}))
	inspected, err := api.ImageInspect(t.Context(), ref)
	require.NoError(t, err)
	require.Contains(t, inspected.RepoDigests, l.Registry().Host()+"/test/app@"+app.Digest)
	require.Equal(t, 3, l.Registry().Count(http.MethodGet, "/blobs/")-1, "3 layers and the configuration, once each")

	made, err := api.ContainerCreate(t.Context(), &container.Config{Image: ref, ExposedPorts: nat.PortSet{"7000/tcp": {}}},
		&container.HostConfig{PortBindings: nat.PortMap{"7000/tcp": {{HostPort: "7000"}}}}, nil, nil, "app")
	require.NoError(t, err)
	require.NoError(t, api.ContainerStart(t.Context(), made.ID, container.StartOptions{}))

	other := labtest.Client(t, second)
	require.NoError(t, pull(t, other, ref, image.PullOptions{}))
	out := run(t, other, ref, nil, "dial", first.Address+":7000")
	require.Equal(t, "app@"+made.ID[:12]+"\n", out, "a container on box2 reaches one on box1 at its published port")
}

func TestPlainEnginesAnswerWithoutTLS(t *testing.T) {
	l := labtest.New(t, lab.Options{Plain: true})
	box := l.Boxes()[0]
	require.Empty(t, box.TLS)
	_, err := labtest.Client(t, box).Info(t.Context())
	require.NoError(t, err)
}

// run runs a container to its end and gives what it wrote.
func run(t *testing.T, api *client.Client, ref string, host *container.HostConfig, command ...string) string {
	t.Helper()
	ctx := t.Context()
	made, err := api.ContainerCreate(ctx, &container.Config{Image: ref, Cmd: command, Tty: true}, host, nil, nil, "")
	require.NoError(t, err)
	done, failed := api.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
	require.NoError(t, api.ContainerStart(ctx, made.ID, container.StartOptions{}))
	select {
	case <-done:
	case err := <-failed:
		require.NoError(t, err)
	}
	logs, err := api.ContainerLogs(ctx, made.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	require.NoError(t, err)
	defer logs.Close()
	text, err := io.ReadAll(logs)
	require.NoError(t, err)
	require.NoError(t, api.ContainerRemove(ctx, made.ID, container.RemoveOptions{Force: true}))
	return crlf(string(text))
}
