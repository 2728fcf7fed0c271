package child

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// TestMain makes this test binary the children of the tests.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD_TEST") {
	case "":
		os.Exit(m.Run())
	case "wait":
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("ready")
		<-signals
		fmt.Println("bye")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "parent": // a child in its own group, and one that went
		for _, session := range []bool{false, true} {
			cmd := exec.Command(os.Args[0])
			cmd.Env = []string{"CHILD_TEST=stubborn", os.Getenv("MARK")}
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
			cmd.Stdout = os.Stdout
			if err := cmd.Start(); err != nil {
				panic(err)
			}
		}
		time.Sleep(time.Hour)
	case "host": // starts a child and is killed
		_, err := Start(context.Background(), options("stubborn", os.Getenv("CHILD_DIR")))
		if err != nil {
			panic(err)
		}
		time.Sleep(time.Hour)
	}
}

func options(kind, dir string) Options {
	return Options{
		Name: kind, Path: os.Args[0], Env: []string{"CHILD_TEST=" + kind, "MARK=of=" + dir}, Dir: dir,
		LogFile: filepath.Join(dir, kind+".log"), PidFile: filepath.Join(dir, kind+".pid"),
	}
}

func awaitLog(t *testing.T, path string, times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		return err == nil && strings.Count(string(text), "ready\n") >= times
	}, patience, 5*time.Millisecond, path)
}

func start(t *testing.T, o Options) *Process {
	t.Helper()
	p, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.StopWith(context.Background(), syscall.SIGKILL, 0) })
	return p
}

func TestStopIsPoliteAndClearsThePidFile(t *testing.T) {
	dir := t.TempDir()
	p := start(t, options("wait", dir))
	awaitLog(t, filepath.Join(dir, "wait.log"), 1)
	require.FileExists(t, filepath.Join(dir, "wait.pid"))
	require.Equal(t, -1, p.ExitCode())
	require.NoError(t, p.Err())
	require.NoError(t, p.Stop(t.Context()))
	<-p.Done()
	require.Equal(t, 3, p.ExitCode())
	require.ErrorContains(t, p.Err(), "wait: exit status 3")
	require.NoFileExists(t, filepath.Join(dir, "wait.pid"))
	text, err := os.ReadFile(filepath.Join(dir, "wait.log"))
	require.NoError(t, err)
	require.Equal(t, "ready\nbye\n", string(text))
	require.NoError(t, p.Stop(t.Context()), "a second stop does nothing")
}

func TestStopKillsAfterTheGraceAndWhenTheContextEnds(t *testing.T) {
	dir := t.TempDir()
	p := start(t, options("stubborn", dir))
	awaitLog(t, filepath.Join(dir, "stubborn.log"), 1)
	require.NoError(t, p.StopWith(t.Context(), syscall.SIGTERM, 100*time.Millisecond))
	require.Equal(t, 137, p.ExitCode())

	p = start(t, options("stubborn", dir))
	awaitLog(t, filepath.Join(dir, "stubborn.log"), 2)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, p.Stop(ctx))
	require.Equal(t, 137, p.ExitCode())
}

func TestTheGroupGoesWithItsFirstProcessAndTheMarkFindsTheRest(t *testing.T) {
	dir := t.TempDir()
	o := options("parent", dir)
	p := start(t, o)
	awaitLog(t, o.LogFile, 2)
	require.NoError(t, p.StopWith(t.Context(), syscall.SIGTERM, time.Second))
	left, err := leftovers(Identity{}, "of="+dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "the one in a session of its own")
	require.NoError(t, End(t.Context(), Identity{}, "of="+dir, 100*time.Millisecond))
	require.False(t, left[0].Alive())
}

func TestALeftoverOfAKilledRunIsEnded(t *testing.T) {
	for _, how := range []string{"Reap", "Start"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := options("stubborn", dir)
			host := exec.Command(os.Args[0])
			host.Env = []string{"CHILD_TEST=host", "CHILD_DIR=" + dir}
			require.NoError(t, host.Start())
			awaitLog(t, o.LogFile, 1)
			require.ErrorIs(t, Reap(o.PidFile), ErrOwned, "its host runs")
			_, err := Start(t.Context(), o)
			require.ErrorIs(t, err, ErrOwned)
			text, err := os.ReadFile(o.PidFile)
			require.NoError(t, err)
			var id Identity
			_, err = fmt.Sscan(string(text), &id.PID, &id.Start, &id.Boot)
			require.NoError(t, err)
			require.NoError(t, host.Process.Kill())
			_ = host.Wait()
			require.True(t, id.Alive(), "it ignores the SIGTERM of its parent's death")
			if how == "Reap" {
				require.NoError(t, Reap(o.PidFile))
				require.NoFileExists(t, o.PidFile)
			} else {
				start(t, o)
			}
			require.False(t, id.Alive())
		})
	}
}

func TestReapLeavesOtherProcessesAlone(t *testing.T) {
	dir := t.TempDir()
	o := options("wait", dir)
	o.PidFile = ""
	p := start(t, o)
	recycled := p.Identity()
	recycled.Start--
	path := filepath.Join(dir, "old.pid")
	for _, text := range []string{fmt.Sprintf("%d %d %s\n", recycled.PID, recycled.Start, recycled.Boot), "", "nonsense", fmt.Sprintf("%d %d another-boot", recycled.PID, recycled.Start+1)} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		require.NoError(t, Reap(path))
		require.True(t, p.Identity().Alive())
	}
	require.NoError(t, Reap(filepath.Join(dir, "none.pid")))
}

func TestWhatCannotStartLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	o := options("wait", dir)
	o.Path = filepath.Join(dir, "nothing")
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, "start wait: ")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoFileExists(t, o.PidFile)
}
