package history

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestQueriesAreTheseTexts(t *testing.T) {
	const all = `(r._measurement == "temp" and r["quality"] == "good" and (r._field == "temperature" or r._field == "humidity"))` +
		` or (r._measurement == "power" and (r._field == "watts"))` +
		` or (r._measurement == "resource" and (r._field == "load1" or r._field == "cpu_percent" or r._field == "cpu_user_percent"` +
		` or r._field == "cpu_system_percent" or r._field == "cpu_idle_percent" or r._field == "mem_total_bytes" or r._field == "mem_available_bytes"))` +
		` or (r._measurement == "disk" and (r._field == "used_percent"))` +
		` or (r._measurement == "interface" and (r._field == "in_bytes_s" or r._field == "out_bytes_s" or r._field == "in_errors_s"` +
		` or r._field == "out_errors_s" or r._field == "in_discards_s" or r._field == "out_discards_s"))` +
		` or (r._measurement == "command") or (r._measurement == "ack") or (r._measurement == "alert") or (r._measurement == "answer")`
	require.Equal(t, `from(bucket: "overcloud/autogen") |> range(start: 2026-11-20T12:00:00.000Z, stop: 2026-11-20T13:00:00.000Z)`+
		` |> filter(fn: (r) => `+all+`)`, Scan("overcloud/autogen", noon, noon.Add(time.Hour)))
	require.Equal(t, `from(bucket: "o") |> range(start: 1970-01-01T00:00:00.000Z, stop: 2026-11-20T12:00:00.000Z)`+
		` |> filter(fn: (r) => `+all+`) |> first()`, Oldest("o", noon))
	require.Equal(t, `from(bucket: "overcloud/hours") |> range(start: 1970-01-01T00:00:00.000Z, stop: 2026-11-21T12:00:00.000Z)`+
		` |> filter(fn: (r) => r._measurement == "rollup") |> last()`, CursorQuery("overcloud/autogen", noon))
	require.Equal(t, `from(bucket: "b") |> range(start: 2026-11-20T12:00:00.000Z, stop: 2026-11-20T12:00:00.000Z)`+
		` |> filter(fn: (r) => r._measurement == "temp" and r["room"] == "a\"\\\${x}?")`,
		Select("b", "temp", nil, []Tag{{"room", "a\"\\${x}\n"}}, noon, noon))
	require.Equal(t, "overcloud/minutes", In("overcloud", Minutes))
	require.Equal(t, "overcloud", In("overcloud", Raw))
	require.Equal(t, "db/hours", In("db/autogen", Hours))
}

func TestThePassThatIsDue(t *testing.T) {
	keep := spec.History{}
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	now := at(30*time.Minute + 20*time.Second)
	for _, test := range []struct {
		name   string
		cursor Cursor
		oldest time.Time
		want   Pass
	}{
		{"nothing was ever stored", Cursor{}, time.Time{}, Pass{From: at(29 * time.Minute), To: at(29 * time.Minute)}},
		{"the first one begins with the oldest reading", Cursor{}, at(-50*time.Hour + 7*time.Minute), Pass{From: at(-50 * time.Hour), To: at(29 * time.Minute), Sweep: true}},
		{"the first one was stopped", Cursor{Until: at(-40 * time.Hour)}, at(-50 * time.Hour), Pass{From: at(-41 * time.Hour), To: at(29 * time.Minute), Sweep: true}},
		{"the usual one goes back an hour", Cursor{Until: at(0), Swept: at(-time.Hour)}, at(-50 * time.Hour), Pass{From: at(-time.Hour), To: at(29 * time.Minute)}},
		{"once a day it goes back over all that may be late", Cursor{Until: at(0), Swept: at(-25 * time.Hour)}, at(-300 * time.Hour), Pass{From: at(-168 * time.Hour), To: at(29 * time.Minute), Sweep: true}},
		{"but not before the oldest reading", Cursor{Until: at(0), Swept: at(-25 * time.Hour)}, at(-30 * time.Hour), Pass{From: at(-30 * time.Hour), To: at(29 * time.Minute), Sweep: true}},
		{"it was away for a week", Cursor{Until: at(-170 * time.Hour), Swept: at(-171 * time.Hour)}, at(-1000 * time.Hour), Pass{From: at(-338 * time.Hour), To: at(29 * time.Minute), Sweep: true}},
	} {
		require.Equal(t, test.want, Next(test.cursor, test.oldest, now, keep), test.name)
	}
}

// world is a bucket of raw readings and what was rolled up of it.
type world struct {
	samples map[*Series][]Sample
	stored  map[string]string // the fields by tier, series and time
}

func (w *world) roll(t testing.TB, from, to, now time.Time, keep spec.History) {
	t.Helper()
	roller := NewRoller(to, now, keep, w.emit)
	for series, samples := range w.samples {
		for _, s := range samples {
			if s.At >= from.UnixMilli() && s.At < to.UnixMilli() {
				require.NoError(t, roller.Add(Sample{series, s.At, s.Value}))
			}
		}
	}
	require.NoError(t, roller.Close())
}

func (w *world) emit(tier Tier, lines []byte) error {
	for one := range strings.Lines(string(lines)) {
		parts := strings.Fields(one)
		w.stored[string(tier)+" "+parts[0]+" "+parts[2]+" "+parts[1][:4]] = parts[1]
	}
	return nil
}

// randomWorld has two sensors with gaps, bursts and values of every sign.
func randomWorld(random *rand.Rand, from time.Time, length time.Duration) *world {
	w := &world{samples: map[*Series][]Sample{}, stored: map[string]string{}}
	for _, field := range []string{"temperature", "humidity"} {
		for sensor := range 2 {
			series := &Series{"temp", field, []Tag{{"quality", "good"}, {"room", "lab"}, {"sensor", fmt.Sprint(sensor)}}}
			at := from.UnixMilli()
			for {
				at += 1 + random.Int64N([]int64{5000, 90_000, 6_000_000}[random.IntN(3)])
				if at >= from.Add(length).UnixMilli() {
					break
				}
				w.samples[series] = append(w.samples[series], Sample{series, at, Value{Kind: Float, Float: random.NormFloat64() * 30}})
			}
		}
	}
	return w
}

// Any pattern of interruptions, restarts and repetitions gives the same points as one pass over everything.
func TestHoweverItIsInterruptedTheRollupIsTheSame(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		const days = 2
		began := noon.Add(-time.Duration(random.IntN(50)) * time.Minute)
		w := randomWorld(random, began, days*24*time.Hour)
		end := began.Add(days * 24 * time.Hour)
		w.roll(t, began.Truncate(time.Hour), end.Truncate(time.Minute), end, spec.History{})
		once := w.stored
		require.NotEmpty(t, once)

		w.stored = map[string]string{}
		var cursor Cursor
		now := began.Add(time.Duration(random.IntN(100)) * time.Hour)
		for cursor.Until.Before(end.Truncate(time.Hour)) || now.Before(end.Add(settle)) {
			if now.After(end.Add(settle)) {
				now = end.Add(settle)
			}
			pass, length := Next(cursor, began, now, spec.History{}), time.Duration(random.IntN(30))*time.Hour
			for {
				from, to, ok := pass.Window(length)
				if !ok {
					break
				}
				w.roll(t, from, to, now, spec.History{})
				if random.IntN(4) == 0 {
					break // killed after storing, before the cursor moved
				}
				pass, cursor = pass.After(cursor, to, now)
				if random.IntN(6) == 0 {
					break // killed between two windows
				}
				length = Stretch(length, time.Duration(random.IntN(40))*time.Second)
			}
			now = now.Add(time.Duration(random.IntN(600)) * time.Minute)
		}
		pass := Next(cursor, began, end.Add(settle), spec.History{})
		w.roll(t, pass.From, pass.To, end, spec.History{})
		require.True(t, maps.Equal(once, w.stored), "seed %d: %d points, %d in one pass", seed, len(w.stored), len(once))
	}
}

// What comes late is in the rollup after the next sweep, and until then what was there stays.
func TestLateReadingsAreRolledUpAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	w := randomWorld(random, noon.Add(-100*time.Hour), 100*time.Hour)
	held := map[*Series][]Sample{}
	for _, series := range slices.Collect(maps.Keys(w.samples)) {
		held[series] = w.samples[series]
		n := len(held[series])
		w.samples[series] = slices.Concat(held[series][:n/2], held[series][n/2+n/8:])
	}
	var cursor Cursor
	run := func(now time.Time) {
		pass := Next(cursor, noon.Add(-100*time.Hour), now, spec.History{})
		for {
			from, to, ok := pass.Window(WindowMost)
			if !ok {
				return
			}
			w.roll(t, from, to, now, spec.History{})
			pass, cursor = pass.After(cursor, to, now)
		}
	}
	run(noon)
	run(noon.Add(time.Hour))
	before := maps.Clone(w.stored)
	w.samples = held
	run(noon.Add(2 * time.Hour))
	require.True(t, maps.Equal(before, w.stored), "too old for the usual pass")
	run(noon.Add(25 * time.Hour))
	swept := maps.Clone(w.stored)
	require.Greater(t, len(swept), len(before))
	w.stored = map[string]string{}
	w.roll(t, noon.Add(-100*time.Hour), cursor.Until, noon.Add(25*time.Hour), spec.History{})
	require.True(t, maps.Equal(w.stored, swept), "as if nothing had come late")
}

func TestAMinuteAndAnHourAreWhatTheirReadingsSay(t *testing.T) {
	series := &Series{"temp", "temperature", []Tag{{"quality", "good"}, {"room", "my room"}, {"sensor", "1"}}}
	got := map[Tier]string{}
	roller := NewRoller(noon.Add(90*time.Minute), noon.Add(90*time.Minute), spec.History{}, func(tier Tier, lines []byte) error {
		got[tier] += string(lines)
		return nil
	})
	for i, celsius := range []float64{20, 22, 21, 30} {
		at := noon.Add([]time.Duration{0, 30 * time.Second, 61 * time.Second, 61 * time.Minute}[i])
		require.NoError(t, roller.Add(Sample{series, at.UnixMilli(), Value{Kind: Float, Float: celsius}}))
	}
	require.NoError(t, roller.Add(Sample{series, noon.Add(62 * time.Minute).UnixMilli(), Value{Kind: Text, Text: "x"}}))
	require.ErrorIs(t, roller.Add(Sample{series, noon.UnixMilli(), Value{Kind: Int, Int: 1}}), fault.ErrInvalid, "back in time")
	require.NoError(t, roller.Close())
	const tags = `temp,room=my\ room,sensor=1 `
	require.Equal(t, tags+"temperature_mean=21,temperature_min=20,temperature_max=22,temperature_count=2i 1795176000000\n"+
		tags+"temperature_mean=21,temperature_min=21,temperature_max=21,temperature_count=1i 1795176060000\n"+
		tags+"temperature_mean=30,temperature_min=30,temperature_max=30,temperature_count=1i 1795179660000\n", got[Minutes])
	require.Equal(t, tags+"temperature_mean=21,temperature_min=20,temperature_max=22,temperature_count=3i 1795176000000\n", got[Hours],
		"the second hour is not over")
}

func TestWhatIsPastItsRetentionIsNotWritten(t *testing.T) {
	w := randomWorld(rand.New(rand.NewPCG(2, 2)), noon.Add(-30*24*time.Hour), 30*24*time.Hour)
	w.roll(t, noon.Add(-30*24*time.Hour), noon, noon, spec.History{Raw: spec.Duration(48 * time.Hour), Minutes: spec.Duration(72 * time.Hour)})
	minutes, hours := 0, 0
	for key := range w.stored {
		if strings.HasPrefix(key, "minutes") {
			minutes++
			var at int64
			_, err := fmt.Sscan(strings.Fields(key)[2], &at)
			require.NoError(t, err)
			require.GreaterOrEqual(t, at, noon.Add(-71*time.Hour).UnixMilli())
		} else {
			hours++
		}
	}
	require.Positive(t, minutes)
	require.Greater(t, hours, 500, "for ever")
}

func TestEventsAreCopiedAsTheyAre(t *testing.T) {
	var got string
	roller := NewRoller(noon, noon, spec.History{}, func(tier Tier, lines []byte) error {
		require.Equal(t, Hours, tier)
		got += string(lines)
		return nil
	})
	for field, v := range map[string]Value{"setpoint": {Kind: Int, Int: 22}, "power": {Kind: Bool, Int: 1}, "id": {Kind: Text, Text: `a"b`}, "reason": {Kind: Text}} {
		require.NoError(t, roller.Add(Sample{&Series{"command", field, []Tag{{"ac", "ac1"}}}, noon.UnixMilli(), v}))
	}
	require.NoError(t, roller.Close())
	require.ElementsMatch(t, []string{"command,ac=ac1 setpoint=22i 1795176000000", "command,ac=ac1 power=true 1795176000000", `command,ac=ac1 id="a\"b" 1795176000000`},
		strings.Split(strings.TrimSpace(got), "\n"))
}

func TestTheCursorComesBackAsItWas(t *testing.T) {
	c := Cursor{Until: noon, Swept: noon.Add(-time.Minute)}
	require.Equal(t, "rollup until_ms=1795176000000i,swept_ms=1795175940000i 1795176000000\n", string(c.Line()))
	var got Cursor
	got.Take(Sample{&Series{Field: "until_ms"}, 0, Value{Kind: Int, Int: noon.UnixMilli()}})
	got.Take(Sample{&Series{Field: "until_ms"}, 0, Value{Kind: Int, Int: 5}})
	got.Take(Sample{&Series{Field: "swept_ms"}, 0, Value{Kind: Int, Int: c.Swept.UnixMilli()}})
	require.Equal(t, c, got)
	require.True(t, c.MayTrim(noon.Add(time.Hour)))
	require.False(t, c.MayTrim(noon.Add(7*time.Hour)), "a rolling-up that has stopped lets nothing go")
	require.False(t, Cursor{Until: noon}.MayTrim(noon), "the first pass has not ended")
}

func TestWhereAPlacedServiceKeepsItsReadings(t *testing.T) {
	service := spec.Service{
		Rooms: []spec.Room{{Name: "lab"}}, Boxes: []spec.Box{{Name: "b1", Address: "10.0.0.7"}},
		Secrets: []spec.Secret{{Name: "influx", From: "file:/etc/token"}},
		Functions: []spec.Function{{Name: "sink", Environment: []spec.Variable{
			{Name: EnvURL, Value: "http://{{influxdb.host}}:{{ influxdb.port }}"},
			{Name: EnvBucket, Value: "overcloud/autogen"},
			{Name: EnvToken, Value: "/run/secrets/influx"},
		}, Consumes: []spec.Edge{{Function: "influxdb", Port: 8086}}, Secrets: []spec.SecretUse{{Name: "influx", Target: "influx"}}}, {Name: "influxdb"}},
	}
	placed := []plan.Placement{{Function: "influxdb", Box: "b1", Ports: []spec.Port{{Container: 9999, Host: 1}, {Container: 8086, Host: 18086}}}}
	want := Place{URL: "http://10.0.0.7:18086", Bucket: "overcloud/autogen", Token: service.Secrets[0]}
	got, ok := Find(service, placed)
	require.True(t, ok)
	require.Equal(t, want, got)

	_, ok = Find(service, nil)
	require.False(t, ok, "not placed")
	service.Functions[1].External = "influx.example:8086"
	got, ok = Find(service, nil)
	require.True(t, ok)
	require.Equal(t, "http://influx.example:8086", got.URL)
	service.History.Off = true
	_, ok = Find(service, placed)
	require.False(t, ok)
	service.History.Off, service.Rooms = false, nil
	_, ok = Find(service, placed)
	require.False(t, ok, "a service without rooms")
}
