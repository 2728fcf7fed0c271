package up

import (
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/starter/screen"
)

func TestBadOptionsAreToldAllAtOnceAndBeforeAnythingIsWritten(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	for want, change := range map[string]func(*Options){
		"--state-dir is empty: name a folder":                                            func(o *Options) { o.StateDir = "" },
		"--speed is NaN: give a number from 0.1 to 100":                                  func(o *Options) { o.Speed = math.NaN() },
		"--speed is 200: give a number from 0.1 to 100":                                  func(o *Options) { o.Speed = 200 },
		"0 is no port for Kafka: give --kafka-port a number from 1 to 65535":             func(o *Options) { o.KafkaPort = 0 },
		"65536 is no port for box pi-1: give --box-port (the first of three) a number":   func(o *Options) { o.BoxPort = 65534 },
		"port 5000 is asked for by the image registry and by the simulated room: change": func(o *Options) { o.RoomPort = 5000 },
		"port 23752 is asked for by box rack-2 and by Kafka: change":                     func(o *Options) { o.KafkaPort = 23752 },
		"-1 is no port for Temporal: give --temporal-port a number from 1 to 65535\n70000 is no port for InfluxDB": func(o *Options) {
			o.TemporalPort, o.InfluxDBPort = -1, 70000
		},
		"not built in " + state + "/bin: temporal, influxd, kafka, influxdb, room, edge, worker, ui, probe; run make build": func(*Options) {},
	} {
		options := Defaults()
		options.StateDir, options.BinDir = state, filepath.Join(state, "bin")
		change(&options)
		var out strings.Builder
		err := Run(t.Context(), options, nil, screen.New(&out, false, nil, time.Now), true)
		require.ErrorContains(t, err, want)
		require.Empty(t, out.String())
		require.NoDirExists(t, state)
	}
}

func TestTakenPortsAreNamedWithTheOptionThatMovesThem(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port

	options := Defaults()
	options.Specification, options.KafkaPort = "shop.yaml", taken
	service := spec.Service{Functions: []spec.Function{
		{Name: "kafka", Ports: []spec.Port{{Container: 9092, Host: taken, HostIP: "127.0.0.1"}}},
		{Name: "far", Ports: []spec.Port{{Container: 9092, Host: taken, HostIP: "192.0.2.1"}}},
		{Name: "inside", Ports: []spec.Port{{Container: 80}}},
	}}
	require.EqualError(t, free(t.Context(), options.published(service)),
		"port "+strconv.Itoa(taken)+" for Kafka is taken: stop what listens there, or choose another with --kafka-port")
	options.KafkaPort = 1
	require.EqualError(t, free(t.Context(), options.published(service)),
		"port "+strconv.Itoa(taken)+" for function kafka is taken: stop what listens there, or choose another with ports: in shop.yaml")
	require.NoError(t, listener.Close())
	require.NoError(t, free(t.Context(), options.published(service)))
}

func TestAStateFolderIsForOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	release, err := lock(dir)
	require.NoError(t, err)
	_, err = lock(dir)
	require.ErrorContains(t, err, "OverCloud already runs here (process "+strconv.Itoa(os.Getpid())+", state in "+dir+")")
	release()
	release, err = lock(dir)
	require.NoError(t, err)
	release()
	_, err = lock(filepath.Join(dir, "lock"))
	require.ErrorContains(t, err, "make the state folder: mkdir "+filepath.Join(dir, "lock")+": not a directory")
}

func TestTheAddressesAreWhereThingsAre(t *testing.T) {
	options := Defaults()
	options.StateDir, options.BinDir = "/var/lib/overcloud", "/usr/lib/overcloud"
	options.TemporalPort, options.RoomPort = 17233, 18095
	service := spec.Service{Name: "hall", Functions: []spec.Function{{Name: "ui"}, {Name: "room"}}, Rooms: []spec.Room{{Name: "north"}}}
	require.Equal(t, `
hall runs after 8.1 s.

  Control Room     http://127.0.0.1:8080
  Temporal Web UI  http://127.0.0.1:8233
  box rack-1       docker -H tcp://127.0.0.1:23751 ps
  box rack-2       docker -H tcp://127.0.0.1:23752 ps
  box pi-1         docker -H tcp://127.0.0.1:23753 ps
  simulated room   http://127.0.0.1:18095/api/v1/room/north
  make it warmer   /usr/lib/overcloud/room load --factor 2.5 --url http://127.0.0.1:18095
  logs             /var/lib/overcloud/starter.log
                   docker -H … logs NAME: of a function
  for other shells export TEMPORAL_ADDRESS=127.0.0.1:17233

Ctrl-C stops everything in order; the data is kept.`, options.addresses(service, 8100*time.Millisecond))
	require.NotContains(t, options.addresses(spec.Service{Name: "shop"}, 0), "room")
}

func TestAServiceWithoutBoxesRunsOnTheFirstOfOurs(t *testing.T) {
	env := Defaults().environment([]string{"DOCKER_HOST=unix:///run/mine.sock"})
	require.Equal(t, "unix:///run/mine.sock", env["DOCKER_HOST"])
	env = Defaults().environment(nil)
	if exists(dockerSocket) {
		require.NotContains(t, env, "DOCKER_HOST", "this machine has an engine")
	} else {
		require.Equal(t, "tcp://127.0.0.1:23751", env["DOCKER_HOST"])
	}
}

func TestSpeedShortensTheWaits(t *testing.T) {
	options := Defaults()
	require.NotContains(t, options.environment(nil), "POLICY_UP_EVERY")
	options.Speed = 20
	env := options.environment([]string{"POLICY_UP_EVERY=1h", "KAFKA_PORT=1"})
	require.Equal(t, "45s", env["POLICY_UP_EVERY"])
	require.Equal(t, "1s", env["POLICY_SAMPLE_EVERY"], "never below a second")
	require.Equal(t, "9092", env["KAFKA_PORT"], "the options decide where the embedded servers are")
}
