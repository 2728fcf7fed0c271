package command

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/stretchr/testify/require"
)

// systemd listens as systemd does.
type systemd struct {
	t      *testing.T
	path   string
	socket *net.UnixConn
}

func newSystemd(t *testing.T) *systemd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	return &systemd{t: t, path: path, socket: socket}
}

// next is what it is told next; empty when nothing comes in time.
func (s *systemd) next(within time.Duration) string {
	s.t.Helper()
	require.NoError(s.t, s.socket.SetReadDeadline(time.Now().Add(within)))
	buffer := make([]byte, 4096)
	n, err := s.socket.Read(buffer)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return ""
	}
	require.NoError(s.t, err)
	return string(buffer[:n])
}

func TestTheWatchdogIsStrokedOnlyWhileTheDaemonDoesItsWork(t *testing.T) {
	s := newSystemd(t)
	t.Setenv("NOTIFY_SOCKET", s.path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	w := newWatchdog(t.Context())
	require.Equal(t, 10*time.Second, w.every, "three strokes fit into WatchdogSec=30")

	w.alive(nil)
	require.Equal(t, daemon.SdNotifyWatchdog, s.next(5*time.Second))
	w.alive(nil)
	require.Empty(t, s.next(10*time.Millisecond), "not each second")

	w.next = time.Time{} // the next one is due
	w.alive(errors.New("sensor 1 of room hall hangs: it is 16s late"))
	require.Equal(t, "STATUS=sensor 1 of room hall hangs: it is 16s late", s.next(5*time.Second))
	w.alive(errors.New("sensor 1 of room hall hangs: it is 17s late"))
	require.Empty(t, s.next(10*time.Millisecond), "silence has it killed")

	w.alive(nil)
	require.Equal(t, "STATUS=", s.next(5*time.Second))
	require.True(t, strings.HasPrefix(s.next(5*time.Second), "WATCHDOG"))
}

func TestWithoutSystemdNothingIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	w := newWatchdog(t.Context())
	w.alive(nil)
	require.Zero(t, w.every)
	notify(t.Context(), daemon.SdNotifyReady)
}
