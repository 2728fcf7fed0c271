package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ScheduleEntry replaces some of a policy's numbers at certain hours. What is nil stays as it is. Setpoints may only
// narrow the policy's own.
type ScheduleEntry struct {
	Days []string `json:"days,omitempty"` // on which it begins: mon, tue, … sun; empty: every day
	From string   `json:"from"`           // "08:00" on the clocks of the policy's time zone
	To   string   `json:"to"`             // "18:00"; one that is not after From is on the next day

	BandLow     *float64 `json:"band_low,omitempty"`
	BandHigh    *float64 `json:"band_high,omitempty"`
	SetpointMin *int     `json:"setpoint_min,omitempty"`
	SetpointMax *int     `json:"setpoint_max,omitempty"`
}

// At is the policy that holds at a time: p with what its schedule says of that hour, and without a schedule. Hours are
// those that the room's clocks show: one that summer time leaves out is left out, one that it repeats counts twice.
// A process that does not know the time zone (an edge without its list) goes by the policy itself, whose setpoint limits
// no schedule may leave.
func (p Policy) At(now time.Time) Policy {
	bare := p
	bare.Schedule, bare.TimeZone = nil, ""
	if len(p.Schedule) == 0 {
		return bare
	}
	zone, err := p.zone()
	if err != nil {
		return bare
	}
	if at := p.entryAt(now.In(zone)); at >= 0 {
		return bare.with(p.Schedule[at])
	}
	return bare
}

// NextChange is when another entry of the schedule, or none, will hold; it is not ok when that never happens.
func (p Policy) NextChange(now time.Time) (change time.Time, ok bool) {
	zone, err := p.zone()
	if err != nil || len(p.Schedule) == 0 {
		return time.Time{}, false
	}
	marks := []int{24 * 60}
	for _, e := range p.Schedule {
		for _, text := range []string{e.From, e.To} {
			if minute, clocked := clockMinutes(text); clocked && minute > 0 {
				marks = append(marks, minute)
			}
		}
	}
	slices.Sort(marks)
	t := now.In(zone)
	holds, end := p.entryAt(t), t.AddDate(0, 0, 9)
	for t.Before(end) {
		// To the next mark on the clock, but not past a change of the clock.
		seconds := t.Hour()*3600 + t.Minute()*60 + t.Second()
		mark := marks[slices.IndexFunc(marks, func(m int) bool { return m*60 > seconds })]
		next := t.Truncate(time.Second).Add(time.Duration(mark*60-seconds) * time.Second)
		if _, shift := t.ZoneBounds(); !shift.IsZero() && shift.Before(next) {
			next = shift
		}
		t = next.In(zone)
		if p.entryAt(t) != holds {
			return t, true
		}
	}
	return time.Time{}, false
}

// CheckZone refuses a time zone that this process does not know. It is no part of Validate: edges carry no list of
// zones, and need none.
func (p Policy) CheckZone() error {
	if _, err := p.zone(); err != nil {
		return fmt.Errorf("time-zone %q is not known: it must be a name of the IANA list, such as Asia/Seoul or Europe/Berlin", p.TimeZone)
	}
	return nil
}

// Midnight is when the day of now began on the room's clocks: in the policy's time zone, UTC if that is not known.
func (p Policy) Midnight(now time.Time) time.Time {
	zone, err := p.zone()
	if err != nil {
		zone = time.UTC
	}
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

func (p Policy) zone() (*time.Location, error) {
	if p.TimeZone == "" || p.TimeZone == "UTC" {
		return time.UTC, nil
	}
	if !zoneName(p.TimeZone) {
		return nil, fmt.Errorf("%q is no time zone", p.TimeZone)
	}
	return time.LoadLocation(p.TimeZone)
}

// zoneName says whether a text has the form of a zone's name; "Local" is none, since it differs from box to box.
func zoneName(text string) bool {
	if text == "Local" || len(text) > 60 || strings.Contains(text, "..") || strings.HasPrefix(text, "/") {
		return false
	}
	for _, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("/_+-", r) {
			return false
		}
	}
	return true
}

// entryAt is the index of the entry that holds at a local time; -1: none.
func (p Policy) entryAt(local time.Time) int {
	minute, day := local.Hour()*60+local.Minute(), int(local.Weekday())
	return slices.IndexFunc(p.Schedule, func(e ScheduleEntry) bool {
		from, okFrom := clockMinutes(e.From)
		to, okTo := clockMinutes(e.To)
		switch {
		case !okFrom || !okTo:
			return false
		case from < to:
			return e.begins(day) && minute >= from && minute < to
		}
		return e.begins(day) && minute >= from || e.begins((day+6)%7) && minute < to
	})
}

// begins says whether the entry begins on a day of the week, 0 being Sunday.
func (e ScheduleEntry) begins(day int) bool {
	return len(e.Days) == 0 || slices.ContainsFunc(e.Days, func(name string) bool { return weekday(name) == day })
}

// with is the policy with what an entry replaces. Setpoints stay inside the policy's own.
func (p Policy) with(e ScheduleEntry) Policy {
	low, high := p.SetpointMin, p.SetpointMax
	if e.BandLow != nil {
		p.BandLow = *e.BandLow
	}
	if e.BandHigh != nil {
		p.BandHigh = *e.BandHigh
		p.FastDownAbove = max(p.FastDownAbove, p.BandHigh)
	}
	if e.SetpointMin != nil {
		p.SetpointMin = max(low, min(high, *e.SetpointMin))
	}
	if e.SetpointMax != nil {
		p.SetpointMax = max(low, min(high, *e.SetpointMax))
	}
	return p
}

func dayNames() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// weekday is the number of a day, 0 being Sunday; -1 for what is none.
func weekday(name string) int { return slices.Index(dayNames(), name) }

// clockMinutes reads "08:30" as minutes since midnight; 24:00 is the end of a day.
func clockMinutes(text string) (minutes int, ok bool) {
	hour, minute, found := strings.Cut(text, ":")
	if !found || len(hour) != 2 || len(minute) != 2 {
		return 0, false
	}
	h, errHour := strconv.ParseUint(hour, 10, 8)
	m, errMinute := strconv.ParseUint(minute, 10, 8)
	minutes = int(h)*60 + int(m)
	return minutes, errHour == nil && errMinute == nil && m < 60 && minutes <= 24*60
}
