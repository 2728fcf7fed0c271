package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// Each testdata/<case> has an edge.yaml and what is said of it, one fault a line.
func TestEveryFaultIsToldAtOnceWithItsLine(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/edge.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, file := range cases {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			got := "valid\n"
			if _, err := Load(file, env(nil)); err != nil {
				require.ErrorIs(t, err, fault.ErrInvalid)
				got = strings.ReplaceAll(strings.Join(Problems(err), "\n")+"\n", filepath.Dir(file)+"/", "")
			}
			golden := filepath.Join(filepath.Dir(file), "want.txt")
			if os.Getenv("UPDATE") != "" {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestWhatIsPrintedIsReadAgainAsTheSame(t *testing.T) {
	for _, file := range []string{"", "testdata/whole/edge.yaml"} {
		s, err := Read(file, env(nil))
		require.NoError(t, err)
		var b strings.Builder
		require.NoError(t, Print(&b, s))
		again, err := Read(write(t, b.String()), env(nil))
		require.NoError(t, err, b.String())
		require.Equal(t, s, again, b.String())
	}
}

func TestTheEnvironmentWinsAndSecretsAreNeverPrinted(t *testing.T) {
	file := write(t, "box: pi-1\nkafka: {brokers: [\"a:1\"], user: u, password: env:PW}\nspool: {size: 1MiB}\nboxes: {r: {address: 10.0.0.1, community: hush}}\n")
	l, err := Load(file, env(map[string]string{
		"KAFKA_BROKERS": "b:2, c:3", "SPOOL_MB": "7", "PW": "very-secret", "STEP_K": "9", "OVERCLOUD_BOX": "pi-2", "RESOURCE_EVERY": "5s",
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"b:2", "c:3"}, l.Agent.Brokers)
	require.EqualValues(t, 7<<20, l.Agent.Spool.Bytes)
	require.Equal(t, "pi-2", l.Agent.Box)
	require.InDelta(t, 9, l.Agent.Plausible.StepK, 0)
	require.Equal(t, 5*time.Second, l.Agent.ResourceEvery)
	require.Equal(t, "very-secret", l.Agent.Kafka.Password)
	var b strings.Builder
	require.NoError(t, Print(&b, l.Settings))
	require.NotContains(t, b.String(), "very-secret")
	require.NotContains(t, b.String(), "hush")
	require.Contains(t, b.String(), `password: "env:PW"`)

	_, err = Load(file, env(map[string]string{"PW": "x", "SPOOL_MB": "many", "SNMP_TARGETS": "rack-1=tcp://10.0.0.1?community=hush2"}))
	require.ErrorContains(t, err, "SPOOL_MB: ")
	require.ErrorContains(t, err, "SNMP_TARGETS: SNMP target of box rack-1")
	require.NotContains(t, err.Error(), "hush2")
	require.NotContains(t, err.Error(), "PW: ")
}

func TestWithoutAFileTheEnvironmentSaysAll(t *testing.T) {
	_, err := Load("", env(map[string]string{
		"OVERCLOUD_BOX": "pi-1",
		"OVERCLOUD_ROOMS": `[{"name":"hall","sensors":[{"id":1,"source":"w1:28-0","box":"pi-1"},{"id":2,"source":"nonsense","box":"pi-1"},
			{"id":3,"source":"w1:x","box":"pi-2"},{"id":4,"source":"simulated://room/x","box":"pi-1"}],
			"air_conditioners":[{"name":"ac1","remote":"sony","transmitter":"simulated://ac1","box":"pi-1"},
			{"name":"ac2","remote":"lg","transmitter":"simulated://ac2","box":"pi-1","min":28,"max":30}]}]`,
		"SIMULATED_ROOM": "http://127.0.0.1:1", "RESOURCE_EVERY": "soon", "EDGE_CLOCK": "cuckoo",
	}))
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, says := range []string{
		`OVERCLOUD_ROOMS: sensor 2: source "nonsense" is no device`, "sensor 4: source",
		`remote "sony" is not known`, "ac2: no setpoint is allowed", "brokers are not set", "RESOURCE_EVERY: ", "EDGE_CLOCK: ",
	} {
		require.ErrorContains(t, err, says)
	}
	require.NotContains(t, err.Error(), "sensor 3", "it stands on another box")

	l, err := Load("", env(map[string]string{
		"OVERCLOUD_BOX": "pi-1", "KAFKA_BROKERS": "127.0.0.1:9092", "SIMULATED_ROOM": "http://127.0.0.1:1",
		"OVERCLOUD_ROOMS": `[{"name":"hall","sensors":[{"id":1,"source":"simulated://room/1","box":"pi-1"}],
			"air_conditioners":[{"name":"ac1","remote":"lg","transmitter":"simulated://ac1","box":"pi-1","max":25}]}]`,
		"OVERCLOUD_ROOT": "/somewhere", "OVERCLOUD_LISTEN_HOST": "127.1.2.3",
		"SNMP_TARGETS": "rack-1=udp://10.0.0.1:1161, rack-2=udp://10.0.0.2?community=c",
	}))
	require.NoError(t, err)
	require.Equal(t, spec.DefaultPolicy(), l.Agent.Rooms[0].Policy)
	require.Equal(t, "/somewhere/var/lib/edge", l.Agent.Dir)
	require.Equal(t, "127.1.2.3:8096", l.Agent.Listen)
	require.Equal(t, "127.1.2.3", l.Agent.IP)
	require.Len(t, l.Agent.Targets, 2)
}

func TestTheTableInTheManualIsTrue(t *testing.T) {
	const begin, end = "<!-- settings: made by go test ./edge/config with UPDATE=1 -->\n", "<!-- end of settings -->\n"
	manual := "../../docs/edge.md"
	data, err := os.ReadFile(manual)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(data), begin)
	require.True(t, found, "docs/edge.md has lost its table")
	is, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := "\n" + Table(defaults(outside, false)) + "\n"
	if os.Getenv("UPDATE") != "" && is != want {
		require.NoError(t, os.WriteFile(manual, []byte(before+begin+want+end+after), 0o600))
		return
	}
	require.Equal(t, want, is, "UPDATE=1 go test ./edge/config writes it anew")
}

func TestThePackagedFileShowsEveryDefault(t *testing.T) {
	const file = "../../packaging/edge.yaml"
	var b strings.Builder
	require.NoError(t, Print(&b, defaults(outside, false)))
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	}
	is, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(is), "UPDATE=1 go test ./edge/config writes it anew")

	_, err = Load(file, env(nil))
	require.ErrorContains(t, err, "edge.yaml:5: box is not set")
	require.ErrorContains(t, err, "brokers are not set")
}

// outside is the environment of a Pi without containers.
func outside(string) string { return "" }

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{"64MiB": 64 << 20, "1 GiB": 1 << 30, "512KiB": 512 << 10, "1000000": 1000000, "3MB": 3e6, "7B": 7} {
		var s Size
		require.NoError(t, s.UnmarshalText([]byte(text)))
		require.Equal(t, want, s)
		var again Size
		require.NoError(t, again.UnmarshalText([]byte(s.String())))
		require.Equal(t, s, again)
	}
	for _, text := range []string{"", "much", "-1", "1TB", "99999999999GiB", "1.5MiB"} {
		var s Size
		require.Error(t, s.UnmarshalText([]byte(text)), text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("box: a\nrooms: {x: {sensors: [{id: 1}]}}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("boxes: {a: &x {address: 1}, b: *x}\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		d := &document{file: "edge.yaml", places: map[string]place{}, faulty: map[string]bool{}}
		s := Defaults(outside)
		d.read(data, &s)
		d.validate(s)
	})
}
