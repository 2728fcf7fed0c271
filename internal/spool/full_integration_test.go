//go:build integration

package spool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of 1 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

// hog fills what is left of a disk.
func hog(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "hog")
	file, err := os.Create(path)
	require.NoError(t, err)
	for chunk := make([]byte, 4096); err == nil; {
		_, err = file.Write(chunk)
	}
	require.ErrorIs(t, err, unix.ENOSPC)
	require.NoError(t, file.Close())
	return path
}

func TestOnAFullDiskTheOldestMakeWay(t *testing.T) {
	disk := smallDisk(t)
	s := open(t, filepath.Join(disk, "spool"), Options{SegmentBytes: 16 << 10, MaxBytes: 64 << 20})
	const n = 100_000
	put(t, s, 0, n) // more than the disk takes, less than the limit
	stats := s.Stats()
	require.NotZero(t, stats.Dropped)
	require.EqualValues(t, n, stats.Dropped+uint64(stats.Depth))
	require.Equal(t, count(n-stats.Depth, n), drain(t, s), "the newest stay, in order")
	require.Empty(t, s.Damages())
}

func TestOnADiskFullOfOthersFilesRecordsAreRefusedAndCounted(t *testing.T) {
	disk := smallDisk(t)
	dir := filepath.Join(disk, "spool")
	s := open(t, dir, Options{})
	put(t, s, 0, 100)
	path := hog(t, disk)
	made := 100
	for ; ; made++ { // what is left of the segment's last page takes some more
		if err := s.Append(numbered(made)); err != nil {
			require.ErrorIs(t, err, ErrFull)
			break
		}
	}
	require.ErrorIs(t, s.Append(numbered(-1)), ErrFull)
	require.EqualValues(t, 2, s.Stats().Dropped)

	got := drain(t, s) // the broker takes what there is, full disk or not
	require.Equal(t, count(0, made), got)
	put(t, s, 1000, 1050) // and what was delivered makes way
	require.Equal(t, count(1000, 1050), drain(t, s))
	require.NoError(t, s.Close())

	// A start on a full disk.
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Remove(path))
	hog(t, disk)
	s = open(t, dir, Options{})
	require.ErrorIs(t, s.Append(numbered(1)), ErrFull)
	require.NoError(t, os.Remove(path))
	put(t, s, 0, 10)
	require.Equal(t, count(0, 10), drain(t, s), "it recovers by itself")
}
