package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func read(t *testing.T, l *Log, query Query) []string {
	t.Helper()
	var got []string
	require.NoError(t, l.Read(t.Context(), query, func(e Entry) error {
		got = append(got, strings.TrimSuffix(e.Text, "\n"))
		return nil
	}))
	return got
}

func TestRotationKeepsTwoFilesAndOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := Open(path, 1000)
	require.NoError(t, err)
	var all []string
	for i := range 100 {
		line := fmt.Sprintf("line %d", i)
		all = append(all, line)
		require.NoError(t, l.Write(Entry{Text: line + "\n", Stream: Stdout, Time: time.Now()}))
	}
	for _, file := range []string{path, path + ".1"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1000))
	}
	got := read(t, l, Query{Stdout: true, Tail: -1})
	require.Greater(t, len(got), 10)
	require.Equal(t, all[len(all)-len(got):], got)
	require.Equal(t, all[97:], read(t, l, Query{Stdout: true, Tail: 3}))
	require.Empty(t, read(t, l, Query{Stdout: true, Tail: 0}))
	require.Empty(t, read(t, l, Query{Stderr: true, Tail: -1}))
	require.NoError(t, l.Close())

	again, err := Open(path, 1000)
	require.NoError(t, err)
	require.Equal(t, got, read(t, again, Query{Stdout: true, Tail: -1}), "after a restart")
	require.NoError(t, again.Close())
}

func TestAFollowerGetsEachLineOnceAcrossRotations(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "log"), 2000)
	require.NoError(t, err)
	ended := make(chan struct{})
	got := make(chan string, 1000)
	done := make(chan error, 1)
	go func() {
		done <- l.Read(context.Background(), Query{Stdout: true, Tail: -1, Follow: ended}, func(e Entry) error {
			got <- e.Text
			return nil
		})
	}()
	const lines = 200
	for i := range lines {
		require.NoError(t, l.Write(Entry{Text: fmt.Sprint(i), Stream: Stdout, Time: time.Now()}))
		select { // in step, so that rotation never overtakes the reader
		case text := <-got:
			require.Equal(t, fmt.Sprint(i), text)
		case <-time.After(10 * time.Second):
			t.Fatalf("line %d did not come", i)
		}
	}
	require.NoError(t, l.Write(Entry{Text: "last", Stream: Stdout, Time: time.Now()}))
	close(ended)
	require.NoError(t, <-done)
	require.Equal(t, "last", <-got)
	require.Empty(t, got)
}

func TestATornLineIsSkippedAndALongOneKeptInParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte("{\"log\":\"torn\n"), 0o600))
	l, err := Open(path, 0)
	require.NoError(t, err)
	long := strings.Repeat("x", 40<<10)
	require.NoError(t, l.Copy(Stdout, strings.NewReader("short\n"+long+"\nno newline")))
	got := read(t, l, Query{Stdout: true, Tail: -1})
	require.Equal(t, "short", got[0])
	require.Equal(t, long, strings.Join(got[1:len(got)-1], ""))
	require.Equal(t, "no newline", got[len(got)-1])
}

func TestAReadersErrorEndsTheReading(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "log"), 0)
	require.NoError(t, err)
	require.NoError(t, l.Write(Entry{Text: "a", Stream: Stderr}))
	gone := errors.New("gone")
	require.ErrorIs(t, l.Read(t.Context(), Query{Stderr: true, Tail: -1, Follow: make(chan struct{})}, func(Entry) error { return gone }), gone)
}
