package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// Rules say who is told what, and how often.
type Rules struct {
	// From is the least severity that is told: warning, high or critical; empty means warning.
	From string
	// Critical, High and Warning are how long an alert of that severity that lasts, and that nobody acknowledged or
	// shelved, waits until it is told again; zero means 15 min, 1 h and 12 h.
	Critical, High, Warning time.Duration
	// Quiet are the hours in which warnings wait; the zero value is none. High and critical alerts never wait.
	Quiet Hours
	// Escalate is after how long a critical alert that nobody acknowledged is told to more people; zero means never.
	Escalate time.Duration
	// FlapMost is how often an alert may begin within an hour until it is flapping: it is told once as such, and then
	// only its end, when it has not changed for FlapQuiet. Zero means 4 and 30 min.
	FlapMost  int
	FlapQuiet time.Duration

	hurry time.Duration // of tests: takes the place of every wait in which alerts gather
}

// The waits in which alerts gather into one notice.
const (
	gather         = 30 * time.Second // alerts of one room or one cause
	gatherHigh     = 10 * time.Second
	gatherCritical = 2 * time.Second
	// causeRooms is in how many rooms one kind must stand for it to count as one cause.
	causeRooms = 3
	// tryingMost is how long one notice is tried; then what is to be told is looked at anew.
	tryingMost = time.Hour
	// staleAfter is when what is over is no news to people who never heard of it.
	staleAfter = time.Hour
	// rememberFor is how long an alert that is over is remembered.
	rememberFor = 24 * time.Hour
	// mostRemembered bounds the memory: some 600 bytes each.
	mostRemembered = 50_000
)

func (r Rules) defaults() Rules {
	or := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	or(&r.Critical, 15*time.Minute)
	or(&r.High, time.Hour)
	or(&r.Warning, 12*time.Hour)
	or(&r.FlapQuiet, 30*time.Minute)
	if r.FlapMost <= 0 {
		r.FlapMost = 4
	}
	if r.From == "" {
		r.From = wire.SeverityWarning
	}
	return r
}

func (r Rules) again(severity string) time.Duration {
	switch severity {
	case wire.SeverityCritical:
		return r.Critical
	case wire.SeverityHigh:
		return r.High
	}
	return r.Warning
}

func (r Rules) gatherFor(severity string) time.Duration {
	if r.hurry > 0 {
		return r.hurry
	}
	switch severity {
	case wire.SeverityCritical:
		return gatherCritical
	case wire.SeverityHigh:
		return gatherHigh
	}
	return gather
}

func rank(severity string) int {
	return slices.Index([]string{wire.SeverityWarning, wire.SeverityHigh, wire.SeverityCritical}, severity)
}

// CheckSeverity refuses what is no severity. Errors are ErrInvalid.
func CheckSeverity(severity string) error {
	if rank(severity) < 0 {
		return fmt.Errorf("%w: severity %q is none of warning, high, critical", fault.ErrInvalid, severity)
	}
	return nil
}

// Hours is a part of each day, in the time zone of Zone; from 22:00 to 07:00 goes over midnight.
type Hours struct {
	From, Until time.Duration // since midnight; equal: none
	Zone        *time.Location
}

// ParseHours reads "22:00-07:00" with the name of a time zone, "Asia/Seoul", empty meaning UTC. Errors are ErrInvalid.
func ParseHours(text, zone string) (Hours, error) {
	if text == "" {
		return Hours{}, nil
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return Hours{}, fmt.Errorf("%w: time zone %q is not known here", fault.ErrInvalid, zone)
	}
	from, until, found := strings.Cut(text, "-")
	begin, err1 := time.Parse("15:04", strings.TrimSpace(from))
	end, err2 := time.Parse("15:04", strings.TrimSpace(until))
	if !found || err1 != nil || err2 != nil || begin.Equal(end) {
		return Hours{}, fmt.Errorf("%w: hours %q are not like 22:00-07:00", fault.ErrInvalid, text)
	}
	sinceMidnight := func(t time.Time) time.Duration {
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	return Hours{From: sinceMidnight(begin), Until: sinceMidnight(end), Zone: location}, nil
}

// over is when the quiet hours end that t lies in; t itself when it lies in none.
func (h Hours) over(t time.Time) time.Time {
	if h.From == h.Until || h.Zone == nil {
		return t
	}
	local := t.In(h.Zone)
	clock := func(d time.Duration, days int) time.Time { // by the clock on the wall, also when it is put forward
		return time.Date(local.Year(), local.Month(), local.Day()+days, int(d.Hours()), int(d.Minutes())%60, 0, 0, h.Zone)
	}
	for _, begun := range []int{-1, 0} {
		ends := begun
		if h.Until < h.From {
			ends++
		}
		if begin, end := clock(h.From, begun), clock(h.Until, ends); !t.Before(begin) && t.Before(end) {
			return end
		}
	}
	return t
}
