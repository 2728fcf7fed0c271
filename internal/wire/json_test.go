package wire

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

const noonMillis = 1_760_000_000_000

func number(f float64) *float64 { return &f }

func command() Command {
	return Command{
		ID: "c1", Revision: 7, Room: "lab", AC: "ac1", Power: true, Setpoint: 22, Mode: "cool", Fan: "auto",
		Reason: "inlet 27.1 °C", TTLMillis: 60_000,
	}
}

func ack() Ack {
	return Ack{ID: "c1", Revision: 7, Room: "lab", AC: "ac1", State: AckSent, Power: true, Setpoint: 22, Source: "command", TimeMillis: noonMillis}
}

func alert() Alert {
	return Alert{ID: "lab/limit/1", Room: "lab", Kind: "limit", Severity: SeverityHigh, BeganMillis: noonMillis, Source: "control"}
}

func intent() Intent {
	return Intent{Room: "lab", Revision: 3, TimeMillis: noonMillis, Policy: json.RawMessage(`{"warn":27}`), ACs: []IntentAC{{AC: "ac1", Desired: 24}}}
}

func resource() Resource {
	return Resource{
		Box: "pi-1", IP: "10.0.0.7", TimeMillis: noonMillis, Source: "snmp", UptimeS: number(3600), CPUPercent: number(12.5),
		Disks: []Disk{{Path: "/", Percent: 40}}, Interfaces: []Interface{{Name: "eth0", InBytes: number(1e6)}},
	}
}

func roundTrip[T Validator](t *testing.T, record T) {
	t.Helper()
	require.NoError(t, record.Validate())
	got, err := Decode[T](Encode(record))
	require.NoError(t, err)
	require.Equal(t, record, got)
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	roundTrip(t, command())
	roundTrip(t, Command{ID: "c", Revision: 1, Room: "r", AC: "a", TTLMillis: 1})
	roundTrip(t, Lease{Room: "lab", Revision: noonMillis, TTLMillis: 300_000, Holder: "control-1"})
	roundTrip(t, ack())
	roundTrip(t, Ack{Room: "lab", AC: "ac1", State: AckSent, Power: true, Setpoint: 22, Source: "fail-safe", TimeMillis: noonMillis})
	roundTrip(t, alert())
	roundTrip(t, intent())
	roundTrip(t, resource())
}

// broken makes a record faulty in one way.
func broken[T Validator](t *testing.T, name, why string, good T, breaking func(*T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		breaking(&good)
		err := good.Validate()
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, why)
	})
}

func TestRecordsThatNobodyShouldActOnAreRefused(t *testing.T) {
	broken(t, "a command for a sauna", "setpoint 80 °C is outside 10 to 35", command(), func(c *Command) { c.Setpoint = 80 })
	broken(t, "a command that heats", `mode "heat"`, command(), func(c *Command) { c.Mode = "heat" })
	broken(t, "a command without a revision", "revision 0", command(), func(c *Command) { c.Revision = 0 })
	broken(t, "a command for ever", "ttl_ms", command(), func(c *Command) { c.TTLMillis = math.MaxInt64 })
	broken(t, "a command to nobody", "ac is missing", command(), func(c *Command) { c.AC = "" })
	broken(t, "a long name", "longer than 128", command(), func(c *Command) { c.Room = strings.Repeat("x", 129) })
	broken(t, "a name with a line end", "control characters", command(), func(c *Command) { c.Room = "a\nb" })
	broken(t, "a book of reasons", "longer than 4096", command(), func(c *Command) { c.Reason = strings.Repeat("x", 5000) })
	broken(t, "a lease without a life", "ttl_ms 0", Lease{Room: "lab", Revision: 1}, func(*Lease) {})
	broken(t, "an unknown state", `state "maybe"`, ack(), func(a *Ack) { a.State = "maybe" })
	broken(t, "an ack of no command", "id is missing", ack(), func(a *Ack) { a.ID = "" })
	broken(t, "an ack from 1970", "time_ms 5", ack(), func(a *Ack) { a.TimeMillis = 5 })
	broken(t, "an unknown severity", `severity "bad"`, alert(), func(a *Alert) { a.Severity = "bad" })
	broken(t, "an end before its beginning", "before began_ms", alert(), func(a *Alert) { a.EndedMillis = a.BeganMillis - 1 })
	broken(t, "a policy that is a list", "policy is no JSON object", intent(), func(i *Intent) { i.Policy = json.RawMessage(`[1]`) })
	broken(t, "a policy cut short", "policy is no JSON object", intent(), func(i *Intent) { i.Policy = json.RawMessage(`{"a":`) })
	broken(t, "an intent to boil", "desired 90 °C", intent(), func(i *Intent) { i.ACs[0].Desired = 90 })
	broken(t, "more than all of a CPU", "cpu_percent 140", resource(), func(r *Resource) { r.CPUPercent = number(140) })
	broken(t, "a rate that is no number", "a rate of interface eth0 NaN", resource(), func(r *Resource) { r.Interfaces[0].InBytes = number(math.NaN()) })
	broken(t, "a box without a name", "box is missing", resource(), func(r *Resource) { r.Box = "" })
	broken(t, "ten thousand disks", "10000 disks", resource(), func(r *Resource) { r.Disks = make([]Disk, 10_000) })
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for value, why := range map[string]string{
		``: "not the JSON of a command", `[]`: "not the JSON", `{"id":`: "not the JSON", `null`: "id is missing",
		string(Encode(command())) + `{}`: "something follows", `{"setpoint":1e400}`: "not the JSON", `{"setpoint":"22"}`: "not the JSON",
		`{"id":"` + strings.Repeat("x", MaxRecordBytes) + `"}`: "longer than",
	} {
		_, err := Decode[Command]([]byte(value))
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, why)
	}
	newer := strings.Replace(string(Encode(command())), "{", `{"new":"field",`, 1)
	_, err := Decode[Command]([]byte(newer))
	require.NoError(t, err, "a newer writer may say more")
}

func TestUnknownNumbersAreWrittenAsUnknown(t *testing.T) {
	r := resource()
	r.CPUPercent, r.Interfaces[0].InBytes = number(math.NaN()), number(math.Inf(1))
	r.Disks = append(r.Disks, Disk{Path: "/gone", Percent: math.NaN()})
	got, err := Decode[Resource](Encode(r))
	require.NoError(t, err)
	require.Nil(t, got.CPUPercent)
	require.Nil(t, got.Interfaces[0].InBytes)
	require.Equal(t, []Disk{{Path: "/", Percent: 40}}, got.Disks)
	require.True(t, math.IsNaN(*r.CPUPercent), "the record itself is left alone")
}

func TestThe2017ResourceIsRead(t *testing.T) {
	const bare = `{"ip":"10.0.0.2","deviceId":"box-2","timestamp":1760000000000,"cp":"x","memory":2048,"tx":10,"rx":20,
		"cpu":"0.75","txDropped":1,"rxError":2,"disk":41,"rxDropped":3,"txError":4}`
	want := Resource{
		Box: "box-2", IP: "10.0.0.2", TimeMillis: noonMillis, Source: "snmp", Load1: number(0.75), MemAvail: number(2048 * 1024),
		Disks: []Disk{{Path: "1", Percent: 41}},
		Interfaces: []Interface{{Name: "2", Totals: &Totals{
			InBytes: number(20), OutBytes: number(10), InErrors: number(2), OutErrors: number(4), InDiscards: number(3), OutDiscards: number(1),
		}}},
	}
	got, err := DecodeResource("", []byte(bare), broker)
	require.NoError(t, err)
	require.Equal(t, want, got)
	direct, err := Decode[Resource]([]byte(bare))
	require.NoError(t, err)
	require.Equal(t, want, direct)

	quoted := strings.NewReplacer(`2048`, `"2048"`, `41,`, `"41",`, `1760000000000`, `"now"`).Replace(bare)
	got, err = DecodeResource("", []byte(quoted), broker)
	require.NoError(t, err)
	want.TimeMillis, want.ArrivalTime = broker.UnixMilli(), true
	require.Equal(t, want, got, "numbers in quotes, a timestamp that is no time")

	_, err = DecodeResource("", []byte(strings.Replace(bare, "2048", `"much"`, 1)), broker)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, `memory "much" is no number`)
}

func TestAResourceTakesItsBoxFromItsKey(t *testing.T) {
	got, err := DecodeResource("box-9", []byte(`{"time_ms":1760000000000,"load1":1}`), broker)
	require.NoError(t, err)
	require.Equal(t, "box-9", got.Box)
	_, err = DecodeResource("box-9", []byte(`{"time_ms":1790000000000}`), broker)
	require.ErrorContains(t, err, "more than a day ahead")
}

func TestControlKeys(t *testing.T) {
	room, ac, err := ParseControlKey(ControlKey("lab", "ac1"))
	require.NoError(t, err)
	require.Equal(t, "lab ac1", room+" "+ac)
	for _, key := range []string{"", "lab", "/ac1", "lab/"} {
		_, _, err := ParseControlKey([]byte(key))
		require.ErrorIs(t, err, fault.ErrInvalid, key)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	f.Add(Encode(command()))
	f.Add([]byte(`{"revision":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, value []byte) { fuzzDecode[Command](t, value) })
}

func FuzzDecodeIntent(f *testing.F) {
	f.Add(Encode(intent()))
	f.Fuzz(func(t *testing.T, value []byte) { fuzzDecode[Intent](t, value) })
}

func FuzzDecodeResource(f *testing.F) {
	f.Add(Encode(resource()))
	f.Add([]byte(`{"deviceId":7,"memory":"1e3","timestamp":"2017-03-04T12:00:00Z"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := DecodeResource("box", value, broker)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		_, err = DecodeResource("box", Encode(r), broker)
		require.NoError(t, err)
	})
}

// fuzzDecode: what is taken is taken again after writing it out, and says the same.
func fuzzDecode[T Validator](t *testing.T, value []byte) {
	record, err := Decode[T](value)
	if err != nil {
		require.ErrorIs(t, err, fault.ErrInvalid)
		return
	}
	again, err := Decode[T](Encode(record))
	require.NoError(t, err)
	require.JSONEq(t, string(Encode(record)), string(Encode(again)))
}
