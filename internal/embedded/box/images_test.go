package box_test

import (
	"archive/tar"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/require"
)

func TestPullBringsTheHostsPlatformAndSaysSoAsDockerdDoes(t *testing.T) {
	l := newLab(t)
	ref, index := l.push("overcloud/app", layerOf(t, file{name: "etc/app.conf", text: "a=1", mode: 0o640}))
	messages, err := l.pull(ref)
	require.NoError(t, err)
	digest, err := index.Digest()
	require.NoError(t, err)
	text := strings.Join(messages, "\n")
	for _, part := range []string{
		"dev Pulling from overcloud/app", "Pulling fs layer", "Downloading", "Download complete", "Pull complete",
		"Digest: " + digest.String(), "Status: Downloaded newer image for " + ref,
	} {
		require.Contains(t, text, part)
	}
	found, err := l.docker.ImageInspect(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, []string{ref}, found.RepoTags)
	require.Equal(t, []string{strings.TrimSuffix(ref, ":dev") + "@" + digest.String()}, found.RepoDigests)
	require.Equal(t, runtime.GOARCH, found.Architecture)
	require.Equal(t, "linux", found.Os)
	require.Equal(t, []string{"/app"}, found.Config.Entrypoint)
	require.Greater(t, found.Size, int64(1<<20))
	info, err := os.Stat(filepath.Join(found.GraphDriver.Data["Root"], "etc/app.conf"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	again, err := l.pull(strings.TrimSuffix(ref, ":dev") + "@" + digest.String())
	require.NoError(t, err)
	require.Contains(t, strings.Join(again, "\n"), "Status: Image is up to date")
}

func TestConcurrentPullsOfOneImageAllSucceed(t *testing.T) {
	l := newLab(t)
	ref, _ := l.push("overcloud/app")
	var all sync.WaitGroup
	faults := make([]error, 8)
	for i := range faults {
		all.Add(1)
		go func() {
			defer all.Done()
			_, faults[i] = l.pull(ref)
		}()
	}
	all.Wait()
	for _, err := range faults {
		require.NoError(t, err)
	}
	entries, err := os.ReadDir(filepath.Join(l.options.Dir, "images"))
	require.NoError(t, err)
	require.Len(t, entries, 2, "one image and the names, no leavings: %v", entries)
}

func TestAFlippedByteInALayerLeavesNoImage(t *testing.T) {
	l := newLab(t)
	ref, index := l.push("overcloud/app")
	layer := layerDigest(t, index)
	l.flip.Store(layer)
	_, err := l.pull(ref)
	require.ErrorContains(t, err, "filesystem layer verification failed for digest "+layer)
	require.Equal(t, 2, strings.Count(err.Error(), "sha256:"), "both digests: %v", err)
	list, err := l.docker.ImageList(t.Context(), image.ListOptions{All: true})
	require.NoError(t, err)
	require.Empty(t, list)
	l.flip.Store("")
	_, err = l.pull(ref)
	require.NoError(t, err)
}

func TestAFlippedByteInTheConfigurationLeavesNoImage(t *testing.T) {
	l := newLab(t)
	ref, index := l.push("overcloud/app")
	config, err := hostImage(t, index).ConfigName()
	require.NoError(t, err)
	l.flip.Store(config.String())
	_, err = l.pull(ref)
	require.ErrorContains(t, err, "digest mismatch")
	require.ErrorContains(t, err, config.String())
	_, err = l.docker.ImageInspect(t.Context(), ref)
	require.True(t, errdefs.IsNotFound(err))
}

func TestLayersThatLeadOutOfTheImageAreRefused(t *testing.T) {
	for name, files := range map[string][]file{
		"a path with dots":        {{name: "../evil", text: "x", mode: 0o644}},
		"a symlink out of it":     {{name: "link", kind: tar.TypeSymlink, link: "../../../etc"}},
		"a hard link out of it":   {{name: "link", kind: tar.TypeLink, link: "../../etc/passwd"}},
		"a device":                {{name: "dev/null", kind: tar.TypeChar, mode: 0o666}},
		"a write through symlink": {{name: "etc", kind: tar.TypeSymlink, link: "/../../tmp"}, {name: "etc/../../evil", text: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			ref, _ := l.push("overcloud/evil", layerOf(t, files...))
			_, err := l.pull(ref)
			require.Error(t, err)
			_, err = l.docker.ImageInspect(t.Context(), ref)
			require.True(t, errdefs.IsNotFound(err), "%v", err)
		})
	}
}

func TestWhiteoutsAndAbsoluteSymlinksStayWithinTheImage(t *testing.T) {
	l := newLab(t)
	ref, _ := l.push("overcloud/layers",
		layerOf(t, file{name: "etc/old", text: "old", mode: 0o644}, file{name: "usr/share/a", text: "a", mode: 0o644}, file{name: "opt", kind: tar.TypeSymlink, link: "/usr/share"}),
		layerOf(t, file{name: "etc/.wh.old"}, file{name: "opt/b", text: "b", mode: 0o644}))
	_, err := l.pull(ref)
	require.NoError(t, err)
	found, err := l.docker.ImageInspect(t.Context(), ref)
	require.NoError(t, err)
	root := found.GraphDriver.Data["Root"]
	require.NoFileExists(t, filepath.Join(root, "etc/old"))
	text, err := os.ReadFile(filepath.Join(root, "usr/share/b"))
	require.NoError(t, err)
	require.Equal(t, "b", string(text))
}

func TestWhatTheRegistryRefusesIsSaid(t *testing.T) {
	l := newLab(t)
	_, err := l.pull(l.registry + "/overcloud/nothing:dev")
	require.True(t, errdefs.IsNotFound(err), "%v", err)
	_, err = l.pull("127.0.0.1:1/overcloud/app:dev")
	require.ErrorContains(t, err, "connection refused")
	stream, err := l.docker.ImagePull(t.Context(), mustPush(l), image.PullOptions{Platform: "linux/s390x"})
	if err == nil {
		stream.Close()
	}
	require.ErrorContains(t, err, "no matching manifest for linux/s390x")
}

func TestImagesAreTaggedAndRemovedButNotWhileUsed(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	require.NoError(t, l.docker.ImageTag(t.Context(), ref, "other:1"))
	removed, err := l.docker.ImageRemove(t.Context(), "other:1", image.RemoveOptions{})
	require.NoError(t, err)
	require.Equal(t, []image.DeleteResponse{{Untagged: "other:1"}}, removed)
	id := l.run("user", api.Config{Image: ref, Cmd: []string{"exit", "0"}}, api.HostConfig{})
	_, err = l.docker.ImageRemove(t.Context(), ref, image.RemoveOptions{Force: true})
	require.True(t, errdefs.IsConflict(err), "%v", err)
	require.NoError(t, l.docker.ContainerRemove(t.Context(), id, api.RemoveOptions{Force: true}))
	_, err = l.docker.ImageRemove(t.Context(), ref, image.RemoveOptions{})
	require.NoError(t, err)
	_, err = l.docker.ContainerCreate(t.Context(), &api.Config{Image: ref}, nil, nil, nil, "")
	require.True(t, errdefs.IsNotFound(err))
	require.ErrorContains(t, err, "No such image: "+ref)
}

func TestABinaryChangedOnTheBoxDoesNotRun(t *testing.T) {
	l := newLab(t)
	ref := l.ready()
	found, err := l.docker.ImageInspect(t.Context(), ref)
	require.NoError(t, err)
	id := l.run("victim", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
	require.NoError(t, l.docker.ContainerStop(t.Context(), id, api.StopOptions{}))
	program := filepath.Join(found.GraphDriver.Data["Root"], "app")
	text, err := os.ReadFile(program)
	require.NoError(t, err)
	text[len(text)-1] ^= 1
	require.NoError(t, os.WriteFile(program, text, 0o755))

	err = l.docker.ContainerStart(t.Context(), id, api.StartOptions{})
	require.ErrorContains(t, err, "digest does not match")
	require.Equal(t, "exited", l.inspect(id).State.Status)
	_, err = l.docker.ImageInspect(t.Context(), ref)
	require.True(t, errdefs.IsNotFound(err), "nothing more is made of it: %v", err)
	_, err = l.pull(ref)
	require.NoError(t, err)
	require.NoError(t, l.docker.ContainerRemove(t.Context(), id, api.RemoveOptions{}))
	l.run("victim", api.Config{Image: ref, Cmd: []string{"wait"}}, api.HostConfig{})
}
