package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func probe(t *testing.T, args ...string) (code int, result Result, out, faults string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), args, &stdout, &stderr)
	if strings.HasPrefix(stdout.String(), "{") {
		require.Equal(t, 1, strings.Count(stdout.String(), "\n"), "one line")
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &result))
	}
	return code, result, stdout.String(), stderr.String()
}

func TestConnects(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())

	code, result, _, _ := probe(t, "localhost:"+port)
	require.Zero(t, code)
	require.True(t, result.Connected)
	require.Equal(t, "127.0.0.1:"+port, result.Address)
	require.Positive(t, result.Millis)
	require.Empty(t, result.Fault)
}

func TestSaysWhyNot(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := listener.Addr().String()
	listener.Close()

	code, result, _, _ := probe(t, closed, "2s")
	require.Equal(t, 1, code)
	require.False(t, result.Connected)
	require.Equal(t, closed+" refused the connection", result.Fault)

	code, result, _, _ = probe(t, "no-such-host.invalid:80", "2s")
	require.Equal(t, 1, code)
	require.Equal(t, "no-such-host.invalid:80", result.Address)
	require.Contains(t, result.Fault, "name no-such-host.invalid: ")

	code, result, _, _ = probe(t, "127.0.0.1:99999")
	require.Equal(t, 1, code)
	require.Equal(t, "99999 is no port", result.Fault)
}

func TestTriesAllAddressesAtOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	silent, open := fullListener(t), listener.Addr().String()
	var stdout, stderr bytes.Buffer
	begun := time.Now()
	require.Equal(t, 1, run(context.Background(), []string{silent, open, silent, "300ms"}, &stdout, &stderr))
	require.Less(t, time.Since(begun), 550*time.Millisecond, "side by side")
	var all []Result
	for line := range strings.Lines(stdout.String()) {
		var one Result
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		all = append(all, one)
	}
	require.Len(t, all, 3)
	require.Equal(t, []string{silent, open, silent}, []string{all[0].Asked, all[1].Asked, all[2].Asked})
	require.Equal(t, []bool{false, true, false}, []bool{all[0].Connected, all[1].Connected, all[2].Connected})
}

// A listener whose queue is full leaves further connections without an answer.
func TestSaysThatNobodyAnswered(t *testing.T) {
	full := fullListener(t)
	code, result, _, _ := probe(t, full, "100ms")
	require.Equal(t, 1, code)
	require.Equal(t, full+" did not answer in time", result.Fault)
	require.InDelta(t, 100, result.Millis, 90)
}

func fullListener(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { syscall.Close(socket) })
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(socket, 0))
	name, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	first, err := net.DialTCP("tcp", nil, address) // takes the only place
	require.NoError(t, err)
	t.Cleanup(func() { first.Close() })
	return address.String()
}

func TestUsage(t *testing.T) {
	code, _, out, _ := probe(t, "--help")
	require.Zero(t, code)
	require.Contains(t, out, "probe kafka:9092")

	code, _, out, _ = probe(t, "health")
	require.Zero(t, code)
	require.Empty(t, out)

	for _, args := range [][]string{{}, {"kafka"}, {":80"}, {"kafka:"}, {"kafka:9092", "soon"}, {"kafka:9092", "-1s"}, {"a:1", "1s", "x"}, {"a:1", "x", "b:1"}, {"forward"}, {"forward", "127.0.0.1:1"}, {"forward", "localhost:1=a:1"}, {"forward", "127.0.0.1:1=a"}} {
		code, _, out, faults := probe(t, args...)
		require.Equal(t, 2, code, args)
		require.Empty(t, out)
		require.Equal(t, 1, strings.Count(faults, "\n"), "one sentence: %q", faults)
	}
}
