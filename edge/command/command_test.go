package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/check"
)

// called is what a call prints and how it ends.
func called(env map[string]string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = Main(Call{
		Args: args, Getenv: func(name string) string { return env[name] }, In: strings.NewReader(""), Out: &o, Errs: &e,
	})
	return code, o.String(), e.String()
}

func settings(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestEveryCommandExplainsItselfWithExamples(t *testing.T) {
	code, out, _ := called(nil, "--help")
	require.Zero(t, code)
	for _, one := range commands() {
		require.Contains(t, out, "edge "+one.name+" ")
		code, help, errs := called(nil, one.name, "--help")
		require.Zero(t, code, one.name)
		require.Empty(t, errs)
		require.Contains(t, help, "edge "+one.name+": ")
		require.Contains(t, help, "Example", one.name)
	}
}

func TestNonsenseIsRefusedWithCodeTwo(t *testing.T) {
	for _, args := range [][]string{
		{"chekc"},
		{"--conifg", "x"},
		{"run", "now"},
		{"check", "all"},
		{"status", "x"},
		{"simulate", "--hours", "many"},
		{"simulate", "--scenario", "dor"},
		{"check", "--send", "ac1"},
		{"check", "--send", "ac1=warm"},
		{"learn"},
		{"lircd-conf", "--remote", "sony"},
		{"config", "--config", "/nowhere/edge.yaml"},
	} {
		code, out, errs := called(nil, args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, out, args)
		require.NotEmpty(t, errs, args)
	}
	_, _, errs := called(nil, "chekc")
	require.Contains(t, errs, `did you mean "check"?`)
}

func TestWrongSettingsAreToldWholeAndNothingRuns(t *testing.T) {
	file := settings(t, "box: pi-1\nkafak: {}\nspool: {size: tiny}\n")
	for _, name := range []string{"run", "check"} {
		code, out, errs := called(nil, name, "--config", file)
		require.Equal(t, exitUsage, code)
		require.Empty(t, out)
		require.Contains(t, errs, `edge.yaml:2: unknown key "kafak" (did you mean "kafka"?)`)
		require.Contains(t, errs, `edge.yaml:3: size "tiny" is no size`)
		require.Contains(t, errs, "brokers are not set")
	}
	code, out, _ := called(nil, "config", "--check", "--config", file)
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	code, out, _ = called(map[string]string{"OVERCLOUD_BOX": "a", "KAFKA_BROKERS": "b:1"}, "config", "--check")
	require.Zero(t, code)
	require.Equal(t, "valid\n", out)
}

func TestCheckSaysWhatToDo(t *testing.T) {
	probe := filepath.Join(t.TempDir(), "probe")
	require.NoError(t, os.WriteFile(probe, []byte("24.5\n"), 0o600))
	file := settings(t, `
box: pi-1
data: `+t.TempDir()+`
listen: 127.0.0.1:1
clock: trusted
kafka: {brokers: ["127.0.0.1:1"]}
simulated: {url: "http://127.0.0.1:1"}
rooms:
  hall:
    sensors:
      - {id: 1, name: rack A, source: "file:`+probe+`", box: pi-1}
      - {id: 2, source: "file:`+probe+`-gone", box: pi-1}
      - {id: 3, source: "w1:28-0000075f1c2d", box: pi-2}
    air-conditioners:
      ac1: {remote: lg, transmitter: "simulated://ac1", box: pi-1}
`)
	code, out, errs := called(nil, "check", "--json", "--config", file)
	require.Equal(t, exitFault, code, errs)
	var lines []check.Line
	require.NoError(t, json.Unmarshal([]byte(out), &lines))
	states := map[string]check.Line{}
	for _, l := range lines {
		states[l.Group+" "+l.Name] = l
		require.NotEmpty(t, l.Found, l.Name)
		require.Equal(t, l.State == check.OK, l.Do == "", "%+v", l)
	}
	require.Equal(t, check.OK, states["machine disk"].State)
	require.Equal(t, check.OK, states["box pi-1"].State)
	require.Equal(t, check.Failed, states["kafka 127.0.0.1:1"].State)
	require.Contains(t, states["sensor hall/1 rack A"].Found, "24.5 °C")
	require.Equal(t, check.Failed, states["sensor hall/2"].State)
	require.NotContains(t, out, "hall/3", "it is another box's")

	code, out, _ = called(nil, "check", "--config", file, "--send", "ac9=22")
	require.Equal(t, exitFault, code)
	require.Contains(t, out, "no air conditioner of that name")
	require.Contains(t, out, "-> see the names under rooms")
	_, out, _ = called(nil, "check", "--config", file, "--send", "ac1=29")
	require.Contains(t, out, "nothing was sent")
}

func TestStatusAndHealthOfNobody(t *testing.T) {
	file := settings(t, "listen: 127.0.0.1:1\n")
	for _, name := range []string{"status", "health"} {
		code, out, errs := called(nil, name, "--config", file)
		require.Equal(t, exitFault, code)
		require.Empty(t, out)
		require.NotEmpty(t, errs)
	}
}

func TestStatusNamesWhatIsWrong(t *testing.T) {
	var s agent.Status
	require.NoError(t, json.Unmarshal([]byte(`{"box":"pi-1","clock_trusted":true,
		"sensors":[{"room":"hall","sensor":1,"celsius":24.06,"age_s":3},{"room":"hall","sensor":2,"age_s":null,"fault":"on no 1-Wire bus"},
			{"room":"hall","sensor":3,"celsius":85,"age_s":4,"bad":"step of 60 K"}],
		"air_conditioners":[{"room":"hall","ac":"ac1"}],
		"queues":{"temp":{"depth":2,"oldest_age_s":61,"bytes":300,"max_bytes":67108864},"ack":{"bytes":2048,"max_bytes":16777216}},
		"boxes":[{"box":"rack-1","polls":3,"faults":1,"took_s":0.0024,"fault":"it does not answer"}],
		"alerts":["hall/sensor/2/edge","hall/box/rack-1"]}`), &s))
	var out strings.Builder
	showStatus(&out, s)
	require.Equal(t, strings.TrimLeft(`
box    pi-1
clock  trusted

room  sensor  °C    age
hall  1       24.1  3s
hall  2       -     never  on no 1-Wire bus
hall  3       85.0  4s     step of 60 K

room  air conditioner  desired  sent  confirmed
hall  ac1              -        -     -          nothing was ordered yet

queue  waiting  oldest  on disk  at most  dropped
ack    0        -       2 KiB    16 MiB   0
temp   2        1m1s    300 B    64 MiB   0

box     polls  faults  took
rack-1  3      1       2.4ms  it does not answer

alerts that last
  hall/sensor/2/edge
  hall/box/rack-1
`, "\n"), out.String())
}

func TestSimulateIsTheSameEachTime(t *testing.T) {
	code, first, errs := called(nil, "simulate", "--hours", "1", "--csv")
	require.Zero(t, code, errs)
	require.Len(t, strings.Split(strings.TrimSpace(first), "\n"), 2)
	_, again, _ := called(nil, "simulate", "--hours", "1", "--csv")
	require.Equal(t, first, again)
	_, table, _ := called(nil, "simulate", "--hours", "1", "--notes")
	require.Contains(t, table, "against")
	recording := filepath.Join(t.TempDir(), "temp.csv")
	require.NoError(t, os.WriteFile(recording, []byte("1782864000000,1,40,24\n1782864010000,1,40,99\n"), 0o600))
	code, out, _ := called(nil, "simulate", "--readings", recording)
	require.Zero(t, code)
	require.Contains(t, out, "line 2: sensor 1 at 2026-07-01T00:00:10Z, 99.0 °C: bad: ")
	require.Contains(t, out, "readings believed: 1, marked bad: 1;")
}
