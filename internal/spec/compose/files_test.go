package compose

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	composego "github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

const root = "../../../"

func load(t *testing.T, path string, env map[string]string, profiles ...string) spec.Service {
	t.Helper()
	if env == nil {
		env = map[string]string{}
	}
	service, err := Load(context.Background(), Options{
		Path: path, Env: env, Profiles: profiles,
		Warn: func(p spec.Problem) { t.Errorf("warning: %s", p) },
	})
	require.NoError(t, err)
	return service
}

func function(t *testing.T, s spec.Service, name string) spec.Function {
	t.Helper()
	f, ok := s.Function(name)
	require.True(t, ok, "function %s", name)
	return f
}

func TestSmartEnergyIsWhatTheDesignSays(t *testing.T) {
	s := load(t, root+"specs/smart-energy/compose.yaml", nil, "simulated")
	var names []string
	for _, f := range s.Functions {
		names = append(names, f.Name)
	}
	require.Equal(t, []string{"control", "edge", "influxdb", "kafka", "notify", "room", "sink", "temporal", "ui"}, names)
	require.Equal(t, "smart-energy", s.Name)
	require.Equal(t, "127.0.0.1:5000/overcloud/probe:dev", s.ProbeImage)
	require.Equal(t, "127.0.0.1:7233", function(t, s, "temporal").External)
	require.Equal(t, "tcp://127.0.0.1:23753", s.Boxes[0].Engine)
	require.Equal(t, map[string]string{"role": "pi"}, s.Boxes[0].Labels)
	require.Equal(t, []spec.Edge{{Function: "influxdb", Port: 8086}, {Function: "kafka", Port: 9092}}, function(t, s, "sink").Consumes)
	require.True(t, function(t, s, "sink").DataIO)
	require.Equal(t, []spec.Port{{Container: 8080, Host: 8080, HostIP: "127.0.0.1", Protocol: "tcp"}}, function(t, s, "ui").Ports)

	require.Len(t, s.Rooms, 1)
	require.Equal(t, spec.DefaultPolicy(), s.Rooms[0].Policy, "the file shows the defaults")
	require.Len(t, s.Rooms[0].Sensors, 6)
	require.Equal(t, "ac2", s.Rooms[0].AirConditioners[1].Name)
}

func TestSmartEnergyWithoutTheSimulatedRoom(t *testing.T) {
	s := load(t, root+"specs/smart-energy/compose.yaml", nil)
	_, there := s.Function("room")
	require.False(t, there)
	edge := function(t, s, "edge")
	require.Equal(t, []spec.Edge{{Function: "kafka", Port: 9092}}, edge.Consumes)
	require.Equal(t, []spec.Dependency{{Function: "kafka", Condition: "service_started"}}, edge.DependsOn)
	for _, v := range edge.Environment {
		require.NotEqual(t, "SIMULATED_ROOM", v.Name)
	}
}

func TestEveryPortOfSmartEnergyMoves(t *testing.T) {
	moved := load(t, root+"specs/smart-energy/compose.yaml", map[string]string{
		"CONTROL_ROOM_PORT": "18080", "KAFKA_PORT": "19092", "INFLUX_PORT": "18086", "ROOM_PORT": "18095", "TEMPORAL_PORT": "17233",
		"OVERCLOUD_BOX_PORT_1": "11", "OVERCLOUD_BOX_PORT_2": "12", "OVERCLOUD_BOX_PORT_3": "13",
		"OVERCLOUD_REGISTRY": "127.0.0.1:15000", "OVERCLOUD_VERSION": "v1",
	}, "simulated")
	text := string(Render(moved))
	for _, unmoved := range []string{
		`"host": 8080`, `"host": 9092`, `"host": 8086`, `"host": 8095`, `:7233"`, ":2375", ":5000/", ":dev",
	} {
		require.NotContains(t, text, unmoved)
	}
}

func TestHelloRunsOnTheLocalEngine(t *testing.T) {
	s := load(t, root+"specs/hello/compose.yaml", nil)
	require.Equal(t, []spec.Box{{Name: "local", Engine: "unix:///var/run/docker.sock", Address: "127.0.0.1"}}, s.Boxes)
	s = load(t, root+"specs/hello/compose.yaml", map[string]string{"DOCKER_HOST": "tcp://10.0.0.9:2375"})
	require.Equal(t, []spec.Box{{Name: "local", Engine: "tcp://10.0.0.9:2375", Address: "10.0.0.9"}}, s.Boxes)
}

// The root docker-compose.yml is for docker compose, so compose-go alone reads it here.
func production(env map[string]string) (*types.Project, error) {
	file := filepath.Join(root, "docker-compose.yml")
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return composego.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: root, ConfigFiles: []types.ConfigFile{{Filename: file, Content: content}}, Environment: env,
	})
}

func productionEnvironment() map[string]string {
	return map[string]string{
		"POSTGRES_PASSWORD": "a", "INFLUXDB_ADMIN_PASSWORD": "b", "INFLUX_TOKEN": "c", "OVERCLOUD_REGISTRY": "registry:5000",
		"OVERCLOUD_VERSION": "1.0.0", "OVERCLOUD_ROOMS": "[]", "HOST_ADDRESS": "10.0.0.7",
	}
}

func TestTheProductionComposeFileIsPinnedAndWatched(t *testing.T) {
	project, err := production(productionEnvironment())
	require.NoError(t, err)
	pinned := regexp.MustCompile(`:\d+\.\d+(\.\d+)?[A-Za-z0-9.-]*$|@sha256:[0-9a-f]{64}$`)
	for name, s := range project.Services {
		require.Regexp(t, pinned, s.Image, name)
		require.NotContains(t, s.Image, "latest", name)
		require.Equal(t, "unless-stopped", s.Restart, name)
		require.True(t, s.HealthCheck != nil || name == "temporal-ui", "%s has no healthcheck", name)
		for _, p := range s.Ports {
			require.NotEmpty(t, p.HostIP, "%s publishes port %s on every address", name, p.Published)
		}
	}
	for _, name := range []string{"postgres", "temporal", "temporal-ui", "kafka", "influxdb", "workflows", "sink", "control", "notify", "ui"} {
		require.Contains(t, project.Services, name)
	}
}

func TestTheProductionComposeFileHasNoDefaultPasswords(t *testing.T) {
	for name := range productionEnvironment() {
		env := productionEnvironment()
		delete(env, name)
		_, err := production(env)
		require.ErrorContains(t, err, name, "without %s it must not start", name)
	}
	content, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	for _, line := range strings.Split(string(content), "\n") {
		if regexp.MustCompile(`(PASSWORD|PWD|TOKEN):`).MatchString(line) {
			require.Contains(t, line, ":?")
		}
	}
}
