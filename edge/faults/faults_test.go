// Package faults holds the tests that hurt a real edge process: kill -9 at random moments, a broker that comes and
// goes, a full disk. They count every reading that the sensors gave and every one that Kafka has.
package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// TestMain makes of this binary a broker too, for a process of its own.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FAULTS_BROKER"); dir != "" {
		if err := serveBroker(dir, os.Getenv("FAULTS_PORT")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveBroker is a Kafka that keeps its data in dir, until its standard input ends.
func serveBroker(dir, port string) error {
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(number), kfake.DataDir(dir), kfake.SyncWrites())
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	cluster.Close()
	return err
}

// sensors are the thermometers of a room. Each answer is a number that no other answer was: what became of each
// reading can be told.
type sensors struct {
	mu    sync.Mutex
	given map[int]int // answers of each sensor
}

// celsius is what answer n says: 20 °C and n hundred-thousandths, so that no jump makes it a bad one.
func celsius(n int) float64 { return 20 + float64(n)/1e5 }

func answer(c float64) int { return int((c-20)*1e5 + 0.5) }

func (s *sensors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(filepath.Base(r.URL.Path))
	if err != nil {
		http.Error(w, "no sensor", http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.given[id]++
	n := s.given[id]
	s.mu.Unlock()
	fmt.Fprintf(w, `{"celsius":%g}`, celsius(n))
}

func (s *sensors) counts() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[int]int{}
	for id, n := range s.given {
		out[id] = n
	}
	return out
}

// lab is an edge with what it needs around it.
type lab struct {
	t       *testing.T
	binary  string
	root    string
	host    string // where the edge listens
	port    int    // of the broker
	sensors *sensors
	rooms   string // address of the sensors
	spec    string // the rooms, as JSON
	broker  *exec.Cmd
	input   io.Closer
	logs    *os.File
}

const howMany = 4 // sensors

func newLab(t *testing.T, every time.Duration) *lab {
	t.Helper()
	l := &lab{t: t, root: t.TempDir(), sensors: &sensors{given: map[int]int{}}}
	l.binary = filepath.Join(t.TempDir(), "edge")
	out, err := exec.Command("go", "build", "-o", l.binary, "../../edge").CombinedOutput() //nolint:gosec // ours
	require.NoError(t, err, string(out))
	server := httptest.NewServer(l.sensors)
	t.Cleanup(server.Close)
	l.rooms = server.URL
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.port = listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	l.host = fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(64), rand.IntN(256), 1+rand.IntN(250))
	policy := spec.DefaultPolicy()
	policy.SampleEvery = spec.Duration(every)
	room := spec.Room{Name: "hall", Policy: policy}
	for id := 1; id <= howMany; id++ {
		room.Sensors = append(room.Sensors, spec.Sensor{ID: id, Source: "simulated://room/" + strconv.Itoa(id), Box: "pi-1"})
	}
	rooms, err := json.Marshal([]spec.Room{room})
	require.NoError(t, err)
	l.spec = string(rooms)
	l.logs, err = os.Create(filepath.Join(t.TempDir(), "edge.log"))
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(l.logs.Name())
			t.Logf("the edge's log ends with:\n%s", text[max(0, len(text)-6000):])
		}
		l.logs.Close()
	})
	t.Cleanup(l.stopBroker)
	return l
}

// startEdge runs the built edge on the lab's queue.
func (l *lab) startEdge() *exec.Cmd {
	edge := exec.CommandContext(l.t.Context(), l.binary)
	edge.Env = []string{
		"OVERCLOUD_BOX=pi-1", "OVERCLOUD_ROOMS=" + l.spec, "OVERCLOUD_ROOT=" + l.root, "OVERCLOUD_LISTEN_HOST=" + l.host,
		"KAFKA_BROKERS=" + l.address(), "SIMULATED_ROOM=" + l.rooms, "RESOURCE_EVERY=1s", "EDGE_CLOCK=trusted",
	}
	edge.Stdout, edge.Stderr = l.logs, l.logs
	require.NoError(l.t, edge.Start())
	l.t.Cleanup(func() {
		if edge.ProcessState == nil {
			_ = edge.Process.Kill()
			_ = edge.Wait()
		}
	})
	return edge
}

func (l *lab) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(l.port)) }

// startBroker runs the broker in a process of its own, with the data that it had.
func (l *lab) startBroker() {
	self, err := os.Executable()
	require.NoError(l.t, err)
	l.broker = exec.Command(self)
	l.broker.Env = append(os.Environ(), "FAULTS_BROKER="+filepath.Join(l.root, "kafka"), "FAULTS_PORT="+strconv.Itoa(l.port))
	l.broker.Stderr = l.logs
	in, err := l.broker.StdinPipe()
	require.NoError(l.t, err)
	l.input = in
	out, err := l.broker.StdoutPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, l.broker.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(l.t, err)
}

// stopBroker closes it in order: a kfake that is killed forgets which records it had from whom, as no Kafka does.
func (l *lab) stopBroker() {
	if l.broker == nil {
		return
	}
	_ = l.input.Close()
	_ = l.broker.Wait()
	l.broker = nil
}

func (l *lab) depth() (int, bool) {
	response, err := http.Get("http://" + net.JoinHostPort(l.host, "8096") + "/api/v1/status")
	if err != nil {
		return 0, false
	}
	defer response.Body.Close()
	var status struct {
		Queues map[string]struct {
			Depth int `json:"depth"`
		} `json:"queues"`
	}
	if json.NewDecoder(response.Body).Decode(&status) != nil {
		return 0, false
	}
	queue, ok := status.Queues[wire.TopicTemp]
	return queue.Depth, ok
}

// arrived are the readings that Kafka has: for each sensor how often each answer is there, checked for order and for
// readings of one sensor that say the same time.
func (l *lab) arrived() map[int]map[int]int {
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	config := kafka.Config{Brokers: []string{l.address()}}
	ends, err := kafka.Ends(ctx, config, wire.TopicTemp)
	require.NoError(l.t, err)
	out := map[int]map[int]int{}
	latest, times := map[int]int{}, map[string]bool{}
	_, err = kafka.Between(ctx, config, wire.TopicTemp, nil, ends, 1<<20, func(r kafka.Record) {
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(l.t, err)
		id, n := reading.Sensor, answer(reading.Celsius)
		if out[id] == nil {
			out[id] = map[int]int{}
		}
		out[id][n]++
		require.Greater(l.t, n, latest[id], "sensor %d: out of order, or twice", id)
		latest[id] = n
		at := fmt.Sprint(id, reading.At.UnixMilli())
		require.False(l.t, times[at], "two readings of sensor %d at %s", id, reading.At)
		times[at] = true
	})
	require.NoError(l.t, err)
	return out
}

// killed kills an edge some times at random moments while the broker comes and goes, and then counts.
func killed(t *testing.T, times int, most time.Duration) {
	l := newLab(t, 100*time.Millisecond)
	flapping, stop := context.WithCancel(t.Context())
	flapped := make(chan struct{})
	go func() {
		defer close(flapped)
		for {
			l.startBroker()
			pause(flapping, time.Duration(500+rand.IntN(2500))*time.Millisecond)
			if flapping.Err() != nil {
				return
			}
			l.stopBroker()
			pause(flapping, time.Duration(100+rand.IntN(700))*time.Millisecond)
		}
	}()
	// What a sensor gave last before a kill may not have reached the disk: the process died with it in its hands.
	mayMiss := map[int]map[int]bool{}
	for range times {
		edge := l.startEdge()
		pause(t.Context(), 100*time.Millisecond+time.Duration(rand.Int64N(int64(most))))
		require.NoError(t, edge.Process.Kill())
		_ = edge.Wait() // it was killed
		for id, n := range l.sensors.counts() {
			if mayMiss[id] == nil {
				mayMiss[id] = map[int]bool{}
			}
			mayMiss[id][n] = true
		}
	}
	stop()
	<-flapped
	edge := l.startEdge()
	require.Eventually(t, func() bool { depth, ok := l.depth(); return ok && depth < 2*howMany }, time.Minute, 100*time.Millisecond)
	require.NoError(t, edge.Process.Signal(syscall.SIGTERM))
	require.NoError(t, edge.Wait())
	edge = l.startEdge() // for what the stop left in the queue
	require.Eventually(t, func() bool {
		depth, ok := l.depth()
		return ok && depth == 0
	}, time.Minute, 20*time.Millisecond)
	given := l.sensors.counts()
	require.NoError(t, edge.Process.Signal(syscall.SIGTERM))
	require.NoError(t, edge.Wait())

	arrived, missing, total := l.arrived(), 0, 0
	for id := 1; id <= howMany; id++ {
		require.Greater(t, given[id], times)
		for n := 1; n <= given[id]-5; n++ { // the last ones were given after the last look
			total++
			if arrived[id][n] > 0 {
				continue
			}
			missing++
			require.True(t, mayMiss[id][n], "sensor %d: reading %d of %d is lost, and no kill came with it", id, n, given[id])
		}
	}
	t.Logf("%d readings over %d kills: each is there once but for %d that were in a killed process's hands", total, times, missing)
	require.LessOrEqual(t, missing, times*howMany/2, "most kills hit no reading")
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func TestFiveKillsLoseAndDoubleNothing(t *testing.T) {
	killed(t, 5, 1500*time.Millisecond)
}
