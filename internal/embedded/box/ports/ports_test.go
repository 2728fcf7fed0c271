package ports

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestBothDirectionsAndTheirEndsAreForwarded(t *testing.T) {
	server := listen(t)
	proxy, err := Listen(t.Context(), "127.0.0.1:0", server.Addr().String(), slog.Default())
	require.NoError(t, err)
	defer proxy.Close()
	client, err := net.Dial("tcp", proxy.Address().String())
	require.NoError(t, err)
	defer client.Close()
	conn, err := server.Accept()
	require.NoError(t, err)
	defer conn.Close()
	_, err = client.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, client.(*net.TCPConn).CloseWrite())
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "question", string(text))
	_, err = conn.Write([]byte("answer"))
	require.NoError(t, err)
	conn.Close()
	text, err = io.ReadAll(client)
	require.NoError(t, err)
	require.Equal(t, "answer", string(text))
}

func TestCloseCutsOpenConnectionsAndFreesThePort(t *testing.T) {
	server := listen(t)
	proxy, err := Listen(t.Context(), "127.0.0.1:0", server.Addr().String(), slog.Default())
	require.NoError(t, err)
	address := proxy.Address().String()
	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer client.Close()
	conn, err := server.Accept()
	require.NoError(t, err)
	defer conn.Close()
	_, err = Listen(t.Context(), address, "127.0.0.1:1", slog.Default())
	require.ErrorIs(t, err, ErrTaken)
	proxy.Close() // returns only when nothing is left of it
	require.NoError(t, client.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = client.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, net.ErrClosed)
	again, err := Listen(t.Context(), address, "127.0.0.1:1", slog.Default())
	require.NoError(t, err)
	again.Close()
}

func TestACallerOfADeadTargetSeesAClosedConnection(t *testing.T) {
	server := listen(t)
	target := server.Addr().String()
	server.Close()
	proxy, err := Listen(t.Context(), "127.0.0.1:0", target, slog.Default())
	require.NoError(t, err)
	defer proxy.Close()
	client, err := net.Dial("tcp", proxy.Address().String())
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = client.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}
