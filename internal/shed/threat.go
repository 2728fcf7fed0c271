// Package shed decides when a room must shed heat and what is done next: the last line of defence when cooling is
// lost. It is pure. Whoever sees the room judges the threat (Watch); ShedWorkflow takes the steps (Next).
package shed

import (
	"fmt"
	"slices"
	"time"
)

// Sight is what is known of a room at one moment.
type Sight struct {
	Now      time.Time
	Inlet    float64 // °C, median of the trusted inlets
	Fresh    int     // trusted inlets now
	Inlets   int     // inlets that the room has
	Critical float64 // °C, the policy's
	Machines []Machine
	// Idle says that by their meters no compressor runs although the room warms (the alert no-cooling): whatever the
	// machines are told, nobody cools.
	Idle bool
}

// Machine is one air conditioner.
type Machine struct {
	Coldest bool // it is told its coldest setpoint: nothing more can be asked of it
	Lost    bool // it does not do what it is told
}

// Threat is how a room stands without enough cooling.
type Threat struct {
	At     time.Time `json:"at"`
	Inlet  float64   `json:"inlet"`   // °C
	KMin   float64   `json:"k_min"`   // how fast it rises, K/min
	Lost   bool      `json:"lost"`    // all cooling that can be asked for is asked for, and the room goes on warming
	Blind  bool      `json:"blind"`   // too few sensors can be trusted to switch anything off by
	Reason string    `json:"reason"`  // one sentence with numbers
	ToGo   Minutes   `json:"minutes"` // to the critical temperature, at this pace; meaningless unless Lost
}

// Minutes is a time in minutes, as people count it here.
type Minutes float64

// D is the same as a duration.
func (m Minutes) D() time.Duration { return time.Duration(float64(m) * float64(time.Minute)) }

// Watch is the memory of one room's inlet. Its zero value is a fresh start.
type Watch struct {
	samples []sample
	coldest time.Time // since when nothing more can be asked for
	lost    bool
	calm    time.Time // since when a room that was lost warms no more
}

type sample struct {
	at    time.Time
	inlet float64
}

// The numbers of the judgement. They are not policy: whoever allows shedding sets Within.
const (
	// span is what the pace is measured over: a DHT22 in its case follows in 60 s, so three of those show a slope that
	// is the room's; least is what there must be of it.
	span  = 3 * time.Minute
	least = 90 * time.Second
	// apart thins samples: 20 of them say as much as 1,000.
	apart = 9 * time.Second
	// lostFor is how long the machines have been asked for everything before cooling counts as lost: a room answers a
	// setpoint within 1 to 3 minutes (reference 3.3: 63 % in 1 to 2 min).
	lostFor = 2 * time.Minute
	// A room that gains less than this is not lost: noise of 0.1 K over span is 0.02 K/min.
	leastRise = 0.05 // K/min
	// calmFor is how long the inlet must have stopped rising before the threat is over.
	calmFor = 2 * time.Minute
)

// Judge says how the room stands now, and remembers it.
func (w *Watch) Judge(in Sight) Threat {
	t := Threat{At: in.Now, Inlet: in.Inlet, Blind: blind(in)}
	if in.Fresh == 0 {
		t.Reason = "no sensor can be trusted: nothing is switched off by what nobody sees"
		w.coldest = time.Time{}
		return t
	}
	w.sample(in)
	pace, known := w.pace()
	t.KMin = pace
	since(&w.coldest, in.Idle || asked(in.Machines), in.Now)
	// At the critical temperature it is lost unless it clearly falls.
	rises := known && pace >= leastRise || in.Inlet >= in.Critical && (!known || pace > -leastRise)
	since(&w.calm, !rises, in.Now)
	switch {
	case lasted(w.coldest, in.Now, lostFor) && rises:
		w.lost = true
	case w.coldest.IsZero() || lasted(w.calm, in.Now, calmFor):
		w.lost = false
	}
	t.Lost = w.lost
	t.ToGo = toGo(in, pace)
	t.Reason = t.explain(in, known)
	return t
}

// blind: one sensor alone may be broken, and boxes are not switched off by a broken sensor. Two must agree on the room,
// and they must be half of those that there are.
func blind(in Sight) bool { return in.Fresh < 2 || 2*in.Fresh < in.Inlets }

// asked says that no machine can be asked for more.
func asked(machines []Machine) bool {
	for _, m := range machines {
		if !m.Coldest && !m.Lost {
			return false
		}
	}
	return len(machines) > 0
}

func (w *Watch) sample(in Sight) {
	if n := len(w.samples); n == 0 || in.Now.Sub(w.samples[n-1].at) >= apart {
		w.samples = append(w.samples, sample{in.Now, in.Inlet})
	}
	w.samples = slices.DeleteFunc(w.samples, func(s sample) bool { return in.Now.Sub(s.at) > span || s.at.After(in.Now) })
}

// pace is the slope of the inlet, K/min: least squares over span.
func (w *Watch) pace() (kMin float64, known bool) {
	n := len(w.samples)
	if n < 3 || w.samples[n-1].at.Sub(w.samples[0].at) < least {
		return 0, false
	}
	var t, y, tt, ty float64
	for _, s := range w.samples {
		x := s.at.Sub(w.samples[0].at).Minutes()
		t, y, tt, ty = t+x, y+s.inlet, tt+x*x, ty+x*s.inlet
	}
	below := float64(n)*tt - t*t
	if below <= 0 {
		return 0, false
	}
	return (float64(n)*ty - t*y) / below, true
}

// mostMinutes is "not today".
const mostMinutes = 24 * 60

// toGo is a straight line to the critical temperature. A room warms ever more slowly, so the line is early, which is
// the side to err on.
func toGo(in Sight, pace float64) Minutes {
	left := in.Critical - in.Inlet
	switch {
	case left <= 0:
		return 0
	case pace <= 0:
		return mostMinutes
	}
	return Minutes(min(mostMinutes, left/pace))
}

func (t Threat) explain(in Sight, known bool) string {
	pace := "its pace is not known yet"
	if known {
		pace = fmt.Sprintf("%+.2f K/min", t.KMin)
	}
	switch {
	case !t.Lost:
		return fmt.Sprintf("inlet %.1f °C, %s: cooling is not lost", t.Inlet, pace)
	case t.Blind:
		return fmt.Sprintf("inlet %.1f °C, %s, and only %d of %d sensors can be trusted: nothing is switched off by so few", t.Inlet, pace, in.Fresh, in.Inlets)
	}
	when := fmt.Sprintf(": %.1f °C in %.0f min", in.Critical, float64(t.ToGo))
	if t.ToGo >= mostMinutes {
		when = ""
	}
	if in.Idle {
		return fmt.Sprintf("inlet %.1f °C, %s, and no compressor runs%s", t.Inlet, pace, when)
	}
	lost := 0
	for _, m := range in.Machines {
		if m.Lost {
			lost++
		}
	}
	return fmt.Sprintf("inlet %.1f °C, %s, although every machine is at its coldest (%d of %d do not answer)%s",
		t.Inlet, pace, lost, len(in.Machines), when)
}

func since(t *time.Time, holds bool, now time.Time) {
	switch {
	case !holds:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

func lasted(t, now time.Time, d time.Duration) bool { return !t.IsZero() && now.Sub(t) >= d }
