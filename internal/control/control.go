// Package control owns the rules by which rooms are cooled: from readings to setpoints, from wishes to what
// holds, and the checks in between. Everything here is pure: the same input gives the same decision, and
// nothing is read, sent or remembered outside the values that are passed in.
//
// The defaults of its numbers are in spec.Policy; those that are fixed stand in this package with their reason.
package control

import (
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Action is what a decision does.
type Action string

// The actions.
const (
	Hold      Action = "hold"
	Raise     Action = "raise"
	Lower     Action = "lower"
	FastLower Action = "fast-lower"
	FailCold  Action = "fail-cold" // no sensor can be trusted
	Emergency Action = "emergency" // too hot for steps
)

// Urgent says that the action beats overrides and does not wait for the workflow.
func (a Action) Urgent() bool { return a == FailCold || a == Emergency }

// Input is what is known of one room at one moment.
type Input struct {
	Now time.Time
	// Started is when somebody began to listen to the room: sensors that never spoke count as dead from
	// StaleAfter later.
	Started  time.Time
	Room     string
	Policy   spec.Policy
	Sensors  []int     // every sensor that the room has
	Readings []Reading // the last one of each sensor that has spoken
	ACs      []AC
	State    State
}

// Reading is the last word of one sensor.
type Reading struct {
	Sensor  int
	At      time.Time
	Celsius float64
	Bad     bool // the edge does not believe it
}

// AC is one air conditioner as it stands.
type AC struct {
	Name   string
	Limits Limits
	// Auto is the setpoint that the rules wanted last; zero means unknown, and then only urgent actions are
	// decided. Raised and Lowered are when the rules last did so; zero means not known.
	Auto            int
	Raised, Lowered time.Time
	// Desired is what holds; zero means the same as Auto.
	Desired int
	// Overridden says that a person's setpoint holds: the rules then leave Auto alone, since what they would
	// see is that person's doing.
	Overridden bool
}

// State is what the rules remember from decision to decision. Its zero value is a fresh start.
type State struct {
	Mean   float64   // °C, the inlet smoothed over a third of UpEvery
	MeanAt time.Time // zero: there is no mean

	LastGood   time.Time // time of the newest good reading ever decided by
	BelowSince time.Time // the mean is below the band
	AboveSince time.Time // the inlet is above the band
	HighSince  time.Time // the inlet is at or above High
	CoolSince  time.Time // during an emergency: the inlet is safely below High

	EmergencySince  time.Time // zero: there is none
	Raised, Lowered time.Time // when the rules last decided so

	Alerts []Watch
}

// Decision is what the rules want of one room.
type Decision struct {
	// Inlet is the median of the good and fresh sensors, °C, and Fresh their number; Inlet is meaningless
	// when Fresh is zero.
	Inlet float64
	Fresh int

	Action Action
	Reason string
	ACs    []Recommendation

	// Began are alerts that begin, and those that last and are said again; Ended those that are over.
	Began, Ended []wire.Alert
	Next         State
}

// Recommendation is what the rules want of one air conditioner; Setpoint is 0 while nothing is known of it
// and nothing urgent is to be done.
type Recommendation struct {
	AC       string
	Setpoint int
	Action   Action
	Reason   string
}

// Decide decides for one room. Emergencies come first, then a room without a trusted sensor, then the band.
func Decide(in Input) Decision {
	d := Decision{Next: in.State}
	seen := look(in)
	d.Inlet, d.Fresh = seen.inlet, seen.fresh
	d.Next.remember(in, seen)
	switch {
	case !d.Next.EmergencySince.IsZero():
		emergency(in, seen, &d)
	case seen.fresh > 0:
		band(in, seen, &d)
	case silent(in, d.Next) > in.Policy.StaleAfter.D():
		failCold(in, &d)
	default:
		hold(in, &d, "no good reading yet: waiting until %s have passed", round(in.Policy.StaleAfter.D()))
	}
	watch(in, seen, &d)
	return d
}

// remember brings the memory up to what is seen now.
func (s *State) remember(in Input, seen sight) {
	if seen.fresh == 0 {
		s.forgetInlet(in)
		return
	}
	s.LastGood = latest(s.LastGood, seen.newest)
	s.smooth(in, seen.inlet)
	since(&s.BelowSince, s.Mean < in.Policy.BandLow, in.Now)
	since(&s.AboveSince, seen.inlet > in.Policy.BandHigh, in.Now)
	since(&s.HighSince, seen.inlet >= in.Policy.High, in.Now)
	since(&s.CoolSince, seen.inlet < in.Policy.High-highHysteresis, in.Now)
	s.judgeEmergency(in, seen)
}

// forgetInlet drops what only an inlet can uphold. An emergency goes on: nobody has seen it end.
func (s *State) forgetInlet(in Input) {
	s.AboveSince, s.HighSince, s.CoolSince = time.Time{}, time.Time{}, time.Time{}
	if silent(in, *s) > in.Policy.StaleAfter.D() {
		s.MeanAt, s.BelowSince = time.Time{}, time.Time{}
	}
}

// since keeps in t when a condition began to hold; zero while it does not.
func since(t *time.Time, holds bool, now time.Time) {
	switch {
	case !holds:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

// lasted says that what began at t has lasted at least d.
func lasted(t, now time.Time, d time.Duration) bool { return !t.IsZero() && now.Sub(t) >= d }

func latest(times ...time.Time) time.Time {
	var newest time.Time
	for _, t := range times {
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}
