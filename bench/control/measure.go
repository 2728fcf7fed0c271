package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
)

// bench is one run.
type bench struct {
	o        options
	producer *kafka.Producer
	process  *exec.Cmd
	children []*exec.Cmd

	mu   sync.Mutex
	hot  map[string]time.Time // when a room's first critical reading was given to the producer
	took []time.Duration
}

func measure(ctx context.Context, o options) (err error) {
	b := &bench{o: o, hot: map[string]time.Time{}}
	defer b.end()
	if err := b.start(ctx); err != nil {
		return err
	}
	config := kafka.Config{Brokers: []string{b.o.Kafka}}
	if b.producer, err = kafka.NewProducer(config); err != nil {
		return err
	}
	defer b.producer.Close()
	if err := b.intents(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	working.Go(func() { b.load(ctx) })
	working.Go(func() { b.watch(ctx, config) })
	if !sleep(ctx, time.Second) {
		return ctx.Err()
	}
	if err := b.begin(ctx); err != nil {
		return err
	}
	if !sleep(ctx, o.Warm) {
		return ctx.Err()
	}
	return b.span(ctx, &working)
}

// span measures for the span.
func (b *bench) span(ctx context.Context, working *sync.WaitGroup) error {
	before, err := b.look(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.o.Span)
	defer cancel()
	working.Go(func() { b.emergencies(ctx) })
	<-ctx.Done()
	after, err := b.look(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	sleep(context.WithoutCancel(ctx), time.Second) // for what is on its way
	b.print(before, after)
	return nil
}

// start starts the broker.
func (b *bench) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "broker")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	b.children = append(b.children, cmd)
	if _, err := fmt.Fscanln(out, &b.o.Kafka); err != nil {
		return fmt.Errorf("the broker does not start: %w", err)
	}
	return nil
}

// begin starts the process under test and waits until it decides for all rooms.
func (b *bench) begin(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.o.Health = listener.Addr().String()
	listener.Close()
	arguments, err := json.Marshal(b.o)
	if err != nil {
		return err
	}
	b.process = exec.CommandContext(context.WithoutCancel(ctx), self, "process", string(arguments)) //nolint:gosec // itself
	b.process.Env = append(os.Environ(), "GOMAXPROCS=1")
	b.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	b.process.Stderr = quiet{}
	began := time.Now()
	if err := b.process.Start(); err != nil {
		return err
	}
	b.children = append(b.children, b.process)
	for sleep(ctx, 50*time.Millisecond) {
		s, err := b.look(ctx)
		if err == nil && s.status.Ours == b.o.Rooms {
			fmt.Printf("all rooms decided %.1f s after the start, with %.1f s of processor\n", time.Since(began).Seconds(), s.cpu.Seconds())
			return nil
		}
		if time.Since(began) > 2*time.Minute {
			return fmt.Errorf("the process does not decide for all rooms: %+v: %w", s.status, err)
		}
	}
	return ctx.Err()
}

// quiet passes over the one line for each emergency.
type quiet struct{}

// Write passes on what is no emergency.
func (quiet) Write(p []byte) (int, error) {
	if !strings.Contains(string(p), "emergency command") {
		return os.Stderr.Write(p)
	}
	return len(p), nil
}

func (b *bench) end() {
	for _, child := range slices.Backward(b.children) {
		if child == b.process {
			_ = child.Process.Signal(syscall.SIGTERM) // it writes its profile
		} else {
			_ = child.Process.Kill()
		}
		late := time.AfterFunc(15*time.Second, func() { _ = child.Process.Kill() })
		_ = child.Wait() // how it ended is no news
		late.Stop()
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
