package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lines hands on what serve writes.
type lines struct{ written chan string }

func (l lines) Write(p []byte) (int, error) {
	l.written <- string(p)
	return len(p), nil
}

// forwarding starts a forwarder to an address and says where it listens. stop ends it and gives its error.
func forwarding(t *testing.T, to string, dead <-chan error) (listens string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := lines{make(chan string, 1)}, make(chan error, 1)
	go func() { ended <- serve(ctx, []passage{{"127.0.0.1:0", to}}, dead, out) }()
	listens, _, _ = strings.Cut(<-out.written, " ")
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("it does not end")
		}
	}
	t.Cleanup(func() { cancel() })
	return listens, stop
}

// echoing listens, and answers each connection with all it said once its end is heard, in capitals.
func echoing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				said, _ := io.ReadAll(connection)
				_, _ = connection.Write(bytes.ToUpper(said))
			}()
		}
	}()
	return listener.Addr().String()
}

func TestForwardsAndClosesEachHalfByItself(t *testing.T) {
	listens, stop := forwarding(t, echoing(t), nil)
	before := runtime.NumGoroutine()
	big := strings.Repeat("a", 1<<20)
	for range 20 {
		connection, err := net.Dial("tcp", listens)
		require.NoError(t, err)
		_, err = io.WriteString(connection, big)
		require.NoError(t, err)
		require.NoError(t, connection.(*net.TCPConn).CloseWrite())
		answer, err := io.ReadAll(connection)
		require.NoError(t, err)
		require.Equal(t, strings.ToUpper(big), string(answer))
		connection.Close()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 5*time.Second, 10*time.Millisecond, "nothing is left of a connection")
	require.NoError(t, stop())
	_, err := net.Dial("tcp", listens)
	require.Error(t, err)
}

func TestForwarderEndsWithOpenConnections(t *testing.T) {
	listens, stop := forwarding(t, echoing(t), nil)
	connection, err := net.Dial("tcp", listens)
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "a")
	require.NoError(t, err)
	require.NoError(t, stop())
	_, err = bufio.NewReader(connection).ReadByte()
	require.Error(t, err)
}

func TestAProviderThatIsAwayIsARefusal(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Close()
	listens, stop := forwarding(t, closed.Addr().String(), nil)
	connection, err := net.Dial("tcp", listens)
	if err == nil {
		_, err = connection.Read(make([]byte, 1))
		connection.Close()
	}
	require.ErrorContains(t, err, "reset")
	require.NoError(t, stop())
}

func TestListensOnAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	var faults bytes.Buffer
	code := forward(context.Background(), []string{"127.0.0.1:0=a:1", taken.Addr().String() + "=a:1"}, io.Discard, &faults)
	require.Equal(t, 1, code)
	require.Contains(t, faults.String(), "address already in use")
}

func TestLeavesADeadNamespace(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	counts := make(chan int)
	count := func() (int, error) {
		n := <-counts
		if n < 0 {
			return 0, errors.New("nobody knows")
		}
		return n, nil
	}
	go func() {
		for _, n := range []int{1, 1, -1, 0} {
			counts <- n
		}
	}()
	err := serve(ctx, []passage{{"127.0.0.1:0", "127.0.0.1:1"}}, spaceDies(ctx, time.Millisecond, count), io.Discard)
	require.ErrorContains(t, err, "has ended")

	alone := spaceDies(ctx, time.Millisecond, func() (int, error) { return 0, nil })
	select {
	case err := <-alone:
		t.Fatalf("a namespace that never had an interface is left alone: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
}
