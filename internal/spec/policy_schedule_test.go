package spec

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// bands is a policy whose band begins at 10 plus the entry's number while that entry holds.
func bands(zone string, entries ...ScheduleEntry) Policy {
	p := DefaultPolicy()
	p.TimeZone = zone
	for i := range entries {
		entries[i].BandLow = new(20.0 + float64(i))
	}
	p.Schedule = entries
	return p
}

// TestTheScheduleOfAnHour asks for the band at moments of local time; 25 is the policy's own.
func TestTheScheduleOfAnHour(t *testing.T) {
	office := ScheduleEntry{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "08:00", To: "18:00"}
	night := ScheduleEntry{From: "22:00", To: "06:00"}
	friday := ScheduleEntry{Days: []string{"fri"}, From: "22:00", To: "06:00"}
	for _, c := range []struct {
		name, at string // RFC 3339
		policy   Policy
		band     float64
	}{
		{"inside", "2026-11-04T08:00:00Z", bands("", office), 20},
		{"its end is outside", "2026-11-04T18:00:00Z", bands("", office), 25},
		{"not at the weekend", "2026-11-07T12:00:00Z", bands("", office), 25},
		{"before midnight", "2026-11-04T23:00:00Z", bands("", night), 20},
		{"after midnight", "2026-11-05T05:59:59Z", bands("", night), 20},
		{"and over", "2026-11-05T06:00:00Z", bands("", night), 25},
		{"Friday's night ends on Saturday", "2026-11-07T05:00:00Z", bands("", friday), 20},
		{"Thursday's night is not Friday's", "2026-11-06T05:00:00Z", bands("", friday), 25},
		{"the first one that holds wins", "2026-11-04T23:00:00Z", bands("", night, ScheduleEntry{From: "00:00", To: "24:00"}), 20},
		{"the next one where it does not", "2026-11-04T12:00:00Z", bands("", night, ScheduleEntry{From: "00:00", To: "24:00"}), 21},
		{"a whole day from six to six", "2026-11-04T05:00:00Z", bands("", ScheduleEntry{Days: []string{"tue"}, From: "06:00", To: "06:00"}), 20},
		{"Seoul's morning is last night's UTC", "2026-11-03T23:30:00Z", bands("Asia/Seoul", office), 20},
		{"Seoul's evening", "2026-11-04T09:00:00Z", bands("Asia/Seoul", office), 25},
		// Berlin, 29 March 2026: 01:59:59 is followed by 03:00:00.
		{"an hour that summer time leaves out", "2026-03-29T01:00:00Z", bands("Europe/Berlin", ScheduleEntry{From: "02:00", To: "03:00"}), 25},
		{"after the change of the clock", "2026-03-29T06:00:00Z", bands("Europe/Berlin", office, ScheduleEntry{From: "08:00", To: "09:00"}), 21},
		{"the day before it is an hour later", "2026-03-28T06:00:00Z", bands("Europe/Berlin", office, ScheduleEntry{From: "08:00", To: "09:00"}), 25},
		// Berlin, 25 October 2026: 02:00 to 03:00 comes twice.
		{"an hour that comes twice, first", "2026-10-25T00:30:00Z", bands("Europe/Berlin", ScheduleEntry{From: "02:15", To: "02:45"}), 20},
		{"an hour that comes twice, between", "2026-10-25T01:00:00Z", bands("Europe/Berlin", ScheduleEntry{From: "02:15", To: "02:45"}), 25},
		{"an hour that comes twice, again", "2026-10-25T01:30:00Z", bands("Europe/Berlin", ScheduleEntry{From: "02:15", To: "02:45"}), 20},
		{"where the zone is not known the policy itself holds", "2026-11-04T12:00:00Z", bands("Middle/Earth", office), 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			require.NoError(t, err)
			made := c.policy.At(at)
			require.Equal(t, c.band, made.BandLow)
			require.Empty(t, made.Schedule)
			require.True(t, made.Equal(made.At(at)), "what holds at a time holds by itself")
		})
	}
}

func TestAScheduleNeverLeavesThePolicysSetpoints(t *testing.T) {
	p := DefaultPolicy()
	p.Schedule = []ScheduleEntry{{From: "00:00", To: "24:00", SetpointMin: new(10), SetpointMax: new(40)}}
	made := p.At(time.Unix(0, 0))
	require.Equal(t, []int{18, 27}, []int{made.SetpointMin, made.SetpointMax})
	require.ErrorContains(t, p.Validate(), "inside the policy's own setpoints, 18 to 27 °C")
}

func TestAScheduleIsRefusedWithItsFaults(t *testing.T) {
	p := DefaultPolicy()
	p.TimeZone = "../etc/passwd"
	p.Schedule = []ScheduleEntry{
		{Days: []string{"monday"}, From: "8:00", To: "25:00", BandLow: new(24.0)},
		{From: "08:00", To: "18:00"},
		{From: "08:00", To: "18:00", BandLow: new(26.8)},
	}
	err := p.Validate()
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, `time-zone is "../etc/passwd"`)
	p.TimeZone = "Europe/Berlin"
	err = p.Validate()
	for _, part := range []string{
		`schedule[0].days: day "monday" is unknown: it must be one of mon`, `from is "8:00"`, `to is "25:00"`,
		"schedule[1]: this entry changes nothing", "schedule[2].band-high: band-high is 26.5 °C, but band-low is 26.8 °C",
	} {
		require.ErrorContains(t, err, part)
	}
	require.NoError(t, bands("Asia/Seoul", ScheduleEntry{From: "01:00", To: "24:00"}).CheckZone())
	for _, zone := range []string{"Middle/Earth", "Local", "../x", "/etc/localtime"} {
		require.ErrorContains(t, Policy{TimeZone: zone}.CheckZone(), "IANA", zone)
	}
}

// TestTheNextChange compares with a walk minute by minute, on ordinary days and on those when clocks change.
func TestTheNextChange(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	clock := func() string { return time.Unix(int64(60*random.IntN(24*60)), 0).UTC().Format("15:04") }
	starts := []string{"2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z", "2026-11-04T00:00:00Z", "2026-04-04T10:00:00Z"}
	for range 150 {
		p := bands([]string{"", "Europe/Berlin", "Asia/Seoul", "Australia/Lord_Howe", "America/New_York"}[random.IntN(5)],
			ScheduleEntry{From: clock(), To: clock()}, ScheduleEntry{Days: []string{dayNames()[random.IntN(7)]}, From: clock(), To: clock()})
		at, err := time.Parse(time.RFC3339, starts[random.IntN(len(starts))])
		require.NoError(t, err)
		at = at.Add(time.Duration(random.IntN(3600)) * time.Second)
		change, ok := p.NextChange(at)
		require.True(t, ok)
		holds := p.At(at).BandLow
		want := at.Truncate(time.Minute).Add(time.Minute)
		for p.At(want).BandLow == holds {
			want = want.Add(time.Minute)
		}
		require.True(t, want.Equal(change), "%+v from %s: %s, want %s", p.Schedule, at, change, want)
	}
	_, ok := bands("", ScheduleEntry{From: "00:00", To: "24:00"}).NextChange(time.Unix(0, 0))
	require.False(t, ok)
	_, ok = DefaultPolicy().NextChange(time.Unix(0, 0))
	require.False(t, ok)
}
