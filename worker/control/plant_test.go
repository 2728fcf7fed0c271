package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

type post struct {
	mu      sync.Mutex
	down    bool
	absent  string // a room whose workflow does not run
	signals []any
}

func (p *post) SignalTune(_ context.Context, service, room, name string, payload any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return fmt.Errorf("tune/%s/%s: %w", service, room, fault.ErrUnreachable)
	}
	if room == p.absent {
		return fmt.Errorf("tune/%s/%s: %w", service, room, fault.ErrNotFound)
	}
	p.signals = append(p.signals, payload)
	return nil
}

func (p *post) lose(room string) { p.mu.Lock(); defer p.mu.Unlock(); p.absent = room }

func (p *post) set(down bool) { p.mu.Lock(); defer p.mu.Unlock(); p.down = down }

func signalled[T any](p *post) []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []T
	for _, s := range p.signals {
		if one, ok := s.(T); ok {
			found = append(found, one)
		}
	}
	return found
}

type plant struct {
	t      *testing.T
	config kafka.Config
	out    *kafka.Producer
	post   *post
	rooms  []spec.Room
	tick   time.Duration
	health string
	stop   func()
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	p := &plant{t: t, config: place(t), post: &post{}, rooms: []spec.Room{hall()}, tick: 50 * time.Millisecond}
	require.NoError(t, kafka.EnsureTopics(t.Context(), p.config, wire.Topics()))
	var err error
	p.out, err = kafka.NewProducer(p.config)
	require.NoError(t, err)
	t.Cleanup(p.out.Close)
	return p
}

func (p *plant) start() {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(p.t, err)
	p.health = listener.Addr().String()
	require.NoError(p.t, listener.Close())
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{
			Kafka: p.config, Service: "s", Rooms: p.rooms, HealthAddress: p.health,
			Tick: p.tick, Holder: "me", Signaller: p.post, Log: slog.New(slog.DiscardHandler),
		})
	}()
	p.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(p.t, <-ended)
	})
	p.t.Cleanup(p.stop)
}

// get asks the process's own pages, and returns the status: 0 when nobody answers.
func (p *plant) get(path string, into any) int {
	p.t.Helper()
	answer, err := http.Get("http://" + p.health + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if into != nil && answer.StatusCode == http.StatusOK {
		require.NoError(p.t, json.NewDecoder(answer.Body).Decode(into))
	}
	return answer.StatusCode
}

func (p *plant) room(name string) (detail RoomDetail) {
	p.t.Helper()
	p.get("/rooms/"+name, &detail)
	return detail
}

func (p *plant) put(topic, key string, value []byte) {
	p.t.Helper()
	require.NoError(p.t, p.out.Produce(p.t.Context(), kafka.Record{Topic: topic, Key: []byte(key), Value: value}))
}

func (p *plant) measure(celsius float64) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for id := 1; id <= 2; id++ {
				value := wire.AppendReading(nil, wire.Reading{Sensor: id, At: time.Now(), Celsius: celsius})
				if p.out.Produce(ctx, kafka.Record{Topic: wire.TopicTemp, Key: []byte("hall"), Value: value}) != nil {
					return
				}
			}
			pause(ctx, 100*time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

func (p *plant) intent(auto int, revision int64) {
	p.put(wire.TopicIntent, "hall", wire.Encode(wire.Intent{
		Room: "hall", Revision: time.Now().UnixMilli(), TimeMillis: time.Now().UnixMilli(),
		ACs: []wire.IntentAC{{AC: "ac1", Auto: auto, Desired: auto, CommandRevision: revision, Reason: "test"}},
	}))
}

func read[T wire.Validator](p *plant, topic string, wanted func(T) bool) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	tail, err := kafka.NewTail(p.config, time.Time{}, topic)
	require.NoError(p.t, err)
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx)
		require.NoError(p.t, err, "waiting for %s", topic)
		for _, record := range records {
			value, err := wire.Decode[T](record.Value)
			require.NoError(p.t, err)
			if wanted(value) {
				return value
			}
		}
	}
}

func eventually(t *testing.T, holds func() bool, what string) {
	t.Helper()
	require.Eventually(t, holds, 30*time.Second, 20*time.Millisecond, what) // longer than the session of a member that could not say goodbye
}
