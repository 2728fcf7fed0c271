package spec

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

var update = flag.Bool("update", false, "write the table of docs/policy.md anew")

func TestAPolicyIsRefusedWithAllItsFaults(t *testing.T) {
	require.NoError(t, DefaultPolicy().Validate())
	p := DefaultPolicy()
	p.BandLow, p.SetpointMax, p.UpStep, p.StaleAfter = 27, 40, 0, Duration(time.Second)
	p.Optimiser, p.Class, p.RateMost = "yes", "B7", -1
	err := p.Validate()
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, part := range []string{
		"band-low is 27", "setpoint-max is 40", "up-step is 0 K, but it must be from 1 to 3 K", "3 times sample-every",
		`optimiser "yes" is unknown`, `class "B7" is unknown`, "rate-most is -1 K in 15 min, but it must be from 0 to 30 K in 15 min",
	} {
		require.ErrorContains(t, err, part)
	}
	require.Error(t, Policy{}.Validate())
}

func TestAPolicyKeepsItsClass(t *testing.T) {
	p := DefaultPolicy()
	p.Critical = 33
	require.ErrorContains(t, p.Validate(), "critical is 33 °C, but class A1 allows at most 32 °C at the inlets")
	p.Class = "A2"
	require.NoError(t, p.Validate())
	p.HumidityMost, p.DewPointMost, p.RateMost, p.DewPointLeast = 0, 0, 0, 0
	require.Equal(t, Class{"A2", 10, 35, 8, 80, -12, 21, 5, 20}, p.Bounds(), "zero is the class's")
	p.DewPointLeast, p.DewPointMost = 12, 12
	require.ErrorContains(t, p.Validate(), "dew-point-least must be lower")
	p = DefaultPolicy()
	p.Lead, p.SwapEvery = 1, minutes(10)
	require.ErrorContains(t, p.Validate(), "swap-every is 10m")
}

// Every number of a policy has its line in the table, and a default inside its range.
func TestTheTableIsWhole(t *testing.T) {
	p := DefaultPolicy()
	lines := map[string]Field{}
	for _, f := range p.Fields() {
		require.True(t, f.inside(), "the default of %s", f.Key)
		require.NotContains(t, lines, f.JSON())
		require.NotEmpty(t, f.Means)
		lines[f.JSON()] = f
	}
	kind := reflect.TypeFor[Policy]()
	for i := range kind.NumField() {
		name := kind.Field(i).Tag.Get("json")
		if name == "schedule" || name == "time_zone" {
			continue
		}
		f, ok := lines[name]
		require.True(t, ok, "%s has no line", name)
		require.Equal(t, reflect.ValueOf(&p).Elem().Field(i).Addr().Interface(), f.To, "%s points elsewhere", name)
		delete(lines, name)
	}
	require.Empty(t, lines)
}

func TestSet(t *testing.T) {
	p := DefaultPolicy()
	for key, text := range map[string]string{
		"band-high": "26.25", "setpoint_min": "19", "up-every": "20m", "class": "A2", "time-zone": "Asia/Seoul",
	} {
		require.NoError(t, p.Set(key, text))
	}
	require.Equal(t, []any{26.25, 19, minutes(20), "A2", "Asia/Seoul"}, []any{p.BandHigh, p.SetpointMin, p.UpEvery, p.Class, p.TimeZone})
	before := p
	require.EqualError(t, p.Set("band-hihg", "26"), `a policy has no "band-hihg" (did you mean "band-high"?)`)
	require.EqualError(t, p.Set("warn", "hot"), `warn cannot be "hot": it must be from 10 to 45 °C`)
	require.EqualError(t, p.Set("lead", "1.5"), `lead cannot be "1.5": it must be from 0 to 16 machines`)
	require.EqualError(t, p.Set("up-every", "15"), `up-every cannot be "15": it must be from 1s to 24h`)
	require.True(t, before.Equal(p))
}

// docs/policy.md shows the table: go test ./internal/spec -update writes it anew.
func TestTheDocumentShowsTheTable(t *testing.T) {
	const path, begin, end = "../../docs/policy.md", "<!-- the table begins -->\n", "<!-- the table ends -->"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(data), begin)
	require.True(t, ok)
	shown, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	p := DefaultPolicy()
	var table strings.Builder
	table.WriteString("| key | default | range | meaning |\n|---|---|---|---|\n")
	for _, f := range p.Fields() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", f.Key, f, strings.TrimPrefix(f.Range(), "from "), f.Means)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+table.String()+end+tail), 0o644))
		shown = table.String()
	}
	require.Equal(t, table.String(), shown, "run: go test ./internal/spec -update")
	classes := ""
	for _, c := range Classes() {
		classes += fmt.Sprintf("| %s | %g to %g | %g to %g | %g to %g | %g | %g |\n",
			c.Name, c.Least, c.Most, c.HumidityLeast, c.HumidityMost, c.DewPointLeast, c.DewPointMost, c.Rate15, c.RateHour)
	}
	require.Contains(t, string(data), classes)
}
