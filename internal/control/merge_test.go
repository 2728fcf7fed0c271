package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func person(id string, setpoint int) Override {
	return Override{ID: id, Setpoint: setpoint, Who: "Ada", Why: "work in the room", Until: noon.Add(time.Hour)}
}

func of(p Priority, o Override) Override { o.Priority = p; return o }

func TestMerge(t *testing.T) {
	limits := Limits{18, 26}
	auto := Wish{Setpoint: 24, Reason: "inside the band"}
	hot := Wish{Setpoint: 18, Reason: "inlet 31.0 °C", Urgent: true}
	blind := Wish{Setpoint: 22, Reason: "no good reading", Urgent: true}
	for _, c := range []struct {
		name      string
		wish      Wish
		overrides []Override
		setpoint  int
		holding   string
		reason    string
		waiting   []string
	}{
		{"the rules alone", auto, nil, 24, "", "inside the band", nil},
		{"the limits bound the rules", Wish{Setpoint: 28, Reason: "x"}, nil, 26, "", "x; the limits 18 to 26 °C make it 26 °C", nil},
		{"a person beats the rules", auto, []Override{person("a", 20)}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{""}},
		{"the newest person holds", auto, []Override{person("b", 21), person("a", 20)}, 21, "b", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"", "the newer override b holds"}},
		{"an emergency suspends what is warmer", hot, []Override{person("a", 24)}, 18, "", "inlet 31.0 °C", []string{"24 °C is warmer than the emergency's 18: inlet 31.0 °C"}},
		{"a blind room keeps what is colder", blind, []Override{person("b", 25), person("a", 20)}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"25 °C is warmer than the emergency's 22: no good reading", ""}},
		{"hard limits suspend, the next one holds", auto, []Override{person("b", 27), person("a", 20)}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"27 °C is outside the limits 18 to 26 °C", ""}},
		{"a high one holds before a newer one", auto, []Override{person("b", 21), of(High, person("a", 20))}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"the override a of high priority holds", ""}},
		{
			"the newest of the high ones", auto,
			[]Override{of(Low, person("d", 22)), of(High, person("c", 19)), person("b", 21), of(High, person("a", 20))},
			19, "c", "override by Ada until 3 Nov 13:00Z: work in the room",
			[]string{"the override c of high priority holds", "", "the override c of high priority holds", "the newer override c holds"},
		},
		{"a low one waits for any other", auto, []Override{of(Low, person("b", 21)), person("a", 20)}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"the override a of normal priority holds", ""}},
		{"a low one before the rules", auto, []Override{of(Low, person("b", 21))}, 21, "b", "override by Ada until 3 Nov 13:00Z: work in the room", []string{""}},
		{"no priority beats an emergency", hot, []Override{of(High, person("a", 24))}, 18, "", "inlet 31.0 °C", []string{"24 °C is warmer than the emergency's 18: inlet 31.0 °C"}},
		{"a high one outside the limits lets the next one hold", auto, []Override{of(High, person("b", 27)), of(Low, person("a", 20))}, 20, "a", "override by Ada until 3 Nov 13:00Z: work in the room", []string{"27 °C is outside the limits 18 to 26 °C", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, Merged{c.setpoint, c.reason, c.holding, c.waiting}, Merge(limits, c.wish, c.overrides))
		})
	}
	require.False(t, person("a", 20).Ended(noon))
	require.True(t, person("a", 20).Ended(noon.Add(time.Hour)))
}

func TestPriorities(t *testing.T) {
	for _, p := range []Priority{Low, Normal, High} {
		read, err := ParsePriority(p.String())
		require.NoError(t, err)
		require.Equal(t, p, read)
	}
	unsaid, err := ParsePriority("")
	require.NoError(t, err)
	require.Equal(t, Normal, unsaid)
	_, err = ParsePriority("urgent")
	require.EqualError(t, err, `invalid: priority "urgent" is unknown: write low, normal or high`)
}

func TestCheck(t *testing.T) {
	p, limits := spec.DefaultPolicy(), Limits{18, 27}
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	for _, c := range []struct {
		name string
		at   Standing
		want Wanted
		says string
	}{
		{"one up after a quarter of an hour", Standing{23, ago(15 * time.Minute), ago(time.Hour)}, Wanted{Setpoint: 24}, ""},
		{"one up, a little early by the other clock", Standing{23, ago(15*time.Minute - 10*time.Second), time.Time{}}, Wanted{Setpoint: 24}, ""},
		{"one up too soon", Standing{23, time.Time{}, ago(5 * time.Minute)}, Wanted{Setpoint: 24}, "invalid: raising 5m0s after the last change is sooner than 15m0s"},
		{"two up", Standing{23, time.Time{}, time.Time{}}, Wanted{Setpoint: 25}, "invalid: raising by 2 °C at once is more than 1"},
		{"too warm", Standing{27, time.Time{}, time.Time{}}, Wanted{Setpoint: 28}, "invalid: setpoint 28 °C is outside 18 to 27 °C"},
		{"two down at 26.5 °C", Standing{24, time.Time{}, time.Time{}}, Wanted{Setpoint: 22, Inlet: 26.5}, "invalid: lowering by 2 °C at once at 26.5 °C is more than 1"},
		{"two down at 27 °C", Standing{24, time.Time{}, time.Time{}}, Wanted{Setpoint: 22, Inlet: 27}, ""},
		{"three down at 27 °C", Standing{24, time.Time{}, time.Time{}}, Wanted{Setpoint: 21, Inlet: 27}, "invalid: lowering by 3 °C at once at 27.0 °C is more than 2"},
		{"two down at 27.6 °C", Standing{24, time.Time{}, ago(time.Minute)}, Wanted{Setpoint: 22, Inlet: 27.6}, ""},
		{"two down again too soon", Standing{24, time.Time{}, ago(20 * time.Second)}, Wanted{Setpoint: 22, Inlet: 27.6}, "invalid: lowering 20s after the last time is sooner than 1m0s"},
		{"an emergency down", Standing{27, noon, noon}, Wanted{Setpoint: 18, Urgent: true}, ""},
		{"an emergency up", Standing{20, time.Time{}, time.Time{}}, Wanted{Setpoint: 22, Urgent: true}, "invalid: an emergency only lowers: 20 -> 22 °C would raise"},
		{"the same", Standing{20, noon, noon}, Wanted{Setpoint: 20}, ""},
		{"from outside the limits", Standing{16, noon, noon}, Wanted{Setpoint: 18}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(p, limits, c.at, c.want, noon)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.EqualError(t, err, c.says)
		})
	}
}

func TestLimits(t *testing.T) {
	p := spec.DefaultPolicy()
	require.Equal(t, Limits{20, 27}, LimitsOf(p, spec.AirConditioner{Min: 20, Max: 30}))
	require.Equal(t, Limits{28, 28}, LimitsOf(p, spec.AirConditioner{Min: 28, Max: 30}), "where they do not meet, the machine's nearest end")
	require.Equal(t, Limits{18, 27}, LimitsOf(p, spec.AirConditioner{}))
	require.Equal(t, noon.Unix(), NextRevision(0, noon))
	require.Equal(t, noon.Unix()+1, NextRevision(noon.Unix(), noon))
}
