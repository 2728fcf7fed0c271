package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/device/file"
	"github.com/overcloud/overcloud/internal/fault"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestWhatAFileSays(t *testing.T) {
	for text, want := range map[string]string{
		"24.5":                              "24.5",
		" 24.5\n":                           "24.5",
		"24.5 48\n":                         "24.5 48",
		"24.5,48":                           "24.5 48",
		"24.5; 48.25 \n":                    "24.5 48.25",
		"-3e0":                              "-3",
		`{"celsius":24.5}`:                  "24.5",
		`{"celsius":24.5,"humidity":48}`:    "24.5 48",
		`{"humidity":48,"celsius":0,"x":1}`: "0 48",
		"":                                  "it is empty",
		"\n":                                "it is empty",
		"hot":                               `it says "hot", and "hot" is no number`,
		"24.5 °C":                           `and "°C" is no number`,
		"NaN":                               "is no number",
		"0x10":                              "is no number",
		"1e999":                             "is no number",
		"24.5 48 7":                         "more than a temperature and a humidity",
		`{"celsius":24`:                     "no whole JSON",
		`{"humidity":48}`:                   `no "celsius"`,
		`{"celsius":"24"}`:                  "no whole JSON",
		strings.Repeat("1", 5000):           "5000 bytes, more than 4096",
	} {
		t.Run(fmt.Sprintf("%.30s", text), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "probe")
			write(t, path, text)
			f, err := file.New(path)
			require.NoError(t, err)
			m, err := f.Read(t.Context())
			if err != nil {
				require.ErrorIs(t, err, fault.ErrRejected)
				require.ErrorContains(t, err, want)
				require.ErrorContains(t, err, "read "+path)
				return
			}
			got := fmt.Sprint(m.Celsius)
			if m.HasHumidity {
				got += " " + fmt.Sprint(m.Humidity)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestAFileIsAMeterToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meter")
	f, err := file.New(path + "?scale=0.1")
	require.NoError(t, err)
	for text, want := range map[string]float64{"6400": 640, "6400 W of 20000": 640, `{"watts":6400}`: 640, "0": 0} {
		write(t, path, text)
		watts, err := f.Watts(t.Context())
		require.NoError(t, err)
		require.InDelta(t, want, watts, 1e-9)
	}
	for _, text := range []string{"", "much", `{"celsius":1}`, `{"watts":null}`, "1e308e"} {
		write(t, path, text)
		_, err := f.Watts(t.Context())
		require.ErrorIs(t, err, fault.ErrRejected)
	}
}

func TestAScaleTurnsMilliDegrees(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a probe")
	write(t, path, "24500 48000")
	f, err := file.New(strings.ReplaceAll(path, " ", "%20") + "?scale=0.001")
	require.NoError(t, err)
	m, err := f.Read(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 24.5, m.Celsius, 1e-9)
	require.InDelta(t, 48, m.Humidity, 1e-9)
}

func TestADeadWriterDoesNotLookAlive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe")
	write(t, path, "24.5")
	old := time.Now().Add(-61 * time.Second)
	require.NoError(t, os.Chtimes(path, old, old))
	f, err := file.New(path)
	require.NoError(t, err)
	_, err = f.Read(t.Context())
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "nobody has written it for 1m1s, more than 1m0s")

	write(t, path, "24.6")
	_, err = f.Read(t.Context())
	require.NoError(t, err, "it lives again")

	f, err = file.New(path + "?max-age=0")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(path, old, old))
	_, err = f.Read(t.Context())
	require.NoError(t, err, "any age was asked for")
}

// A file from the future, as after the clock was set back, is young once and grows old by the monotonic clock; one whose
// time changes is alive whatever the wall clock says.
func TestAgeDoesNotTrustTheWallClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probe")
	write(t, path, "24.5")
	future := time.Now().Add(24 * time.Hour)
	require.NoError(t, os.Chtimes(path, future, future))
	f, err := file.New(path + "?max-age=50ms")
	require.NoError(t, err)
	_, err = f.Read(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := f.Read(t.Context()); return err != nil }, 5*time.Second, 10*time.Millisecond)
	past := time.Now().Add(-24 * time.Hour)
	require.NoError(t, os.Chtimes(path, past, past))
	_, err = f.Read(t.Context())
	require.NoError(t, err, "it was written since the last look")
}

func TestWhatIsNoFileIsSaid(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for path, says := range map[string]string{
		filepath.Join(dir, "none"): "there is no such file", pipe: "no ordinary file", dir: "no ordinary file",
	} {
		f, err := file.New(path)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err = f.Read(ctx)
		cancel()
		require.ErrorContains(t, err, says)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "a pipe without a writer does not hang")
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for address, says := range map[string]string{
		"":                        "absolute (write file:/run/probe)",
		"run/probe":               "absolute",
		"//host/probe%zz":         "absolute",
		"/run/probe?scale=":       "",
		"/run/probe?scale=x":      "scale",
		"/run/probe?scale=0":      "scale",
		"/run/probe?max-age=old":  "max-age",
		"/run/probe?max-age=-1s":  "max-age",
		"/run/probe?maxage=60s":   `"maxage" is unknown (known: scale, max-age)`,
		"/run/probe?arg=1":        `"arg" is unknown`,
		"/run/probe?scale=1%zz":   "not understood",
		"/run/probe?max-age=1h":   "",
		"/sys/class/thermal/temp": "",
	} {
		_, err := file.New(address)
		if says == "" {
			require.NoError(t, err, address)
			continue
		}
		require.ErrorIs(t, err, fault.ErrInvalid, address)
		require.ErrorContains(t, err, says)
	}
}

func TestTheKernelsFilesHaveNoAge(t *testing.T) {
	f, err := file.New("/proc/loadavg")
	require.NoError(t, err)
	require.Equal(t, "/proc/loadavg", f.Describe())
	_, err = f.Watts(t.Context())
	require.NoError(t, err)
	f, err = file.New("/run/probe")
	require.NoError(t, err)
	require.Equal(t, "/run/probe, at the most 1m0s old", f.Describe())
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"24.5", "24.5 48", `{"celsius":24.5}`, "", "{", "1e5,", ";;;", "\x00"} {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "probe")
	f.Fuzz(func(t *testing.T, text string) {
		write(t, path, text)
		probe, err := file.New(path)
		require.NoError(t, err)
		m, err := probe.Read(t.Context())
		if err == nil && (m.Celsius != m.Celsius || m.Humidity != m.Humidity) {
			t.Fatalf("%q is no number", text)
		}
	})
}
