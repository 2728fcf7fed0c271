package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

const asMain = "KAFKA_TEST_AS_MAIN"

// TestMain lets the test binary be the broker, so that it can be killed.
func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is a broker in a process of its own.
type process struct {
	t      *testing.T
	listen string
	env    []string
	health string
	cmd    *exec.Cmd
	out    bytes.Buffer
}

func newProcess(t *testing.T, advertised string) *process {
	t.Helper()
	_, port, err := net.SplitHostPort(free(t, "127.0.0.1"))
	require.NoError(t, err)
	_, health, err := net.SplitHostPort(free(t, "127.0.0.1"))
	require.NoError(t, err)
	p := &process{t: t, listen: net.JoinHostPort("127.0.0.1", port), health: net.JoinHostPort("127.0.0.1", health)}
	p.env = append(os.Environ(), asMain+"=1", fn.EnvRoot+"="+t.TempDir(), fn.EnvListenHost+"=127.0.0.1",
		"KAFKA_PORT="+port, "KAFKA_HEALTH_PORT="+health, "KAFKA_ADVERTISED="+advertised)
	t.Cleanup(func() {
		if p.cmd != nil {
			p.end(os.Kill)
		}
	})
	return p
}

func (p *process) start(ctx context.Context) {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env, p.cmd.Stderr = p.env, &p.out
	require.NoError(p.t, p.cmd.Start())
	require.Eventually(p.t, func() bool { return fn.ProbeHealth(ctx, p.health) == nil }, 20*time.Second, 20*time.Millisecond)
}

func (p *process) end(signal os.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(signal))
	err := p.cmd.Wait()
	code := p.cmd.ProcessState.ExitCode()
	require.Equal(p.t, code != 0, err != nil)
	p.cmd = nil
	return code
}

func TestRecordsAndOffsetsOutliveAKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProcess(t, "")
	p.start(ctx)
	cfg := kafka.Config{Brokers: []string{p.listen}}
	producer, err := kafka.NewProducer(cfg)
	require.NoError(t, err)
	defer producer.Close()
	records := make([]kafka.Record, 1000)
	for i := range records {
		records[i] = kafka.Record{Topic: wire.TopicTemp, Key: fmt.Append(nil, "room", i%5), Value: fmt.Append(nil, i)}
	}
	require.NoError(t, producer.Produce(ctx, records[:600]...))
	group, err := kafka.NewGroup(cfg, "readers", wire.TopicTemp)
	require.NoError(t, err)
	defer group.Close()
	require.Len(t, collect(ctx, t, group, 600), 600)
	require.NoError(t, producer.Produce(ctx, records[600:]...))

	p.end(os.Kill)
	p.start(ctx)
	group.Close()
	again, err := kafka.NewGroup(cfg, "readers", wire.TopicTemp)
	require.NoError(t, err)
	defer again.Close()
	got := collect(ctx, t, again, 400)
	require.Len(t, got, 400, "the committed ones do not come back")
	require.NotContains(t, got, "599")
	require.Contains(t, got, "999")

	require.Zero(t, p.end(syscall.SIGTERM), p.out.String())
	require.Contains(t, p.out.String(), "embedded development broker")
}

// collect polls and commits until n different values came.
func collect(ctx context.Context, t *testing.T, group *kafka.Group, n int) map[string]bool {
	t.Helper()
	got := make(map[string]bool)
	for len(got) < n {
		records, err := group.Poll(ctx)
		require.NoError(t, err, "after %d", len(got))
		for _, record := range records {
			got[string(record.Value)] = true
		}
		require.NoError(t, group.Commit(ctx))
	}
	return got
}

func TestClientsComeBackToTheAdvertisedAddress(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	advertised := free(t, "127.0.0.2")
	cfg := config{
		listen: free(t, "127.0.0.1"), advertised: advertised, data: filepath.Join(t.TempDir(), "data"),
		retention: time.Hour, retentionBytes: 1 << 20,
	}
	b, err := open(cfg)
	require.NoError(t, err)
	defer b.close()
	_, err = b.check()
	require.NoError(t, err, "well even while nobody forwards the advertised address")
	used := forward(ctx, t, advertised, cfg.listen)

	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{cfg.listen}})
	require.NoError(t, err)
	defer producer.Close()
	before := time.Now().Add(-time.Second)
	old := time.UnixMilli(1_500_000_000_000)
	require.NoError(t, producer.Produce(ctx, kafka.Record{Topic: wire.TopicControl, Key: []byte("a/b"), Value: []byte("x"), Time: old}))
	select {
	case <-used:
	default:
		t.Fatal("the record did not take the advertised address")
	}
	tail, err := kafka.NewTail(kafka.Config{Brokers: []string{cfg.listen}}, time.Time{}, wire.TopicControl)
	require.NoError(t, err)
	defer tail.Close()
	records, err := tail.Poll(ctx)
	require.NoError(t, err)
	require.True(t, records[0].Time.After(before), "stamped by the broker, not with %s", records[0].Time)
	b.cluster.ApplyRetention()
}

// forward is a TCP proxy, as a box makes it for a published port.
func forward(ctx context.Context, t *testing.T, from, to string) <-chan struct{} {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	require.NoError(t, err)
	context.AfterFunc(ctx, func() { listener.Close() })
	used := make(chan struct{}, 1000)
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			used <- struct{}{}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			pipe := func(a, b net.Conn) {
				defer a.Close()
				defer b.Close()
				buffer := make([]byte, 32<<10)
				for {
					n, err := a.Read(buffer)
					if err != nil {
						return
					}
					if _, err := b.Write(buffer[:n]); err != nil {
						return
					}
				}
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
	return used
}

func TestATakenPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, err = open(config{listen: listener.Addr().String(), data: t.TempDir()})
	require.ErrorContains(t, err, listener.Addr().String())
	require.ErrorContains(t, err, "port is taken")
}

func free(t *testing.T, host string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
