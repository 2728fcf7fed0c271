package control

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

var update = flag.Bool("update", false, "write the decisions of testdata anew")

// TestTimelines plays testdata/<case>/in.txt and compares what was decided with want.txt. A line of in.txt is
//
//	ac NAME MIN MAX AUTO          before the first reading
//	sensors 1 2 3
//	policy setpoint-max 25        any number of the policy
//	schedule 10:30 12:00 band-high 24
//	swing 25.7 1.5 10m for 3h     sensor 1 swings around 25.7 by 1.5 each way
//	ramp 25.6 0.9 for 5m          sensor 1 rises by 0.9 K a minute
//	humidity 55                   what every sensor tells from now on
//	advice 25 24 sure 0.8         the optimiser's, always fresh; advice none
//	outlook 6m 40s                time to critical from now, and less for each K; outlook none
//	watts NAME 800                what its meter shows from now on
//	lost NAME | found NAME        it does not do what it is told, or does again
//	1=26.4 2=26.5 3=bad for 2m    these readings each 10 s; a sensor that is not named is silent
//	override NAME | resume NAME   a person's setpoint begins or ends to hold
//	away | back                   the workflow stops and goes on to take recommendations
//
// Every recommendation is taken at once, as the workflow would. Slow decisions that hold are not shown.
func TestTimelines(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/in.txt")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			script, err := os.ReadFile(path)
			require.NoError(t, err)
			got := play(t, string(script))
			wantPath := filepath.Join(folder, "want.txt")
			if *update {
				require.NoError(t, os.WriteFile(wantPath, []byte(got), 0o644))
			}
			want, err := os.ReadFile(wantPath)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

type player struct {
	in     Input
	away   bool
	out    strings.Builder
	last   string
	urgent bool
	damp   float64
}

func play(t *testing.T, script string) string {
	t.Helper()
	start := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	p := &player{in: Input{Now: start, Started: start, Room: "r", Policy: spec.DefaultPolicy()}}
	for line := range strings.Lines(script) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			p.line(t, fields)
		}
	}
	return p.out.String()
}

func (p *player) line(t *testing.T, fields []string) {
	t.Helper()
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	switch fields[0] {
	case "ac":
		p.in.ACs = append(p.in.ACs, AC{Name: fields[1], Limits: Limits{number(fields[2]), number(fields[3])}, Auto: number(fields[4])})
	case "sensors":
		for _, id := range fields[1:] {
			p.in.Sensors = append(p.in.Sensors, number(id))
		}
	case "policy":
		require.NoError(t, p.in.Policy.Set(fields[1], fields[2]))
		require.NoError(t, p.in.Policy.Validate())
	case "swing", "ramp":
		p.shape(t, fields)
	case "schedule":
		p.schedule(t, fields[1:])
	case "humidity":
		p.damp = float64(number(fields[1]))
	case "advice":
		p.advice(t, fields[1:])
	case "outlook":
		p.in.Outlook = nil
		if fields[1] != "none" {
			left, perKelvin := parseSpan(t, fields[1]), parseSpan(t, fields[2])
			p.in.Outlook = &Outlook{ToCritical: left, PerKelvin: perKelvin, Sure: len(fields) == 3}
		}
	case "watts":
		p.ac(fields[1]).Watts, p.ac(fields[1]).MeteredAt = float64(number(fields[2])), p.in.Now
	case "lost", "found":
		p.ac(fields[1]).Lost = fields[0] == "lost"
	case "override", "resume":
		p.ac(fields[1]).Overridden = fields[0] == "override"
	case "away", "back":
		p.away = fields[0] == "away"
	default:
		p.readings(t, fields)
	}
}

// shape plays a sensor that moves.
func (p *player) shape(t *testing.T, fields []string) {
	t.Helper()
	from, err := strconv.ParseFloat(fields[1], 64)
	require.NoError(t, err)
	by, err := strconv.ParseFloat(fields[2], 64)
	require.NoError(t, err)
	span := parseSpan(t, fields[len(fields)-1])
	for passed := time.Duration(0); passed < span; passed += 10 * time.Second {
		celsius := from + by*passed.Minutes()
		if fields[0] == "swing" {
			celsius = from + by*math.Sin(2*math.Pi*passed.Minutes()/parseSpan(t, fields[3]).Minutes())
		}
		p.reading(t, fmt.Sprintf("1=%.2f", celsius))
		p.tick()
		p.in.Now = p.in.Now.Add(10 * time.Second)
	}
}

func (p *player) ac(name string) *AC {
	return &p.in.ACs[slices.IndexFunc(p.in.ACs, func(ac AC) bool { return ac.Name == name })]
}

func parseSpan(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

func (p *player) schedule(t *testing.T, fields []string) {
	t.Helper()
	e := spec.ScheduleEntry{From: fields[0], To: fields[1]}
	value, err := strconv.ParseFloat(fields[3], 64)
	require.NoError(t, err)
	switch fields[2] {
	case "band-high":
		e.BandHigh = &value
	case "setpoint-max":
		e.SetpointMax = new(int(value))
	case "setpoint-min":
		e.SetpointMin = new(int(value))
	}
	p.in.Policy.Schedule = append(p.in.Policy.Schedule, e)
}

func (p *player) advice(t *testing.T, fields []string) {
	t.Helper()
	p.in.Advice = nil
	if fields[0] == "none" {
		return
	}
	at := slices.Index(fields, "sure")
	a := &Advice{Reason: strings.Join(fields[:at], " and ") + " °C draw least"}
	for _, field := range fields[:at] {
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		a.Setpoints = append(a.Setpoints, n)
	}
	var err error
	a.Sure, err = strconv.ParseFloat(fields[at+1], 64)
	require.NoError(t, err)
	p.in.Advice = a
}

func (p *player) readings(t *testing.T, fields []string) {
	t.Helper()
	span := 10 * time.Second
	if at := slices.Index(fields, "for"); at >= 0 {
		parsed, err := time.ParseDuration(fields[at+1])
		require.NoError(t, err)
		span, fields = parsed, fields[:at]
	}
	for end := p.in.Now.Add(span); p.in.Now.Before(end); p.in.Now = p.in.Now.Add(10 * time.Second) {
		for _, field := range fields {
			p.reading(t, field)
		}
		p.tick()
	}
}

func (p *player) reading(t *testing.T, field string) {
	t.Helper()
	name, value, found := strings.Cut(field, "=")
	if !found { // "silence"
		return
	}
	id, err := strconv.Atoi(name)
	require.NoError(t, err)
	r := Reading{Sensor: id, At: p.in.Now, Bad: value == "bad", Humidity: p.damp, HasHumidity: p.damp > 0}
	if !r.Bad {
		r.Celsius, err = strconv.ParseFloat(value, 64)
		require.NoError(t, err)
	}
	p.in.Readings = slices.DeleteFunc(p.in.Readings, func(r Reading) bool { return r.Sensor == id })
	p.in.Readings = append(p.in.Readings, r)
}

func (p *player) tick() {
	if p.in.Advice != nil {
		p.in.Advice.At = p.in.Now
	}
	for i := range p.in.ACs {
		if ac := &p.in.ACs[i]; !ac.MeteredAt.IsZero() {
			ac.MeteredAt = p.in.Now
		}
	}
	d := Decide(p.in)
	p.in.State = d.Next
	for _, a := range d.Began {
		fmt.Fprintf(&p.out, "%s   alert began %s (%s): %s\n", p.in.Now.Format("15:04:05"), a.ID, a.Severity, a.Evidence)
	}
	for _, a := range d.Ended {
		fmt.Fprintf(&p.out, "%s   alert ended %s: %s\n", p.in.Now.Format("15:04:05"), a.ID, a.Evidence)
	}
	shown := ""
	for i, r := range d.ACs {
		if r.Action != Hold {
			shown += fmt.Sprintf(" %s %s %d;", r.AC, r.Action, r.Setpoint)
		}
		if !p.away && r.Setpoint != p.in.ACs[i].Auto {
			fmt.Fprintf(&p.out, "%s %s %s: %s\n", p.in.Now.Format("15:04:05"), r.AC, r.Action, r.Reason)
			if r.Setpoint > p.in.ACs[i].Auto {
				p.in.ACs[i].Raised = p.in.Now
			} else {
				p.in.ACs[i].Lowered = p.in.Now
			}
			p.in.ACs[i].Auto = r.Setpoint
		}
	}
	if d.Action == Hold {
		shown = ""
	}
	if urgent := d.Action.Urgent(); p.last != shown && (urgent || p.urgent) {
		fmt.Fprintf(&p.out, "%s %s: %s\n", p.in.Now.Format("15:04:05"), d.Action, d.Reason)
	}
	p.urgent = d.Action.Urgent()
	p.last = shown
}
