package control

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// process is one of our binaries, to be killed and started again with the same environment and data.
type process struct {
	t    *testing.T
	path string
	args []string
	env  []string
	log  *locked
	cmd  *exec.Cmd
}

type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.text.String() }

// begin starts a binary, which listens on an address of its own: ports of containers are fixed.
func begin(t *testing.T, binary string, host int, args []string, env ...string) *process {
	t.Helper()
	env = append(env, fn.EnvListenHost+"="+ownHost(host), fn.EnvRoot+"="+t.TempDir())
	p := &process{t: t, path: testbin.Path(t, binary), args: args, env: env, log: &locked{}}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s says:\n%.6000s", filepath.Base(p.path), p.log)
		}
	})
	p.start()
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.CommandContext(p.t.Context(), p.path, p.args...)
	p.cmd.Env, p.cmd.Stderr = p.env, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(p.t, p.cmd.Start())
}

// kill is kill -9.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended by itself
	_ = p.cmd.Wait()         // "killed" is no news
	p.cmd = nil
}

// ownHost is one of 127.0.0.0/8 that no other test process uses.
func ownHost(n int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64+pid>>8&63, pid&255, n)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func simulatedHall() spec.Room {
	r := hall()
	r.Policy.SampleEvery, r.Policy.StaleAfter = spec.Duration(500*time.Millisecond), spec.Duration(30*time.Second)
	r.Policy.CommandEvery = 0 // orders follow each other faster here than people give them
	r.Sensors = []spec.Sensor{{ID: 1, Source: "simulated://hall/1", Box: "pi-1"}}
	r.AirConditioners = []spec.AirConditioner{{Name: "ac1", Remote: "lg", Transmitter: "simulated://ac1", Box: "pi-1", Min: 18, Max: 30}}
	return r
}

// site is the real processes around a real TuneWorkflow.
type site struct {
	*plant
	broker, edge, control *process
	room                  string
	client                client.Client
	id                    string
}

func newSite(t *testing.T) *site {
	t.Helper()
	rooms, err := json.Marshal([]spec.Room{simulatedHall()})
	require.NoError(t, err)
	address := ownHost(1) + ":9092"
	s := &site{plant: &plant{t: t, config: kafka.Config{Brokers: []string{address}}}, room: "http://" + ownHost(2) + ":8095", id: workflows.TuneID("s", "hall")}
	s.broker = begin(t, "kafka", 1, nil, "KAFKA_ADVERTISED="+address)
	require.NoError(t, kafka.EnsureTopics(t.Context(), s.config, wire.Topics()))
	s.out, err = kafka.NewProducer(s.config)
	require.NoError(t, err)
	t.Cleanup(s.out.Close)

	quiet := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", ClientOptions: &client.Options{Logger: quiet},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	indexed(t, server.FrontendHostPort())
	s.client = server.Client()
	w := worker.New(s.client, workflows.TaskQueue, worker.Options{})
	workflows.Register(w)
	w.RegisterActivity(&activities.Cooling{Streams: kafka.Streams{Producer: s.out}})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	_, err = s.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: s.id, TaskQueue: workflows.TaskQueue},
		workflows.TuneWorkflow, workflows.TuneInput{Service: "s", Room: simulatedHall()})
	require.NoError(t, err)

	common := []string{"OVERCLOUD_ROOMS=" + string(rooms), "KAFKA_BROKERS=" + address, "OVERCLOUD_SERVICE=s", "OVERCLOUD_BOX=pi-1"}
	begin(t, "room", 2, nil, append(common, "ROOM_LOSS=0")...)
	s.edge = begin(t, "edge", 3, nil, append(common, "SIMULATED_ROOM="+s.room)...)
	s.control = begin(t, "worker", 4, []string{"control"}, append(common, "TEMPORAL_ADDRESS="+server.FrontendHostPort())...)
	return s
}

func (s *site) hold(setpoint int) {
	s.t.Helper()
	require.NoError(s.t, s.client.SignalWorkflow(s.t.Context(), s.id, "", workflows.SignalOverride, workflows.Override{
		AC: "ac1", Setpoint: setpoint, For: spec.Duration(time.Hour), Who: "Ada", Why: "test",
	}))
}

func (s *site) confirmed(setpoint int) {
	s.t.Helper()
	var state workflows.TuneState
	require.Eventually(s.t, func() bool {
		value, err := s.client.QueryWorkflow(s.t.Context(), s.id, "", workflows.QueryState)
		if err != nil || value.Get(&state) != nil {
			return false
		}
		ac := state.ACs[0]
		return ac.Desired == setpoint && ac.Confirmed != nil && *ac.Confirmed == setpoint
	}, 40*time.Second, 50*time.Millisecond, "%d °C: %+v", setpoint, &state)
}

// frames are the setpoints that the infrared receiver heard, repetitions taken together.
func (s *site) frames() (setpoints []int, all int) {
	s.t.Helper()
	answer, err := http.Get(s.room + "/api/v1/room/hall/ir/ac1/heard?since=0")
	require.NoError(s.t, err)
	defer answer.Body.Close()
	var heard struct {
		Heard []infrared.Frame `json:"heard"`
	}
	require.NoError(s.t, json.NewDecoder(answer.Body).Decode(&heard))
	for _, f := range heard.Heard {
		state, _, err := infrared.LG{}.Decode(f)
		require.NoError(s.t, err)
		if len(setpoints) == 0 || setpoints[len(setpoints)-1] != state.Setpoint {
			setpoints = append(setpoints, state.Setpoint)
		}
	}
	return setpoints, len(heard.Heard)
}

// TestKilledProcessesLoseAndDoubleNoCommand kills each process in the middle of a command.
func TestKilledProcessesLoseAndDoubleNoCommand(t *testing.T) {
	onlyEmbedded(t)
	s := newSite(t)
	s.confirmed(24)

	s.hold(22)
	read(s.plant, wire.TopicControl, func(c wire.Command) bool { return c.Setpoint == 22 })
	s.edge.kill()
	s.edge.start()
	s.confirmed(22)

	s.hold(25)
	s.broker.kill()
	s.broker.start()
	s.confirmed(25)

	s.control.kill()
	s.hold(21)
	read(s.plant, wire.TopicAck, func(a wire.Ack) bool { return a.Setpoint == 21 && a.State == wire.AckConfirmed })
	s.control.start()
	s.confirmed(21)

	s.edge.kill()
	s.broker.kill()
	s.control.kill()
	s.hold(23)
	s.control.start()
	s.edge.start()
	s.broker.start()
	s.confirmed(23)

	heard, all := s.frames()
	require.Equal(t, []int{24, 22, 25, 21, 23}, heard, "in order, and none comes back")
	require.LessOrEqual(t, all, 5+2, "one for each command, and one refresh for each start of the edge")
	s.revisions()
}

// revisions checks that every command on the topic is newer than the one before, or the same again.
func (s *site) revisions() {
	s.t.Helper()
	tail, err := kafka.NewTail(s.config, time.Time{}, wire.TopicControl)
	require.NoError(s.t, err)
	defer tail.Close()
	records, err := tail.Poll(s.t.Context())
	require.NoError(s.t, err)
	var last wire.Command
	for _, record := range records {
		c, err := wire.Decode[wire.Command](record.Value)
		require.NoError(s.t, err)
		if c.Revision == last.Revision {
			require.Equal(s.t, last, c, "one revision, two commands")
		}
		require.GreaterOrEqual(s.t, c.Revision, last.Revision)
		last = c
	}
	s.t.Logf("%d commands on the topic", len(records))
}

// TestAnEmergencyIsCommandedWhileTemporalIsAway measures the real process: from the reading on temp to the command on
// control, with nobody at Temporal's address.
func TestAnEmergencyIsCommandedWhileTemporalIsAway(t *testing.T) {
	rooms, err := json.Marshal([]spec.Room{hall()})
	require.NoError(t, err)
	p := newPlant(t)
	p.intent(24, time.Now().Unix())
	begin(t, "worker", 5, []string{"control"}, "OVERCLOUD_ROOMS="+string(rooms), "KAFKA_BROKERS="+p.config.Brokers[0], "KAFKA_PREFIX="+p.config.Prefix,
		"TEMPORAL_ADDRESS=127.0.0.1:"+freePort(t))
	stop := p.measure(26)
	read(p, wire.TopicLease, func(wire.Lease) bool { return true }) // the first decision, one tick of 10 s after the start
	stop()
	began := time.Now()
	for id := 1; id <= 2; id++ {
		p.put(wire.TopicTemp, "hall", fmt.Appendf(nil, "%d,%d,,33", time.Now().UnixMilli(), id))
	}
	c := read(p, wire.TopicControl, func(wire.Command) bool { return true })
	took := time.Since(began)
	t.Logf("from reading to command: %s", took.Round(time.Millisecond))
	require.Equal(t, 18, c.Setpoint)
	require.True(t, c.Emergency)
	require.Less(t, took, 3*time.Second)
}
