package device_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/edge/device/sysfs/recorded"
	"github.com/overcloud/overcloud/internal/spec"
)

var update = flag.Bool("update", false, "write the golden texts anew")

// Each folder of testdata is one trap: the tree of /sys as it is (1.tree) and as it becomes (2.tree, …), the sources that
// are read at each state, all at once, and what each says. Time is virtual.
func TestCases(t *testing.T) {
	cases, err := filepath.Glob("testdata/*")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var said string
			synctest.Test(t, func(t *testing.T) { said = play(t, dir) })
			want := filepath.Join(dir, "want")
			if *update {
				require.NoError(t, os.WriteFile(want, []byte(said), 0o644))
			}
			golden, err := os.ReadFile(want)
			require.NoError(t, err)
			require.Equal(t, string(golden), said)
		})
	}
}

func play(t *testing.T, dir string) string {
	t.Helper()
	sources, err := os.ReadFile(filepath.Join(dir, "sources"))
	require.NoError(t, err)
	states, err := filepath.Glob(filepath.Join(dir, "*.tree"))
	require.NoError(t, err)
	tree, err := recorded.Parse("")
	require.NoError(t, err)
	devices := catalog.Catalog{Kernel: tree}.Shared()
	var thermometers []device.Thermometer
	names := strings.Fields(string(sources))
	for i, source := range names {
		thermometer, err := devices.Thermometer("hall", spec.Sensor{ID: i + 1, Source: source})
		require.NoError(t, err)
		thermometers = append(thermometers, thermometer)
	}
	out := ""
	for i, state := range states {
		text, err := os.ReadFile(state)
		require.NoError(t, err)
		becomes, err := recorded.Parse(string(text))
		require.NoError(t, err)
		tree.Become(becomes)
		wrote := len(tree.Wrote())
		answers := readAll(t.Context(), thermometers)
		for j, answer := range answers {
			out += fmt.Sprintf("%d %s -> %s\n", i+1, names[j], answer)
		}
		for _, line := range tree.Wrote()[wrote:] {
			out += fmt.Sprintf("%d wrote %s\n", i+1, line)
		}
		time.Sleep(10 * time.Second)
	}
	for j, thermometer := range thermometers {
		if d, ok := thermometer.(device.Describer); ok {
			out += names[j] + " is " + d.Describe() + "\n"
		}
	}
	return out
}

// readAll reads devices of one kernel driver at once. Sources that are the same are read one after the other.
func readAll(ctx context.Context, thermometers []device.Thermometer) []string {
	answers := make([]string, len(thermometers))
	var all sync.WaitGroup
	for i, thermometer := range thermometers {
		all.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			began := time.Now()
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			m, err := thermometer.Read(ctx)
			answers[i] = tell(m, err, time.Since(began))
		})
	}
	all.Wait()
	return answers
}

func tell(m device.Measurement, err error, took time.Duration) string {
	var not *device.NotMeasuredError
	out := ""
	switch {
	case errors.As(err, &not):
		out = fmt.Sprintf("said %.3f °C: %v", not.Said.Celsius, err)
	case err != nil:
		out = err.Error()
	default:
		out = fmt.Sprintf("%.3f °C", m.Celsius)
		if m.HasHumidity {
			out += fmt.Sprintf(" %.1f %%", m.Humidity)
		}
	}
	if took > 0 {
		out += " (" + took.Round(10*time.Millisecond).String() + ")"
	}
	return out
}

// Every reason that a case ends with has its line in docs/sensors.md, where "…" stands for what varies.
func TestEveryReasonIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/sensors.md")
	require.NoError(t, err)
	var known []*regexp.Regexp
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		known = append(known, regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(row[1]), "…", ".*")))
	}
	require.Greater(t, len(known), 30)
	var wants []string
	for _, pattern := range []string{"testdata/*/want", "../plausible/testdata/*.want"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found)
		wants = append(wants, found...)
	}
	measured := regexp.MustCompile(`^(believed|-?[0-9.]+ °C( [0-9.]+ %)?)( \([0-9.a-z]+\))?$`)
	for _, want := range wants {
		text, err := os.ReadFile(want)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			_, answer, told := strings.Cut(strings.TrimSpace(line), " -> ")
			if !told || measured.MatchString(answer) {
				continue
			}
			documented := false
			for _, k := range known {
				documented = documented || k.MatchString(answer)
			}
			require.True(t, documented, "%s: %s", want, answer)
		}
	}
}
