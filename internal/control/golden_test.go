package control

import (
	"flag"
	"fmt"
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
//	policy setpoint_max 25
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
	case "override", "resume":
		at := slices.IndexFunc(p.in.ACs, func(ac AC) bool { return ac.Name == fields[1] })
		p.in.ACs[at].Overridden = fields[0] == "override"
	case "away", "back":
		p.away = fields[0] == "away"
	default:
		p.readings(t, fields)
	}
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
	r := Reading{Sensor: id, At: p.in.Now, Bad: value == "bad"}
	if !r.Bad {
		r.Celsius, err = strconv.ParseFloat(value, 64)
		require.NoError(t, err)
	}
	p.in.Readings = slices.DeleteFunc(p.in.Readings, func(r Reading) bool { return r.Sensor == id })
	p.in.Readings = append(p.in.Readings, r)
}

func (p *player) tick() {
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
