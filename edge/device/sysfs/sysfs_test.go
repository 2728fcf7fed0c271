package sysfs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/edge/device/iio"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/edge/device/sysfs/recorded"
	"github.com/overcloud/overcloud/edge/device/w1"
)

// lay makes a true tree of files and links, as the kernel has it.
func lay(t *testing.T, files map[string]string, links map[string]string) sysfs.Dir {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	for name, to := range links {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.Symlink(to, path))
	}
	return sysfs.Dir(root)
}

func TestTrueFilesAndLinks(t *testing.T) {
	tree := lay(t, map[string]string{
		"devices/platform/dht11@4/iio:device0/name":                      "dht11@4\n",
		"devices/platform/dht11@4/iio:device0/in_temp_input":             "24300\n",
		"devices/platform/dht11@4/iio:device0/in_humidityrelative_input": "45200\n",
		"devices/w1_bus_master1/28-0000075f1c2d/temperature":             "21062\n",
		"devices/w1_bus_master1/28-0000075f1c2d/features":                "0\n",
	}, map[string]string{
		"bus/iio/devices/iio:device0":     "../../../devices/platform/dht11@4/iio:device0",
		"bus/w1/devices/28-0000075f1c2d":  "../../../devices/w1_bus_master1/28-0000075f1c2d",
		"bus/w1/devices/w1_bus_master1":   "../../../devices/w1_bus_master1",
		"bus/w1/devices/28-00000000dead":  "../../../devices/w1_bus_master1/28-00000000dead",
		"bus/w1/devices/28-0000000fffff1": "/etc",
	})
	dht, err := iio.New(tree, "dht11@4/dht11@4")
	require.NoError(t, err)
	m, err := dht.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 24.3, m.Celsius, 1e-9)
	require.InDelta(t, 45.2, m.Humidity, 1e-9)

	ds, err := w1.New(w1.NewHub(tree), "28-0000075f1c2d")
	require.NoError(t, err)
	m, err = ds.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 21.062, m.Celsius, 1e-9)
	text, err := tree.Read("devices/w1_bus_master1/28-0000075f1c2d/features")
	require.NoError(t, err)
	require.Equal(t, "3\n", text+"\n")

	real, err := tree.Real("bus/w1/devices/28-0000075f1c2d")
	require.NoError(t, err)
	require.Equal(t, "devices/w1_bus_master1/28-0000075f1c2d", real)
	_, err = tree.Real("bus/w1/devices/28-0000000fffff1")
	require.ErrorContains(t, err, "leads out of")
	_, err = tree.Real("bus/w1/devices/28-00000000dead")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = tree.Read("bus/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, tree.Write("bus/none", "1"), fs.ErrNotExist)
	_, err = os.Stat(filepath.Join(string(tree), "bus/none"))
	require.ErrorIs(t, err, fs.ErrNotExist, "a file that is not there is not made")
	names, err := tree.List("bus/none")
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestAReadIsBoundedAndWaitsForNoPipe(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "long"), []byte(strings.Repeat("x", 10_000)), 0o600))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	text, err := sysfs.Dir(dir).Read("long")
	require.NoError(t, err)
	require.Len(t, text, sysfs.ReadMost)
	_, err = sysfs.Dir(dir).Read("pipe")
	require.ErrorIs(t, err, unix.EINVAL)
}

func TestTheKernelsOwnFiles(t *testing.T) {
	text, err := sysfs.Dir("/proc").Read("sys/kernel/ostype")
	require.NoError(t, err)
	require.Equal(t, "Linux", text)
}

func TestOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var alone sysfs.Alone[int]
		var running, most, calls atomic.Int32
		slow := func() (int, error) {
			calls.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Minute)
			return int(calls.Load()), nil
		}
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := alone.Do(ctx, slow)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		require.EqualValues(t, 1, calls.Load(), "five wait for one")
		n, err := alone.Do(t.Context(), slow)
		require.NoError(t, err)
		require.Equal(t, 1, n, "the sixth has its answer")
		n, err = alone.Do(t.Context(), slow)
		require.NoError(t, err)
		require.Equal(t, 2, n, "and the seventh one of its own")
		require.EqualValues(t, 1, most.Load())

		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = alone.Do(ended, slow)
		require.ErrorIs(t, err, context.Canceled)
		require.EqualValues(t, 2, calls.Load(), "nothing is begun for who is gone")
	})
}

// hung is a driver that answers after an hour.
type hung struct {
	*recorded.Tree
	inside *atomic.Int32
}

func (h hung) Read(name string) (string, error) {
	if strings.HasSuffix(name, "_input") {
		h.inside.Add(1)
		defer h.inside.Add(-1)
		time.Sleep(time.Hour)
	}
	return h.Tree.Read(name)
}

func TestADHTDriverThatHangsLeaksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree, err := recorded.Parse("-- bus/iio/devices/iio:device0/name --\ndht11\n-- bus/iio/devices/iio:device0/in_temp_input --\n24000\n")
		require.NoError(t, err)
		h := hung{tree, &atomic.Int32{}}
		dht, err := iio.New(h, "dht11")
		require.NoError(t, err)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, err := dht.Read(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
			require.EqualValues(t, 1, h.inside.Load())
			time.Sleep(10 * time.Second)
		}
		m, err := dht.Read(t.Context())
		require.NoError(t, err)
		require.InDelta(t, 24, m.Celsius, 0)
	})
}

func TestRecordedTrees(t *testing.T) {
	tree, err := recorded.Parse("comment\n-- a/b (read only) --\n1\n~\n!EIO\n~\n!EMPTY\n-- a/c --\nx\n-- l -> a --\n")
	require.NoError(t, err)
	text, err := tree.Read("l/b")
	require.NoError(t, err)
	require.Equal(t, "1", text)
	_, err = tree.Read("a/b")
	require.ErrorIs(t, err, unix.EIO)
	for range 2 {
		text, err = tree.Read("a/b")
		require.NoError(t, err)
		require.Empty(t, text)
	}
	require.ErrorIs(t, tree.Write("l/b", "2"), fs.ErrPermission)
	require.NoError(t, tree.Write("l/c", "2\n"))
	require.Equal(t, []string{"a/c: 2"}, tree.Wrote())
	names, err := tree.List("l")
	require.NoError(t, err)
	require.Equal(t, []string{"b", "c"}, names)
	_, err = recorded.Parse("nothing here")
	require.Error(t, err)
	other, err := recorded.Parse("-- z --\n!ENONSENSE\n")
	require.NoError(t, err)
	tree.Become(other)
	_, err = tree.Read("z")
	require.ErrorContains(t, err, "no error is called ENONSENSE")
	var path *fs.PathError
	require.True(t, errors.As(err, &path))
}
