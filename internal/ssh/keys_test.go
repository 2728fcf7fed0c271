package ssh

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// An agent that accepts and stays silent (a forwarded one whose session hangs) must not hold a box's turn to connect
// for ever.
func TestASilentAgentIsNotWaitedForLongerThanTheLogin(t *testing.T) {
	folder, err := os.MkdirTemp("", "oc") // t.TempDir() is too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := filepath.Join(folder, "agent.sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	h := New(Options{Getenv: func(name string) string { return map[string]string{"SSH_AUTH_SOCK": socket}[name] }})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := h.keys(ctx)
		ended <- err
	}()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "lists no keys")
	case <-time.After(3 * time.Second):
		t.Fatal("it is still waited for")
	}
}
