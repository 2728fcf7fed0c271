package anomaly

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/wire"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	start  = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
)

func number(f float64) *float64 { return &f }

// world is some boxes that are polled, and what was judged of them.
type world struct {
	t      *testing.T
	now    time.Time
	every  time.Duration
	state  *State
	limits Limits
	deaf   bool
	twice  bool // each record comes twice
	booted time.Time
	boxes  []string
	// shape is what a box is like at a moment, nil when it does not answer.
	shape func(box string, now time.Time) *wire.Resource
	lines []string
	lasts map[string]wire.Alert
}

func newWorld(t *testing.T, boxes ...string) *world {
	w := &world{t: t, now: start, every: 10 * time.Second, state: &State{}, booted: start.Add(-300 * time.Hour), boxes: boxes, lasts: map[string]wire.Alert{}}
	w.shape = func(string, time.Time) *wire.Resource { return w.calm() }
	return w
}

// calm is a box at rest.
func (w *world) calm() *wire.Resource {
	return &wire.Resource{
		UptimeS: number(w.now.Sub(w.booted).Seconds()), Load1: number(0.4), CPUPercent: number(7), MemTotal: number(16e9), MemAvail: number(9e9),
		Disks:      []wire.Disk{{Path: "/", Percent: 40}, {Path: "/var", Percent: 60}, {Path: "/snap/core/1", Percent: 100}},
		Interfaces: []wire.Interface{{Name: "eth0", InErrors: number(0), OutErrors: number(0), InDiscards: number(0.1), OutDiscards: number(0)}, {Name: "lo", InErrors: number(99)}},
	}
}

func (w *world) run(span time.Duration) {
	for end := w.now.Add(span); w.now.Before(end); {
		w.now = w.now.Add(w.every)
		for _, box := range w.boxes {
			r := w.shape(box, w.now)
			if r == nil {
				continue
			}
			r.Box, r.TimeMillis = box, w.now.UnixMilli()
			w.state.Take(*r, w.now.Add(time.Second))
			if w.twice {
				w.state.Take(*r, w.now.Add(time.Second))
			}
		}
		w.judge()
	}
}

func (w *world) judge() {
	out := Judge(Input{Now: w.now.Add(2 * time.Second), Room: "lab", Boxes: w.boxes, Limits: w.limits, State: w.state, Deaf: w.deaf})
	for _, a := range out.Began {
		require.NoError(w.t, a.Validate())
		require.True(w.t, Is(a))
		verb := "began"
		if old, lasts := w.lasts[a.ID]; lasts {
			verb = "again"
			require.Equal(w.t, old.BeganMillis, a.BeganMillis)
		}
		w.lasts[a.ID] = a
		w.lines = append(w.lines, fmt.Sprintf("%s %s %s %s: %s", w.now.Sub(start), verb, a.Severity, a.ID, a.Evidence))
	}
	for _, a := range out.Ended {
		require.NoError(w.t, a.Validate())
		require.Contains(w.t, w.lasts, a.ID)
		delete(w.lasts, a.ID)
		w.lines = append(w.lines, fmt.Sprintf("%s ended %s %s: %s", w.now.Sub(start), a.Severity, a.ID, a.Evidence))
	}
}

func (w *world) golden(name string) {
	w.t.Helper()
	path, got := filepath.Join("testdata", name+".txt"), strings.Join(w.lines, "\n")+"\n"
	if *update {
		require.NoError(w.t, os.MkdirAll("testdata", 0o755))
		require.NoError(w.t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.Equal(w.t, string(want), got)
}

// between changes a calm box in a part of the time.
func (w *world) between(from, until time.Duration, change func(*wire.Resource)) {
	before := w.shape
	w.shape = func(box string, now time.Time) *wire.Resource {
		r := before(box, now)
		if at := now.Sub(start); r != nil && at >= from && at < until {
			change(r)
		}
		return r
	}
}

func TestEachKindBeginsIsSaidAgainAndEnds(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		run    time.Duration
		change func(w *world)
	}{
		"processor-of-a-new-box": {6 * hour, func(w *world) {
			w.between(hour, 5*hour, func(r *wire.Resource) { r.CPUPercent = number(99.6) })
		}},
		"processor": {29 * hour, func(w *world) {
			w.between(25*hour, 28*hour, func(r *wire.Resource) { r.CPUPercent = number(99.6) })
		}},
		"load": {28 * hour, func(w *world) {
			w.between(25*hour, 27*hour, func(r *wire.Resource) { r.Load1 = number(19.5) })
		}},
		"load-of-a-new-box": {4 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) { r.Load1 = number(19.5) })
			w.between(2*hour, 3*hour, func(r *wire.Resource) { r.Load1 = number(60) })
		}},
		"memory": {4 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) { r.MemAvail = number(1.2e9) })
			w.between(2*hour, 3*hour, func(r *wire.Resource) { r.MemAvail = number(0.3e9) })
		}},
		"disk": {30 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) { r.Disks[1].Percent = 91 })
			w.between(2*hour, 4*hour, func(r *wire.Resource) { r.Disks[1].Percent = 97 })
			w.between(4*hour, 5*hour, func(r *wire.Resource) { r.Disks[1].Percent = 89 })
		}},
		"filling-now": {48 * hour, func(w *world) {
			w.between(30*hour, 36*hour, func(r *wire.Resource) { r.Disks[1].Percent = 60 + 6.2*(w.now.Sub(start)-30*hour).Hours() })
		}},
		"filling-from-day-to-day": {9 * 24 * hour, func(w *world) {
			w.between(0, 8*24*hour, func(r *wire.Resource) {
				day := w.now.Sub(start).Hours() / 24
				_, share := math.Modf(day)
				r.Disks[1].Percent = min(100, 50+6*day+5*share) // logs of the day come and go besides
			})
		}},
		"interface": {4 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) {
				r.Interfaces[0].InErrors, r.Interfaces[0].OutDiscards = number(2.5), number(40)
			})
		}},
		"restart": {2 * hour, func(w *world) {
			w.between(hour, hour+2*time.Minute, func(r *wire.Resource) { w.booted = w.now.Add(-30 * time.Second); r.UptimeS = number(30) })
		}},
		"crash-loop": {3 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) {
				if w.now.Sub(w.booted) > 4*time.Minute {
					w.booted = w.now.Add(-20 * time.Second)
				}
				r.UptimeS = number(w.now.Sub(w.booted).Seconds())
			})
		}},
		"nonsense": {3 * hour, func(w *world) {
			w.between(hour, 2*hour, func(r *wire.Resource) {
				r.MemAvail = nil
				r.LeftOut = []string{"available memory: the box says 9000000000 bytes of 10, which cannot be"}
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "rack-1")
			w.twice = true
			if c.run > 20*time.Hour {
				w.every = time.Minute
			}
			c.change(w)
			w.run(c.run)
			require.Empty(t, w.lasts)
			w.golden(name)
		})
	}
}

func TestASilentBoxIsToldOnceByWhoeverKnowsFirst(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	dead := map[string]bool{}
	w.shape = func(box string, _ time.Time) *wire.Resource {
		if dead[box] {
			return nil
		}
		return w.calm()
	}
	w.run(time.Hour)
	dead["rack-2"] = true
	w.run(10 * time.Minute)
	dead["rack-2"] = false
	w.run(10 * time.Minute)

	said := wire.Alert{ID: "lab/box/rack-3", Room: "lab", Kind: "box", Source: "edge", Severity: wire.SeverityWarning, BeganMillis: w.now.UnixMilli()}
	w.state.TakeAlert(said) // the edge gets no answer from it
	dead["rack-3"] = true
	w.run(10 * time.Minute)
	dead["rack-3"] = false
	said.EndedMillis = said.BeganMillis + 1
	w.state.TakeAlert(said)
	w.run(10 * time.Minute)

	dead["rack-1"], dead["rack-2"], dead["rack-3"] = true, true, true
	w.run(10 * time.Minute)
	dead = map[string]bool{}
	w.run(10 * time.Minute)

	w.deaf = true // Kafka is away: nothing is heard of anybody
	dead["rack-1"], dead["rack-2"] = true, true
	w.run(10 * time.Minute)
	w.deaf, dead = false, map[string]bool{}
	w.run(10 * time.Minute)
	require.Empty(t, w.lasts)
	w.golden("silent")
}

func TestASlowPollIsNoSilence(t *testing.T) {
	w := newWorld(t, "rack-1")
	w.every = 2 * time.Minute
	w.run(12 * time.Hour)
	require.Empty(t, w.lines)
}

func TestARestartOfTheProcessForgetsNoAlert(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2")
	full := true
	w.shape = func(box string, _ time.Time) *wire.Resource {
		r := w.calm()
		if box == "rack-1" && full {
			r.Disks[1].Percent = 93
		}
		if box == "rack-2" && full {
			return nil
		}
		return r
	}
	w.run(time.Minute)
	w.state.Take(wire.Resource{Box: "rack-2", TimeMillis: w.now.UnixMilli()}, w.now)
	w.run(time.Hour)
	require.Len(t, w.lasts, 2, "%v", w.lines)
	lines := len(w.lines)

	var raised []wire.Alert
	for _, a := range w.lasts {
		raised = append(raised, a)
	}
	raised = append(raised, wire.Alert{ID: "lab/warm", Room: "lab", Kind: "warm", Source: Source, BeganMillis: 1})
	w.state = &State{}
	w.state.Recall(raised)
	w.judge() // before anything is heard
	w.run(time.Hour)
	require.Len(t, w.lines, lines, "nothing is said anew: %v", w.lines[lines:])
	full = false
	w.run(time.Hour)
	require.Empty(t, w.lasts)
	w.boxes = nil
	w.judge()
	require.Len(t, w.lines, lines+2)
}

func TestWhatLeavesTheRoomIsOver(t *testing.T) {
	w := newWorld(t, "rack-1")
	w.between(0, 10*time.Hour, func(r *wire.Resource) { r.Disks[1].Percent = 93 })
	w.run(time.Hour)
	require.Contains(t, w.lasts, "lab/box-disk/rack-1/var")
	w.boxes = []string{"rack-9"}
	w.run(time.Minute)
	require.Empty(t, w.lasts)
	require.Contains(t, w.lines[len(w.lines)-1], "no longer part")
}

func TestThe2017RecordsAreJudgedToo(t *testing.T) {
	w := newWorld(t, "old-1")
	total := 0.0
	w.shape = func(_ string, now time.Time) *wire.Resource {
		if at := now.Sub(start); at > time.Hour && at < 2*time.Hour {
			total += 30 // each 10 s
		}
		return &wire.Resource{
			Load1: number(0.5), MemAvail: number(1e6), // free, not available: says nothing
			Disks: []wire.Disk{{Path: "1", Percent: 41}}, Interfaces: []wire.Interface{{Name: "2", Totals: &wire.Totals{InErrors: number(total), OutErrors: number(0)}}},
		}
	}
	w.run(4 * time.Hour)
	require.Len(t, w.lines, 2, "%v", w.lines)
	require.Contains(t, w.lines[0], "lab/box-errors/old-1/2: interface 2 of old-1 has")
}

func TestTheWordsOfTheEdgeAboutNonsenseAreUnderstood(t *testing.T) {
	var tracker resource.Tracker
	r := tracker.Next(resource.Sample{At: start, MemTotal: number(10), MemAvail: number(20)})
	require.NotEmpty(t, r.LeftOut)
	require.True(t, strings.HasSuffix(r.LeftOut[0], cannotBe), "%v", r.LeftOut)
}

func TestAClockThatIsSetIsNoRestartAndNoFilling(t *testing.T) {
	for name, by := range map[string]time.Duration{"forward": 3 * time.Hour, "back": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "pi-1")
			real := w.now
			w.shape = func(string, time.Time) *wire.Resource {
				r := w.calm()
				real = real.Add(w.every)
				r.UptimeS = number(real.Sub(w.booted).Seconds())
				return r
			}
			w.run(3 * time.Hour)
			shift := w.now
			w.now = w.now.Add(by)
			w.run(3 * time.Hour)
			for _, line := range w.lines {
				require.Contains(t, line, "silent", "%s at %s", line, shift)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	require.NoError(t, DefaultLimits().Validate())
	for _, f := range Fields() {
		require.NotEmpty(t, f.About)
		require.GreaterOrEqual(t, f.Default, f.Least, f.Key)
		require.LessOrEqual(t, f.Default, f.Most, f.Key)
	}
	bad := DefaultLimits()
	bad.DiskFull, bad.MemoryLeast, bad.FillSoon = 101, 50, bad.FillWithin+1
	err := bad.Validate()
	for _, says := range []string{"disk-full 101 % is outside 10 to 100", "memory-least 50 % is above memory-low 10 %", "disk-most 95 % is below", "fill-soon"} {
		require.ErrorContains(t, err, says)
	}
}

func TestIDsFitIntoNames(t *testing.T) {
	long := strings.Repeat("x", 128)
	for _, id := range []string{alertID(long, KindDisk, long, "/"+long), alertID("lab", KindDisk, "rack-1", "/"), alertID("lab", KindSilent, "*", "")} {
		require.NoError(t, wire.Alert{ID: id, Room: "r", Kind: "k", Source: "s", Severity: wire.SeverityHigh, BeganMillis: start.UnixMilli()}.Validate(), id)
	}
	require.NotEqual(t, alertID(long, KindDisk, long, "/a"), alertID(long, KindDisk, long, "/b"))
}

// An ordinary fortnight of eight boxes: nightly backups of everything, weekly ones, logs that are rotated each day, each
// week and by their size, batch jobs, a package upgrade, bursts of discards, readings that are left out now and then.
func TestAnOrdinaryFortnightIsQuiet(t *testing.T) {
	const days = 14
	false0 := 0
	for seed := range uint64(2) {
		w := newWorld(t)
		w.every = 3 * time.Minute // as good as 10 s to what is smoothed over minutes, and 18 times as fast
		for i := range 8 {
			w.boxes = append(w.boxes, fmt.Sprintf("box-%d", i))
		}
		random := rand.New(rand.NewPCG(seed, 7))
		habits := map[string]habit{}
		for _, box := range w.boxes {
			habits[box] = newHabit(random)
		}
		w.shape = func(box string, now time.Time) *wire.Resource {
			if random.IntN(500) == 0 {
				return nil // a poll is lost
			}
			return habits[box].at(w.calm(), now, random)
		}
		w.run(days * 24 * time.Hour)
		for _, line := range w.lines {
			if strings.Contains(line, " began ") {
				false0++
				t.Log(seed, line)
			}
		}
	}
	weeks := float64(2*days) / 7
	t.Logf("%d false alerts in %.0f weeks of 8 boxes", false0, weeks)
	require.Less(t, float64(false0), weeks, "one a week at the most")
}

// habit is what a box does each day.
type habit struct {
	backupAt, backupFor, backupLoad, backupDisk float64 // h, h, 1, %
	root, logs, logsDay, logsWeek, spool        float64 // %
	batch                                       float64 // minutes each hour
}

func newHabit(random *rand.Rand) habit {
	u := func(a, b float64) float64 { return a + (b-a)*random.Float64() }
	return habit{
		backupAt: u(0, 5), backupFor: u(0.4, 1.2), backupLoad: u(1, 9), backupDisk: u(3, 15),
		root: u(25, 75), logs: u(30, 60), logsDay: u(1, 12), logsWeek: u(3, 14), spool: u(20, 70), batch: u(0, 12),
	}
}

func (h habit) at(r *wire.Resource, now time.Time, random *rand.Rand) *wire.Resource {
	hour := float64(now.Hour()) + float64(now.Minute())/60
	day := now.Sub(start).Hours() / 24
	week := math.Mod(day, 7) / 7
	noise := func(sd float64) float64 { return sd * random.NormFloat64() }
	busy, load := 12+8*math.Sin((hour-9)/24*2*math.Pi)+noise(3), 0.7+math.Abs(noise(0.3))
	if minute := float64(now.Minute()); minute < h.batch {
		busy, load = busy+60, load+2
	}
	length := h.backupFor
	if week > 6.0/7 { // the weekly one
		length *= 1.6
	}
	since := hour - h.backupAt
	backup := since >= 0 && since < length
	written := 0.0
	if backup {
		busy, load = 97, load+h.backupLoad
		written = h.backupDisk * since / h.backupFor * (1 + noise(0.02))
	}
	available := 9e9 + 1.5e9*math.Sin(hour/24*2*math.Pi) + 3e8*noise(1)
	size := math.Mod(now.Sub(start).Hours(), 2.3) / 2.3 * 6
	rotated := math.Mod(hour+24-0.1, 24) / 24
	r.CPUPercent, r.Load1, r.MemAvail = number(min(100, max(0, busy))), number(load), number(available)
	r.Disks = []wire.Disk{
		{Path: "/", Percent: math.Round(h.root + 0.05*day)},
		{Path: "/var/log", Percent: math.Round(h.logs + h.logsDay*rotated + h.logsWeek*week)},
		{Path: "/backup", Percent: min(99, math.Round(55+written))},
		{Path: "/spool", Percent: math.Round(min(85, h.spool) + size)},
	}
	burst := 0.0
	if random.IntN(300) == 0 {
		burst = 400
	}
	r.Interfaces[0].InDiscards = number(burst + math.Abs(noise(0.5)))
	if random.IntN(200) == 0 {
		r.CPUPercent, r.LeftOut = nil, []string{"load: the box says -1, which cannot be"}
	}
	return r
}

func TestTheMemoryIsBounded(t *testing.T) {
	s := &State{}
	for i := range 2000 {
		r := wire.Resource{Box: "b", TimeMillis: start.Add(time.Duration(i) * time.Minute).UnixMilli(), UptimeS: number(5)}
		for j := range 500 {
			r.Disks = append(r.Disks, wire.Disk{Path: fmt.Sprintf("/d%d", (i*7+j)%4000), Percent: 50})
			r.Interfaces = append(r.Interfaces, wire.Interface{Name: fmt.Sprintf("e%d", (i*7+j)%4000), InErrors: number(1)})
		}
		s.Take(r, start)
	}
	b := s.boxes["b"]
	require.LessOrEqual(t, len(b.disks), mostDisks)
	require.LessOrEqual(t, len(b.nics), mostInterfaces)
	require.LessOrEqual(t, len(b.restarts), mostRestarts)
	for _, d := range b.disks {
		require.LessOrEqual(t, cap(d.hours.values)+cap(d.recent.values), 2*(hoursMost+recentMost))
	}
}

func TestTakingARecordIsTheSameInAnyOrderOfBoxes(t *testing.T) {
	shapes := func(boxes []string) []string {
		w := newWorld(t, boxes...)
		w.between(time.Hour, 3*time.Hour, func(r *wire.Resource) { r.Disks[1].Percent = 96 })
		w.run(5 * time.Hour)
		return w.lines
	}
	lines := shapes([]string{"a", "b", "c"})
	require.NotEmpty(t, lines)
	sorted := shapes([]string{"c", "b", "a"})
	slices.Sort(lines)
	slices.Sort(sorted)
	require.Equal(t, lines, sorted)
}

func BenchmarkTakeAndJudge(b *testing.B) {
	w := newWorld(nil, "rack-1", "rack-2", "rack-3", "rack-4")
	for b.Loop() {
		w.now = w.now.Add(10 * time.Second)
		for _, box := range w.boxes {
			r := w.calm()
			r.Box, r.TimeMillis = box, w.now.UnixMilli()
			w.state.Take(*r, w.now)
		}
		Judge(Input{Now: w.now, Room: "lab", Boxes: w.boxes, State: w.state})
	}
}
