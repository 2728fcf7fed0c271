package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each file of testdata/policies is a policy as a former version wrote it.
func TestAPolicyOfAFormerVersionGetsTheDefaultsOfWhatItLacks(t *testing.T) {
	files, err := filepath.Glob("testdata/policies/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var p Policy
			require.NoError(t, json.Unmarshal(data, &p))
			require.NoError(t, p.Validate())
			var stated map[string]any
			require.NoError(t, json.Unmarshal(data, &stated))
			fallback := DefaultPolicy()
			defaults := fallback.Fields()
			for i, f := range p.Fields() {
				if _, ok := stated[f.JSON()]; !ok && f.Key != "class" {
					require.Equal(t, defaults[i].String(), f.String(), f.Key)
				}
			}
			again, err := json.Marshal(p)
			require.NoError(t, err)
			var read Policy
			require.NoError(t, json.Unmarshal(again, &read))
			require.True(t, p.Equal(read), "written and read it is the same")
		})
	}
}

func TestThePolicyOfTheFirstVersion(t *testing.T) {
	data, err := os.ReadFile("testdata/policies/2026-11-first.json")
	require.NoError(t, err)
	var p Policy
	require.NoError(t, json.Unmarshal(data, &p))
	require.Equal(t, 24.5, p.BandLow, "what it says holds")
	require.Equal(t, minutes(5), p.TimeToCritical, "what it lacks has its default")
	require.Equal(t, OptimiserOn, p.Optimiser)
	require.Equal(t, "A1", p.Class)
}

func TestPolicyJSON(t *testing.T) {
	read := func(p Policy, text string) Policy {
		require.NoError(t, json.Unmarshal([]byte(text), &p))
		return p
	}
	t.Run("what is left out stays as it was", func(t *testing.T) {
		p := DefaultPolicy()
		p.BandLow, p.Class = 24, "A2"
		p = read(p, `{"band_high": 26}`)
		require.Equal(t, []any{24.0, 26.0, "A2"}, []any{p.BandLow, p.BandHigh, p.Class})
	})
	t.Run("zero is taken at its word", func(t *testing.T) {
		p := read(Policy{}, `{"band_low": 24, "time_to_critical": "0s", "swap_every": "0s", "family_most": 0}`)
		require.Zero(t, p.TimeToCritical)
		require.Zero(t, p.SwapEvery)
		require.Zero(t, p.FamilyMost)
		require.Equal(t, 26.5, p.BandHigh)
	})
	t.Run("nothing but zeros is no policy", func(t *testing.T) {
		none, err := json.Marshal(Policy{})
		require.NoError(t, err)
		for _, text := range []string{"{}", "null", string(none), `{"band_low":0,"up_every":"0s"}`} {
			p := read(Policy{}, text)
			require.True(t, p.IsZero(), text)
		}
	})
	t.Run("the class of a policy without one is the narrowest that allows its critical", func(t *testing.T) {
		for critical, class := range map[string]string{"31": "A1", "33": "A2", "40": "A3", "44": "A4"} {
			p := read(Policy{}, `{"critical": `+critical+`}`)
			require.Equal(t, class, p.Class)
			require.NoError(t, p.Validate())
		}
	})
	t.Run("a schedule is replaced whole, and the former one is left alone", func(t *testing.T) {
		old := DefaultPolicy()
		old.Schedule = []ScheduleEntry{{Days: []string{"mon"}, From: "01:00", To: "02:00", BandLow: new(24.0)}, {From: "03:00", To: "04:00", BandLow: new(23.0)}}
		p := read(old, `{"schedule": [{"from": "08:00", "to": "18:00", "setpoint_max": 25}]}`)
		require.Equal(t, []ScheduleEntry{{From: "08:00", To: "18:00", SetpointMax: new(25)}}, p.Schedule)
		require.Equal(t, "01:00", old.Schedule[0].From)
		require.Equal(t, 24.0, *old.Schedule[0].BandLow)
		require.Len(t, read(old, `{"warn": 27.5}`).Schedule, 2)
		require.Empty(t, read(old, `{"schedule": []}`).Schedule)
		require.Empty(t, read(old, `{"schedule": null}`).Schedule)
		refused := old
		require.Error(t, json.Unmarshal([]byte(`{"schedule": [{"from": 8}]}`), &refused))
		require.True(t, old.Equal(refused), "what cannot be read changes nothing")
	})
	t.Run("an error names the field", func(t *testing.T) {
		p := DefaultPolicy()
		var kind *json.UnmarshalTypeError
		require.ErrorAs(t, json.Unmarshal([]byte(`{"warn": "hot"}`), &p), &kind)
		require.Equal(t, "warn", kind.Field)
	})
}

func TestAPolicyIsWrittenInTwoKilobytes(t *testing.T) {
	data, err := json.Marshal(DefaultPolicy())
	require.NoError(t, err)
	require.Less(t, len(data), 2048)
}
