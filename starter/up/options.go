// Package up brings OverCloud up on one machine: Temporal, a registry with OverCloud's own images, three
// process boxes and a worker, all on loopback, and then a service through the same workflows that a
// production installation runs.
package up

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Options is everything that a person can move. Ports are on 127.0.0.1.
type Options struct {
	Specification string // Compose file
	StateDir      string // keeps all data between runs
	BinDir        string // holds the built binaries

	TemporalPort    int
	TemporalUIPort  int
	RegistryPort    int
	BoxPort         int // of the first box; the others follow
	ControlRoomPort int
	KafkaPort       int
	InfluxDBPort    int
	RoomPort        int // the simulated room

	// Speed runs the simulated room, and the waits of its policy, that many times faster than real time.
	Speed float64
}

// Defaults are the ports of the documentation.
func Defaults() Options {
	return Options{
		Specification: "specs/smart-energy/compose.yaml", StateDir: ".overcloud",
		TemporalPort: 7233, TemporalUIPort: 8233, RegistryPort: 5000, BoxPort: 23751,
		ControlRoomPort: 8080, KafkaPort: 9092, InfluxDBPort: 8086, RoomPort: 8095, Speed: 1,
	}
}

// version is the tag of the images that are assembled from the binaries at hand.
const version = "dev"

// boxNames are the boxes of the embedded defaults; the last one acts as the Raspberry Pi.
func boxNames() []string { return []string{"rack-1", "rack-2", "pi-1"} }

// named is a port with what listens on it and the option that moves it.
type named struct {
	port   int
	what   string
	option string
}

// servers are the ports that this process itself opens.
func (o Options) servers() []named {
	ports := []named{
		{o.TemporalPort, "Temporal", "--temporal-port"},
		{o.TemporalUIPort, "the Temporal Web UI", "--temporal-ui-port"},
		{o.RegistryPort, "the image registry", "--registry-port"},
	}
	for i, box := range boxNames() {
		ports = append(ports, named{o.BoxPort + i, "box " + box, "--box-port (the first of three)"})
	}
	return ports
}

// movable are the ports that the default service publishes.
func (o Options) movable() []named {
	return []named{
		{o.ControlRoomPort, "the Control Room", "--control-room-port"},
		{o.KafkaPort, "Kafka", "--kafka-port"},
		{o.InfluxDBPort, "InfluxDB", "--influxdb-port"},
		{o.RoomPort, "the simulated room", "--room-port"},
	}
}

// environment is what ${…} in the specification resolves from: the ports, then the person's environment.
func (o Options) environment(environ []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	set := func(name string, port int) { env[name] = strconv.Itoa(port) }
	set("TEMPORAL_PORT", o.TemporalPort)
	set("CONTROL_ROOM_PORT", o.ControlRoomPort)
	set("KAFKA_PORT", o.KafkaPort)
	set("INFLUX_PORT", o.InfluxDBPort)
	set("ROOM_PORT", o.RoomPort)
	for i := range boxNames() {
		set(fmt.Sprintf("OVERCLOUD_BOX_PORT_%d", i+1), o.BoxPort+i)
	}
	if _, chosen := env["DOCKER_HOST"]; !chosen && !exists(dockerSocket) {
		// A specification without boxes runs on the local engine; here that is the first of ours.
		env["DOCKER_HOST"] = fmt.Sprintf("tcp://127.0.0.1:%d", o.BoxPort)
	}
	o.accelerate(env)
	env["UI_TEMPORAL_WEB"] = cmp.Or(env["UI_TEMPORAL_WEB"], fmt.Sprintf("http://127.0.0.1:%d", o.TemporalUIPort))
	env["OVERCLOUD_REGISTRY"] = o.registry()
	env["OVERCLOUD_VERSION"] = version
	return env
}

// dockerSocket is where a Docker engine of this machine answers.
const dockerSocket = "/var/run/docker.sock"

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// accelerate shortens the policy's waits by as much as the simulated room is faster, so that what takes a
// quarter of an hour can be watched. No wait is under a second: sensors have a pace of their own.
func (o Options) accelerate(env map[string]string) {
	if o.Speed == 1 {
		return
	}
	wait := func(real spec.Duration) string {
		return max(time.Second, time.Duration(float64(real.D())/o.Speed)).Round(100 * time.Millisecond).String()
	}
	policy := spec.DefaultPolicy()
	env["ROOM_SPEED"] = strconv.FormatFloat(o.Speed, 'g', -1, 64)
	env["EDGE_STEP_K"] = strconv.FormatFloat(3*max(1, o.Speed), 'g', -1, 64)
	env["POLICY_UP_EVERY"] = wait(policy.UpEvery)
	env["POLICY_DOWN_EVERY"] = wait(policy.DownEvery)
	env["POLICY_DOWN_AFTER"] = wait(policy.DownAfter)
	env["POLICY_FAST_DOWN_AFTER"] = wait(policy.FastDownAfter)
	env["POLICY_FAST_DOWN_EVERY"] = wait(policy.FastDownEvery)
	env["POLICY_MIN_RUN"] = wait(policy.MinRun)
	env["POLICY_MIN_OFF"] = wait(policy.MinOff)
	// What is counted by the hour grows instead, up to what a policy may say.
	env["POLICY_COMMANDS_AN_HOUR"] = strconv.Itoa(int(min(60, max(1, float64(policy.CommandsHour)*o.Speed))))
	env["POLICY_RATE_MOST"] = strconv.FormatFloat(min(30, policy.RateMost*max(1, o.Speed)), 'g', -1, 64)
	env["POLICY_RATE_HOUR"] = strconv.FormatFloat(min(60, policy.RateHour*max(1, o.Speed)), 'g', -1, 64)
	env["POLICY_SAMPLE_EVERY"] = wait(policy.SampleEvery)
	env["POLICY_COMMAND_EVERY"] = wait(policy.CommandEvery)
}

func (o Options) registry() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(o.RegistryPort))
}

func (o Options) temporal() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(o.TemporalPort))
}

func (o Options) kafka() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(o.KafkaPort)) }

func (o Options) dir(parts ...string) string {
	return filepath.Join(append([]string{o.StateDir}, parts...)...)
}

// binaries says which built binaries are missing.
func (o Options) binaries() error {
	var missing []string
	for _, name := range []string{"temporal", "influxd", "kafka", "influxdb", "room", "edge", "worker", "ui", "probe"} {
		if _, err := os.Stat(filepath.Join(o.BinDir, name)); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not built in %s: %s; run make build", o.BinDir, strings.Join(missing, ", "))
	}
	return nil
}
