// Package control owns the rules by which rooms are cooled: from readings to setpoints, from wishes to what
// holds, and the checks in between. Everything here is pure: the same input gives the same decision, and
// nothing is read, sent or remembered outside the values that are passed in.
//
// Its numbers are spec.Policy's; those that no operator would want otherwise stand in this package with their reason.
package control

import (
	"slices"
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
	// Advice is the optimiser's; nil while there is none. The rules follow it only inside their own bounds.
	Advice *Advice
	// Outlook is what would happen without cooling; nil while nobody knows.
	Outlook *Outlook
}

// Advice is what an optimiser would do.
type Advice struct {
	At        time.Time // when it was worked out: what is older than the policy's AdviceFor is not followed
	Setpoints []int     // °C, one for each of Input.ACs, in their order; zero: no opinion
	Sure      float64   // 0 to 1: how much the model behind it has explained lately
	SavesW    float64   // against what holds now
	Reason    string    // one sentence with numbers
}

// Outlook is how fast the room would warm without any cooling.
type Outlook struct {
	From       float64       // °C, the inlet that ToCritical begins at; zero: the inlet now
	ToCritical time.Duration // from the inlet now to the policy's Critical
	PerKelvin  time.Duration // how much sooner for each K that the inlet is warmer
	Sure       bool          // learned in this room; otherwise it is the reference's ordinary room
}

// Reading is the last word of one sensor.
type Reading struct {
	Sensor  int
	At      time.Time
	Celsius float64
	Bad     bool // the edge does not believe it
	// Humidity is % relative; meaningless unless HasHumidity.
	Humidity    float64
	HasHumidity bool
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
	// Watts is what the machine's meter showed at MeteredAt; zero time: there is no meter, or it is silent.
	Watts     float64
	MeteredAt time.Time
	// RunningW is above what the machine draws without its compressor, W; zero: an eighth of the most that its meter has
	// shown.
	RunningW float64
	// Lost says that the machine does not do what it is told (alerts unconfirmed and not-cooling): others must carry
	// the room.
	Lost bool

	soft Limits // Limits, narrowed by the policy that holds now; Decide fills it in
}

// State is what the rules remember from decision to decision. Its zero value is a fresh start.
type State struct {
	Mean   float64   // °C, the inlet smoothed over a third of UpEvery
	Hot    float64   // °C, the warmest inlet that can be trusted, smoothed likewise
	MeanAt time.Time // zero: there is no mean
	Quick  float64   // °C, the sensors' common ground (see Kin) smoothed over a minute; what counts are its changes
	Trail  Trail     // of Quick and Hot

	LastGood   time.Time // time of the newest good reading ever decided by
	BelowSince time.Time // the mean is below the band
	AboveSince time.Time // the mean is above the band, or the warmest inlet's too near to Warn
	SpellSince time.Time // the warmest inlet is too near to Warn, without a break
	PeakAt     time.Time // when an inlet was last within a step of High
	FastSince  time.Time // the inlet is above FastDownAbove
	HighSince  time.Time // the inlet is at or above High
	CoolSince  time.Time // during an emergency: the inlet is safely below High
	ShortSince time.Time // without cooling Critical would be nearer than TimeToCritical

	EmergencySince  time.Time // zero: there is none
	Raised, Lowered time.Time // when the rules last decided so
	CalledIn        time.Time // when lagging machines were last needed

	Machines []Machine
	Family   []Kin
	Alerts   []Watch
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

// Decide decides for one room. Emergencies come first, then a room without a trusted sensor, then the band. The policy
// may bring its schedule: what it says of now holds, except that urgent actions go by the policy's own limits.
func Decide(in Input) Decision {
	in = in.prepared()
	d := Decision{Next: in.State}
	seen := look(in)
	d.Inlet, d.Fresh = seen.inlet, seen.fresh
	d.Next.remember(in, &seen)
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
	d.Next.count(in, d)
	watch(in, seen, &d)
	return d
}

// prepared is the input with the policy of its hour. The caller's slices stay as they are.
func (in Input) prepared() Input {
	in.Policy = in.Policy.At(in.Now)
	in.ACs = slices.Clone(in.ACs)
	for i := range in.ACs {
		in.ACs[i].soft = in.ACs[i].Limits.narrowed(in.Policy)
	}
	return in
}

// remember brings the memory up to what is seen now.
func (s *State) remember(in Input, seen *sight) {
	s.meter(in)
	if seen.fresh == 0 {
		s.forgetInlet(in)
		return
	}
	s.LastGood = latest(s.LastGood, seen.newest)
	s.compare(&in, seen)
	s.smooth(in, *seen)
	since(&s.BelowSince, s.Mean < in.Policy.BandLow, in.Now)
	again := 0.0
	if !s.AboveSince.IsZero() {
		again = aboveHysteresis
	}
	since(&s.AboveSince, s.Mean > in.Policy.BandHigh-again || s.Hot > in.hotMost()-again, in.Now)
	since(&s.SpellSince, seen.warmest > in.hotMost(), in.Now)
	if seen.warmest+sensorLag*max(0, seen.ground-s.Quick)+float64(in.Policy.UpStep) >= in.Policy.High {
		s.PeakAt = in.Now
	}
	since(&s.FastSince, seen.inlet > in.Policy.FastDownAbove, in.Now)
	since(&s.HighSince, seen.inlet >= in.Policy.High, in.Now)
	since(&s.CoolSince, seen.inlet < in.Policy.High-in.Policy.HighHysteresis, in.Now)
	left, known := in.untilCritical(*seen, *s, 0)
	since(&s.ShortSince, known && left < in.Policy.TimeToCritical.D(), in.Now)
	s.judgeEmergency(in, *seen)
}

// aboveHysteresis, K, is what noise moves a mean by: one that stands at a limit would pass it again and again, and never for
// long enough.
const aboveHysteresis = 0.05

// sensorLag is by how many minutes what a sensor in its case shows is late (60 to 120 s): the air is warmer than it shows
// by that times its slope.
const sensorLag = 1.5

// hotMost is where the mean of the warmest inlet is to stay: below Warn by what a sensor may be wrong, but never below the
// middle of the band, where rooms of one sensor are kept.
func (in Input) hotMost() float64 {
	p := in.Policy
	return max((p.BandLow+p.BandHigh)/2, p.Warn-p.HotMargin)
}

// forgetInlet drops what only an inlet can uphold. An emergency goes on: nobody has seen it end.
func (s *State) forgetInlet(in Input) {
	s.SpellSince, s.AboveSince, s.FastSince, s.HighSince, s.CoolSince, s.ShortSince = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	if silent(in, *s) > in.Policy.StaleAfter.D() {
		s.MeanAt, s.BelowSince, s.Trail = time.Time{}, time.Time{}, Trail{}
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
