package agent

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/edge/device/simulated"
	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

type world struct {
	t      *testing.T
	config Config
	room   string // address of the simulated rooms
	broker kafka.Config
	port   int
	tail   map[string]*kafka.Tail
	kept   map[string][]kafka.Record
}

func hall() spec.Room {
	policy := spec.DefaultPolicy()
	policy.SampleEvery = spec.Duration(100 * time.Millisecond)
	policy.LeaseTTL = spec.Duration(2 * time.Second)
	policy.CommandEvery = spec.Duration(100 * time.Millisecond)
	return spec.Room{
		Name: "hall", Policy: policy,
		Sensors: []spec.Sensor{{ID: 1, Source: "simulated://room/1", Box: "pi-1"}, {ID: 2, Source: "simulated://room/2", Box: "pi-1"}},
		AirConditioners: []spec.AirConditioner{
			{Name: "ac1", Remote: "lg", Transmitter: "simulated://ac1", Box: "pi-1", Min: 18, Max: 27},
			{Name: "ac2", Remote: "lg", Transmitter: "simulated://ac2", Box: "other", Min: 18, Max: 27},
		},
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func newWorld(t *testing.T) *world {
	t.Helper()
	building, err := server.New(server.Config{Rooms: []spec.Room{hall()}, Speed: 1})
	require.NoError(t, err)
	rooms := httptest.NewServer(building.Handler())
	t.Cleanup(rooms.Close)
	port := freePort(t)
	address := net.JoinHostPort("127.0.0.1", itoa(port))
	return &world{
		t: t, room: rooms.URL, port: port, broker: kafka.Config{Brokers: []string{address}},
		tail: map[string]*kafka.Tail{}, kept: map[string][]kafka.Record{},
		config: Config{
			Box: "pi-1", Rooms: []spec.Room{hall()}, Brokers: []string{address}, Dir: t.TempDir(),
			Listen: net.JoinHostPort("127.0.0.1", itoa(freePort(t))), IP: "127.0.0.1",
			Devices: catalog.Catalog{Simulation: simulated.Simulation{URL: rooms.URL}}, ResourceEvery: 300 * time.Millisecond,
			Spool: Spool{Bytes: 4 << 20, SyncEvery: time.Second}, Plausible: Plausible{Least: -10, Most: 60, StepK: 1000}, EchoWait: time.Second, Spacing: 100 * time.Millisecond,
		},
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func (w *world) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, w.config, Options{}) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			require.NoError(w.t, err)
		case <-time.After(20 * time.Second):
			w.t.Fatal("the edge does not stop")
		}
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) startBroker() *kfake.Cluster {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(w.port))
	require.NoError(w.t, err)
	w.t.Cleanup(cluster.Close)
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(w.t, kafka.EnsureTopics(ctx, w.broker, wire.Topics()))
	return cluster
}

func (w *world) until(topic string, enough func([]kafka.Record) bool) []kafka.Record {
	w.t.Helper()
	if w.tail[topic] == nil {
		tail, err := kafka.NewTail(w.broker, time.Time{}, topic)
		require.NoError(w.t, err)
		w.t.Cleanup(tail.Close)
		w.tail[topic] = tail
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for !enough(w.kept[topic]) {
		records, err := w.tail[topic].Poll(ctx)
		require.NoError(w.t, err, "waiting for %s with %d records", topic, len(w.kept[topic]))
		w.kept[topic] = append(w.kept[topic], records...)
	}
	return w.kept[topic]
}

func (w *world) produce(topic string, key []byte, v any) {
	w.t.Helper()
	p, err := kafka.NewProducer(w.broker)
	require.NoError(w.t, err)
	defer p.Close()
	require.NoError(w.t, p.Produce(w.t.Context(), kafka.Record{Topic: topic, Key: key, Value: wire.Encode(v)}))
}

func (w *world) order(revision int64, setpoint int) {
	w.produce(wire.TopicControl, wire.ControlKey("hall", "ac1"), wire.Command{
		ID: "c" + itoa(int(revision)), Revision: revision, Room: "hall", AC: "ac1", Power: true, Setpoint: setpoint,
		Mode: "cool", Fan: "auto", Reason: "test", TTLMillis: 60_000,
	})
}

func (w *world) lease() {
	w.produce(wire.TopicLease, []byte("hall"), wire.Lease{
		Room: "hall", Revision: time.Now().UnixMilli(), TTLMillis: 60_000, Holder: "test",
	})
}

func (w *world) acks(enough func([]wire.Ack) bool) []wire.Ack {
	w.t.Helper()
	var acks []wire.Ack
	w.until(wire.TopicAck, func(records []kafka.Record) bool {
		acks = nil
		for _, r := range records {
			a, err := wire.Decode[wire.Ack](r.Value)
			require.NoError(w.t, err)
			acks = append(acks, a)
		}
		return enough(acks)
	})
	return acks
}

func has(state, source string, setpoint int) func([]wire.Ack) bool {
	return func(acks []wire.Ack) bool {
		for _, a := range acks {
			if a.State == state && a.Source == source && a.Setpoint == setpoint {
				return true
			}
		}
		return false
	}
}

func (w *world) machine() room.ACState {
	w.t.Helper()
	var view server.View
	w.get(w.room+"/api/v1/room/hall", &view)
	return view.State.AirConditioners[0]
}

func (w *world) get(url string, into any) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	require.NoError(w.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(into))
}

func (w *world) send(method, path, body string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.room+"/api/v1/room/hall/"+path, strings.NewReader(body))
	require.NoError(w.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	require.Equal(w.t, 200, response.StatusCode)
}

func (w *world) readings(records []kafka.Record) map[int]int {
	w.t.Helper()
	last, count := map[int]time.Time{}, map[int]int{}
	for _, r := range records {
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(w.t, err)
		require.False(w.t, reading.ArrivalTime || reading.Bad, "%+v", reading)
		require.Equal(w.t, "hall", reading.Room)
		require.True(w.t, reading.At.After(last[reading.Sensor]), "in order, none twice")
		last[reading.Sensor] = reading.At
		count[reading.Sensor]++
	}
	return count
}

func healthy(address string) bool {
	response, err := http.Get("http://" + address + "/healthz") // ours
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
