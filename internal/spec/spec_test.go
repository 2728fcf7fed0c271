package spec

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// sound is a specification without a mistake; each test breaks one thing.
func sound() Service {
	return Service{
		Name: "shop", Orchestrator: OrchestratorEngine,
		Boxes: []Box{
			{Name: "rack-1", Engine: "tcp://10.0.0.1:2376", Address: "10.0.0.1"},
			{Name: "pi-1", Engine: "ssh://root@pi-1", Address: "pi-1"},
		},
		Functions: []Function{
			{Name: "web", Image: "web:1", Replicas: 1, Consumes: []Edge{{Function: "db", Port: 5432}}},
			{Name: "db", Image: "db:1", Replicas: 1, Expose: []int{5432}},
		},
		Rooms: []Room{{
			Name: "hall", Policy: DefaultPolicy(), Sensors: []Sensor{{ID: 1, Source: "w1:28-1", Box: "pi-1"}},
			AirConditioners: []AirConditioner{{Name: "ac1", Remote: "lg", Box: "pi-1", Transmitter: "/dev/lirc0", Min: 18, Max: 30}},
		}},
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, sound().Validate())
	cases := map[string]struct {
		breakIt func(*Service)
		path    string
	}{
		"no name":          {func(s *Service) { s.Name = "" }, "name"},
		"no functions":     {func(s *Service) { s.Functions = nil }, "services"},
		"no boxes":         {func(s *Service) { s.Boxes = nil; s.Rooms = nil }, "x-overcloud.boxes"},
		"a box twice":      {func(s *Service) { s.Boxes = append(s.Boxes, s.Boxes[0]) }, "x-overcloud.boxes.rack-1"},
		"a function twice": {func(s *Service) { s.Functions = append(s.Functions, s.Functions[1]) }, "services.db"},
		"a room twice": {func(s *Service) {
			s.Rooms = append(s.Rooms, Room{Name: "hall", Policy: DefaultPolicy(), Sensors: []Sensor{{ID: 2, Source: "w1:2", Box: "pi-1"}}})
		}, "x-overcloud.rooms.hall"},
		"an air conditioner twice": {func(s *Service) {
			s.Rooms[0].AirConditioners = append(s.Rooms[0].AirConditioners, s.Rooms[0].AirConditioners[0])
		}, "x-overcloud.rooms.hall.air-conditioners.ac1"},
		"a secret holding a value":  {func(s *Service) { s.Secrets = []Secret{{Name: "p", From: "hunter2"}} }, "secrets.p"},
		"an unknown approval":       {func(s *Service) { s.Approvals = []string{"start/nobody"} }, "services.nobody.x-overcloud.approval"},
		"an edge to nobody":         {func(s *Service) { s.Functions[0].Consumes[0].Function = "bd" }, "services.web.x-overcloud.consumes[0]"},
		"a network that is not":     {func(s *Service) { s.Functions[0].Networks = []string{"n"} }, "services.web.networks[0]"},
		"a volume that is not":      {func(s *Service) { s.Functions[0].Mounts = []Mount{{Kind: "volume", Source: "v", Target: "/v"}} }, "services.web.volumes[0]"},
		"a port out of range":       {func(s *Service) { s.Functions[0].Ports = []Port{{Container: 70000, Protocol: "tcp"}} }, "services.web.ports[0]"},
		"a negative number of them": {func(s *Service) { s.Functions[0].Replicas = -1 }, "services.web.deploy.replicas"},
		"a cycle": {func(s *Service) {
			s.Functions[0].DependsOn = []Dependency{{Function: "db", Condition: "service_started"}}
			s.Functions[1].DependsOn = []Dependency{{Function: "web", Condition: "service_started"}}
		}, "services.db.depends_on.web"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := sound()
			c.breakIt(&s)
			err := s.Validate()
			require.ErrorIs(t, err, fault.ErrInvalid)
			var problems Problems
			require.True(t, errors.As(err, &problems))
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, c.path, problems[0].Path)
		})
	}
}

func TestASecretsValueIsNeverRepeated(t *testing.T) {
	s := sound()
	s.Secrets = []Secret{{Name: "p", From: "hunter2"}}
	require.NotContains(t, s.Validate().Error(), "hunter2")
}

func TestHostPortsClashOnlyWhereAddressesDo(t *testing.T) {
	s := sound()
	s.Functions[0].Ports = []Port{{Container: 80, Host: 8080, Protocol: "tcp"}}
	s.Functions[1].Ports = []Port{{Container: 5432, Host: 8080, Protocol: "tcp"}}
	require.NoError(t, s.Validate(), "two boxes with two addresses have room for both")
	s.Boxes[1].Address = s.Boxes[0].Address
	require.ErrorContains(t, s.Validate(), "host port 8080")
	s.Functions[0].Ports[0].HostIP, s.Functions[1].Ports[0].HostIP = "127.0.0.1", "10.0.0.1"
	require.NoError(t, s.Validate())
}

func TestNormaliseIsStableAndLeavesTheOriginal(t *testing.T) {
	s := sound()
	n := s.Normalise()
	require.Equal(t, "rack-1", s.Boxes[0].Name)
	require.Equal(t, "pi-1", n.Boxes[0].Name)
	require.Equal(t, n, n.Normalise())
	text, err := json.Marshal(n)
	require.NoError(t, err)
	var read Service
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, n, read)
}

func TestPlaceholders(t *testing.T) {
	require.Equal(t, []Placeholder{
		{Text: "{{kafka.host}}", Function: "kafka", Field: "host"},
		{Text: "{{ a.b.port }}", Function: "a.b", Field: "port"},
		{Text: "{{rooms}}", Field: "rooms"},
	}, Placeholders("{{kafka.host}}:{{ a.b.port }} {{rooms}} {{.Name}} {{ range .Items }} {{}} {kafka.host}"))
}

func TestTheConsumedPortIsThePlaceholdersPort(t *testing.T) {
	db := Function{Name: "db", Expose: []int{1, 2}}
	port, err := Service{}.PlaceholderPort(Function{Consumes: []Edge{{Function: "db", Port: 2}}}, db)
	require.NoError(t, err)
	require.Equal(t, 2, port)
	_, err = Service{}.PlaceholderPort(Function{}, db)
	require.Error(t, err)
	port, err = Service{}.PlaceholderPort(Function{}, Function{Name: "x", External: "host:7233"})
	require.NoError(t, err)
	require.Equal(t, 7233, port)
}

func TestSplitAddress(t *testing.T) {
	for _, good := range []string{"host:1", "10.0.0.1:65535", "[::1]:80"} {
		_, _, err := SplitAddress(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"", "host", ":80", "host:0", "host:65536", "host:x", "::1:80", "a b:80", "http://a:80"} {
		_, _, err := SplitAddress(bad)
		require.Error(t, err, bad)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"kafka", "influxdb", "ui"}
	require.Equal(t, ` (did you mean "kafka"?)`, Suggest("kafak", known))
	require.Equal(t, ` (did you mean "influxdb"?)`, Suggest("influx_db", known))
	require.Empty(t, Suggest("postgres", known))
	require.Empty(t, Suggest("ab", known))
}

func TestCircles(t *testing.T) {
	require.Equal(t, [][]string{{"a", "b", "c", "a"}, {"d", "e", "d"}}, circles(map[string][]string{
		"c": {"a"}, "a": {"b"}, "b": {"c"}, "e": {"d"}, "d": {"e", "a"}, "f": {"f", "a"},
	}))
}
