package plausible_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/edge/plausible"
)

var update = flag.Bool("update", false, "write the golden texts anew")

func limits() plausible.Limits {
	return plausible.Limits{Least: -10, Most: 60, StepK: 3, StuckAfter: 30 * time.Minute, StuckK: 0.5}
}

// Each story is lines of "seconds celsius [humidity] [| sensor=celsius …]"; its golden text is what is held against each.
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, file := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			said := tell(t, string(text))
			want := strings.TrimSuffix(file, ".txt") + ".want"
			if *update {
				require.NoError(t, os.WriteFile(want, []byte(said), 0o644))
			}
			golden, err := os.ReadFile(want)
			require.NoError(t, err)
			require.Equal(t, string(golden), said)
		})
	}
}

func tell(t *testing.T, text string) string {
	t.Helper()
	j := plausible.Judge{Limits: limits()}
	start := time.Now()
	out := ""
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			out += line + "\n"
			continue
		}
		own, beside, _ := strings.Cut(line, "|")
		n := fields(t, own)
		said := plausible.Said{Celsius: n[1]}
		if len(n) > 2 {
			said.Humidity, said.HasHumidity = n[2], true
		}
		var others []plausible.Neighbour
		for _, o := range strings.Fields(beside) {
			id, celsius, _ := strings.Cut(o, "=")
			sensor, err := strconv.Atoi(id)
			require.NoError(t, err)
			others = append(others, plausible.Neighbour{Sensor: sensor, Celsius: fields(t, celsius)[0]})
		}
		doubt := j.Doubt(start.Add(time.Duration(n[0])*time.Second), said, others)
		if doubt == "" {
			doubt = "believed"
		}
		if humid := plausible.Humidity(said); humid != "" {
			doubt += "; without humidity (" + humid + ")"
		}
		out += line + " -> " + doubt + "\n"
	}
	return out
}

func fields(t *testing.T, text string) []float64 {
	t.Helper()
	var out []float64
	for _, f := range strings.Fields(text) {
		n, err := strconv.ParseFloat(f, 64)
		require.NoError(t, err)
		out = append(out, n)
	}
	return out
}

// rapid runs a property over random worlds; a failure names the seed.
func rapid(t *testing.T, property func(r *rand.Rand) error) {
	t.Helper()
	for seed := range int64(3000) {
		if err := property(rand.New(rand.NewSource(seed))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func nonsense(r *rand.Rand) float64 {
	return []float64{85, 127.937, -40, 0, math.NaN(), math.Inf(1), 24 + 60*r.Float64(), -r.Float64() * 50}[r.Intn(8)]
}

func TestWhatIsOutsideIsNeverBelieved(t *testing.T) {
	rapid(t, func(r *rand.Rand) error {
		j, now := plausible.Judge{Limits: limits()}, time.Now()
		for range 50 {
			now = now.Add(time.Duration(r.Intn(120_000)) * time.Millisecond)
			c := nonsense(r)
			doubt := j.Doubt(now, plausible.Said{Celsius: c}, nil)
			if inside := c >= -10 && c <= 60; !inside && doubt == "" {
				return fmt.Errorf("%g °C was believed", c)
			}
		}
		return nil
	})
}

func TestWhateverWasBeforeAStillTruthIsBelievedWithinAMinute(t *testing.T) {
	rapid(t, func(r *rand.Rand) error {
		j, now := plausible.Judge{Limits: limits()}, time.Now()
		for range r.Intn(30) {
			now = now.Add(time.Duration(r.Intn(60_000)) * time.Millisecond)
			j.Doubt(now, plausible.Said{Celsius: nonsense(r)}, nil)
		}
		truth, every := -10+70*r.Float64(), time.Duration(1+r.Intn(10))*time.Second
		doubt := ""
		for began := now; now.Sub(began) <= time.Minute; now = now.Add(every) {
			doubt = j.Doubt(now, plausible.Said{Celsius: truth}, nil)
		}
		if doubt != "" {
			return fmt.Errorf("%g °C: %s", truth, doubt)
		}
		return nil
	})
}

func TestSmoothAirIsNeverDoubted(t *testing.T) {
	rapid(t, func(r *rand.Rand) error {
		j, now, c := plausible.Judge{Limits: limits()}, time.Now(), 24.0
		other := 24.0
		for range 200 {
			dt := time.Duration(500+r.Intn(60_000)) * time.Millisecond
			now = now.Add(dt)
			c += (2*r.Float64() - 1) * min(3, 3*dt.Seconds()/10)
			c = min(60, max(-10, c))
			other += 2*r.Float64() - 1
			if doubt := j.Doubt(now, plausible.Said{Celsius: c}, []plausible.Neighbour{{Sensor: 2, Celsius: other}}); doubt != "" {
				return fmt.Errorf("%g °C: %s", c, doubt)
			}
		}
		return nil
	})
}

// A sensor is called stuck exactly when it said the same for longer than 30 min while a neighbour moved more than 0.5 K.
func TestStuckIsWhatItSays(t *testing.T) {
	found := 0
	rapid(t, func(r *rand.Rand) error {
		j, now := plausible.Judge{Limits: limits()}, time.Now()
		c, other, changes := 24.3, 24.0, r.Float64()*0.1
		since, least, most := time.Time{}, 0.0, 0.0
		for range 60 {
			now = now.Add(time.Duration(r.Intn(120)) * time.Second)
			before := c
			if r.Float64() < changes {
				c += 0.1
			}
			other += (2*r.Float64() - 1) * 0.1
			if since.IsZero() || c != before {
				since, least, most = now, other, other
			}
			least, most = min(least, other), max(most, other)
			doubt := j.Doubt(now, plausible.Said{Celsius: c}, []plausible.Neighbour{{Sensor: 2, Celsius: other}})
			stuck := now.Sub(since) >= 30*time.Minute && most-least > 0.5
			if stuck != strings.HasPrefix(doubt, "stuck") {
				return fmt.Errorf("since %s, neighbour %.2f to %.2f: %q", now.Sub(since), least, most, doubt)
			}
			if stuck {
				found++
			}
		}
		return nil
	})
	require.Greater(t, found, 100, "the worlds have stuck sensors")
}

func TestNoStuckCheckIsAskedFor(t *testing.T) {
	l := limits()
	l.StuckAfter = 0
	j, now := plausible.Judge{Limits: l}, time.Now()
	for i := range 100 {
		now = now.Add(time.Minute)
		require.Empty(t, j.Doubt(now, plausible.Said{Celsius: 24.1}, []plausible.Neighbour{{Sensor: 2, Celsius: float64(i)}}))
	}
}

func TestTroubleBeginsAtTheThirdAndEndsAtTheThird(t *testing.T) {
	var trouble plausible.Trouble
	now := time.Now()
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(0), "a", 30*time.Second))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(10), "a", 30*time.Second))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(20), "a", 30*time.Second), "not before 30 s")
	require.Equal(t, plausible.Begins, trouble.Bad(at(30), "b", 30*time.Second))
	require.Equal(t, at(30), trouble.Began())
	require.Equal(t, "b", trouble.Reason())
	require.Equal(t, plausible.Nothing, trouble.Bad(at(40), "b", 0), "once")
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(70), "b", 0), "it flutters: the alert stays")
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Ends, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Good(now))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(200), "c", 0))
	require.Equal(t, plausible.Nothing, trouble.Bad(at(201), "c", 0))
	require.Equal(t, plausible.Begins, trouble.Bad(at(202), "c", 0), "a fault that needs no patience begins at the third")
}

func TestAFaultThatIsOverIsNotOften(t *testing.T) {
	var trouble plausible.Trouble
	now, turns := time.Now(), []plausible.Turn{}
	say := func(times int, bad bool) {
		for range times {
			now = now.Add(10 * time.Second)
			var turn plausible.Turn
			if bad {
				turn = trouble.Bad(now, "gone", 30*time.Second)
			} else {
				turn = trouble.Good(now)
			}
			if turn != plausible.Nothing {
				turns = append(turns, turn)
			}
		}
	}
	say(90, false)
	say(120, true) // unplugged for 20 minutes
	say(6, false)
	say(1, true) // a damaged answer
	say(6, false)
	require.Equal(t, []plausible.Turn{plausible.Begins, plausible.Ends}, turns)

	turns = nil
	for range 300 { // bad for 50 s, well for 30 s, for hours
		say(5, true)
		say(3, false)
	}
	require.LessOrEqual(t, len(turns), 25, "it stops fluttering after a quarter of an hour")
	require.Equal(t, plausible.Begins, turns[len(turns)-1])
}

func TestASensorSampledEachHourCanBeOftenBad(t *testing.T) {
	var trouble plausible.Trouble
	now, begins := time.Now(), 0
	for i := range 48 {
		now = now.Add(time.Hour)
		if i%2 == 1 {
			trouble.Good(now)
		} else if trouble.Bad(now, "damaged", 0) == plausible.Begins {
			begins++
		}
	}
	require.Equal(t, 1, begins)
	require.Contains(t, trouble.Reason(), "of 12 samples of the last ")
}

func TestASensorThatIsBadNowAndThenIsNoTrouble(t *testing.T) {
	var trouble plausible.Trouble
	now := time.Now()
	for i := range 1000 {
		now = now.Add(10 * time.Second)
		turn := trouble.Good(now)
		if i%3 == 0 {
			turn = trouble.Bad(now, "damaged", 30*time.Second)
		}
		require.Equal(t, plausible.Nothing, turn, "a third of the answers of a DHT on a long cable are damaged")
	}
}
