package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	ossignal "os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// self is what this binary runs when a test starts it as a control process.
const self = "CONTROL_TEST_PROCESS"

type selfConfig struct {
	Brokers        []string
	Prefix         string
	Rooms          []spec.Room
	Holder, Health string
	Tick           time.Duration
}

func TestMain(m *testing.M) {
	text := os.Getenv(self)
	if text == "" {
		code := m.Run()
		closePlace()
		os.Exit(code)
	}
	var c selfConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	ctx, stop := ossignal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := Run(ctx, Config{
		Kafka: kafka.Config{Brokers: c.Brokers, Prefix: c.Prefix}, Service: "s", Rooms: c.Rooms, HealthAddress: c.Health, Tick: c.Tick, Holder: c.Holder,
		Signaller: &post{}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// sibling is one of several control processes.
type sibling struct {
	t    *testing.T
	text string
	page *plant // asks its pages
	log  *locked
	cmd  *exec.Cmd
}

func newSibling(p *plant, holder string) *sibling {
	p.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(p.t, err)
	defer listener.Close()
	c := selfConfig{Brokers: p.config.Brokers, Prefix: p.config.Prefix, Rooms: p.rooms, Holder: holder, Health: listener.Addr().String(), Tick: p.tick}
	text, err := json.Marshal(c)
	require.NoError(p.t, err)
	s := &sibling{t: p.t, text: string(text), page: &plant{t: p.t, health: c.Health}, log: &locked{}}
	p.t.Cleanup(func() {
		s.end(syscall.SIGKILL)
		if p.t.Failed() {
			p.t.Logf("%s says:\n%.4000s", holder, s.log)
		}
	})
	return s
}

func (s *sibling) start() {
	s.t.Helper()
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), self+"="+s.text)
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.cmd.Start())
}

func (s *sibling) end(how syscall.Signal) {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(how)
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// rooms counts what the process decides for; it is 0 when it does not run.
func (s *sibling) rooms() int {
	if s.cmd == nil {
		return 0
	}
	var health struct{ Detail Status }
	s.page.get("/healthz", &health)
	return health.Detail.Ours
}

// manyRooms are rooms whose names spread over the partitions.
func manyRooms(n int) (rooms []spec.Room) {
	for i := range n {
		r := hall()
		r.Name = fmt.Sprintf("room-%d", i)
		r.Sensors = []spec.Sensor{{ID: 10*i + 1}, {ID: 10*i + 2}}
		rooms = append(rooms, r)
	}
	return rooms
}

// measureAll lets all sensors of all rooms speak each 300 ms, those of every fourth room as in 2017: without a key, in
// whichever partition.
func (p *plant) measureAll(tenths *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(ctx, 300*time.Millisecond) {
			var records []kafka.Record
			for i, room := range p.rooms {
				for _, sensor := range room.Sensors {
					r := kafka.Record{Topic: wire.TopicTemp, Key: []byte(room.Name), Value: wire.AppendReading(nil, wire.Reading{
						Sensor: sensor.ID, At: time.Now(), Celsius: float64(tenths.Load()) / 10,
					})}
					if i%4 == 0 {
						r.Key = nil
					}
					records = append(records, r)
				}
			}
			if err := p.out.Produce(ctx, records...); err != nil && ctx.Err() == nil {
				p.t.Errorf("measure: %v", err)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Three processes share the rooms. One is killed, comes back, another one ends by itself, at random: the others take its
// rooms over, no room goes cold for it, and in the end an emergency is commanded once in each room.
func TestRoomsAreTakenOverFromProcessesThatAreKilled(t *testing.T) {
	p := newPlant(t)
	p.rooms, p.tick = manyRooms(24), 500*time.Millisecond
	for _, room := range p.rooms {
		p.put(wire.TopicIntent, room.Name, wire.Encode(wire.Intent{
			Room: room.Name, Revision: 1, TimeMillis: time.Now().UnixMilli(),
			ACs: []wire.IntentAC{{AC: "ac1", Auto: 24, Desired: 24, CommandRevision: time.Now().Unix(), Reason: "test"}},
		}))
	}
	var siblings []*sibling
	for _, name := range []string{"a", "b", "c"} {
		siblings = append(siblings, newSibling(p, name))
	}
	var tenths atomic.Int64
	tenths.Store(260)
	defer p.measureAll(&tenths)()
	commands := p.follow()
	shared := func(most time.Duration, each bool) time.Duration {
		t.Helper()
		began := time.Now()
		require.Eventually(t, func() bool {
			all, least := 0, 24
			for _, s := range siblings {
				n := s.rooms()
				all += n
				if s.cmd != nil {
					least = min(least, n)
				}
			}
			return all == len(p.rooms) && (!each || least > 0)
		}, most, 20*time.Millisecond, "all rooms are decided for, each by one")
		return time.Since(began).Round(10 * time.Millisecond)
	}
	for _, s := range siblings {
		s.start()
	}
	shared(40*time.Second, true)
	for range 2 {
		victim := siblings[rand.IntN(len(siblings))]
		victim.end(syscall.SIGKILL)
		t.Logf("killed: its rooms are the others' after %s", shared(40*time.Second, true))
		victim.start()
		shared(40*time.Second, true)
	}
	leaver := siblings[rand.IntN(len(siblings))]
	leaver.end(syscall.SIGTERM)
	t.Logf("ended: its rooms are the others' after %s", shared(20*time.Second, true))
	require.Empty(t, commands(), "no room goes cold because of a takeover")

	tenths.Store(330)
	eventually(t, func() bool { return len(commands()) == len(p.rooms) }, "an emergency command in each room")
	for room, told := range commands() {
		require.Len(t, told, 1, room)
		require.Equal(t, 18, told[0].Setpoint)
	}
	for _, s := range siblings {
		for _, room := range p.rooms {
			if s.cmd != nil {
				require.Zero(t, s.page.room(room.Name).Rivals, room.Name)
			}
		}
	}
}

// follow keeps all commands on the topic, by room.
func (p *plant) follow() (commands func() map[string][]wire.Command) {
	p.t.Helper()
	tail, err := kafka.NewTail(p.config, time.Time{}, wire.TopicControl)
	require.NoError(p.t, err)
	var mu sync.Mutex
	seen := map[string][]wire.Command{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			records, err := tail.Poll(p.t.Context())
			if err != nil {
				return // closed
			}
			mu.Lock()
			for _, r := range records {
				c, err := wire.Decode[wire.Command](r.Value)
				if err != nil {
					p.t.Error(err)
				}
				seen[c.Room] = append(seen[c.Room], c)
			}
			mu.Unlock()
		}
	}()
	p.t.Cleanup(func() { tail.Close(); <-done })
	return func() map[string][]wire.Command { mu.Lock(); defer mu.Unlock(); return maps.Clone(seen) }
}
