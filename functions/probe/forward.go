package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// reachTimeout bounds the connecting to the far end; a near box answers in milliseconds.
	reachTimeout = 5 * time.Second
	// spaceEvery is how often a forwarder looks whether its network namespace is still in use.
	spaceEvery = time.Second
	// keepAlive finds far ends that are gone without a word.
	keepAlive = 30 * time.Second
)

// passage is one port that is passed on.
type passage struct{ listen, to string }

// forward passes ports on until it is stopped, or until its network namespace has died under it: a consumer that
// is started again gets a new one, which only a forwarder that is started again can join. It then exits 1, and
// its engine starts it again.
func forward(ctx context.Context, args []string, out, faults io.Writer) int {
	passages, err := readPassages(args)
	if err != nil {
		fmt.Fprintf(faults, "probe: %v\n", err)
		return 2
	}
	if err := serve(ctx, passages, spaceDies(ctx, spaceEvery, interfaces), out); err != nil {
		fmt.Fprintf(faults, "probe: %v\n", err)
		return 1
	}
	return 0
}

func readPassages(args []string) ([]passage, error) {
	if len(args) == 0 {
		return nil, errors.New("nothing to forward is given (see probe --help)")
	}
	var all []passage
	for _, arg := range args {
		listen, to, found := strings.Cut(arg, "=")
		ip, _, err := net.SplitHostPort(listen)
		host, port, wrong := net.SplitHostPort(to)
		if !found || err != nil || net.ParseIP(ip) == nil || wrong != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%q is no IP:PORT=HOST:PORT", arg)
		}
		all = append(all, passage{listen, to})
	}
	return all, nil
}

// serve listens on all passages, or on none, and returns when ctx ends (nil) or when dead says why it must.
func serve(ctx context.Context, passages []passage, dead <-chan error, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	var connections sync.WaitGroup
	defer connections.Wait()
	defer stop()
	var listening net.ListenConfig
	var listeners []net.Listener
	for _, one := range passages {
		listener, err := listening.Listen(ctx, "tcp", one.listen)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", one.listen, err)
		}
		context.AfterFunc(ctx, func() { listener.Close() })
		connections.Go(func() { accept(ctx, listener, one.to, &connections) })
		listeners = append(listeners, listener)
	}
	for i, one := range passages { // said only when all listen
		fmt.Fprintf(out, "%s goes to %s\n", listeners[i].Addr(), one.to)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-dead:
		return err
	}
}

// accept passes on every connection of a listener until it is closed.
func accept(ctx context.Context, listener net.Listener, to string, connections *sync.WaitGroup) {
	const patience = 50 * time.Millisecond // when files run out: some come back as connections end
	for {
		near, err := listener.Accept()
		switch {
		case err == nil:
			connections.Go(func() { pass(ctx, near, to) })
		case errors.Is(err, net.ErrClosed), ctx.Err() != nil:
			return
		default:
			time.Sleep(patience)
		}
	}
}

// pass joins one connection to the far end. Each half closes by itself, so that a program may end what it says
// and still listen; when both have closed, or ctx ends, the connection is gone.
func pass(ctx context.Context, near net.Conn, to string) {
	defer near.Close()
	dialer := net.Dialer{Timeout: reachTimeout, KeepAlive: keepAlive}
	far, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		reset(near) // to the program as if the far end itself had refused
		return
	}
	defer far.Close()
	defer context.AfterFunc(ctx, func() { near.Close(); far.Close() })()
	var halves sync.WaitGroup
	halves.Go(func() { half(far, near) })
	halves.Go(func() { half(near, far) })
	halves.Wait()
}

// half copies one direction and closes that half alone. A direction that broke, rather than ended, ends both.
func half(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if err != nil {
		to.Close()
		from.Close()
		return
	}
	if closing, ok := to.(interface{ CloseWrite() error }); ok {
		_ = closing.CloseWrite() // the other side may be gone already
	}
}

// reset closes a connection so that its other end hears a refusal and not an end of data.
func reset(connection net.Conn) {
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// spaceDies tells when a network namespace that had an interface beside loopback has none any more: its container
// has ended, and an engine that starts it again gives it a new one. A namespace that never had one is left alone.
func spaceDies(ctx context.Context, every time.Duration, outside func() (int, error)) <-chan error {
	dead := make(chan error, 1)
	if count, err := outside(); err != nil || count == 0 {
		return dead
	}
	go func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return
			}
			if count, err := outside(); err == nil && count == 0 {
				dead <- errors.New("the container whose ports these are has ended")
				return
			}
		}
	}()
	return dead
}

// interfaces counts the network interfaces that are up, beside loopback: kernels with tunnels give every namespace
// some that are down.
func interfaces() (int, error) {
	all, err := net.Interfaces()
	if err != nil {
		return 0, os.NewSyscallError("interfaces", err)
	}
	count := 0
	for _, one := range all {
		if one.Flags&net.FlagLoopback == 0 && one.Flags&net.FlagUp != 0 {
			count++
		}
	}
	return count, nil
}
