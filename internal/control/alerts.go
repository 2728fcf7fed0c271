package control

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// The kinds of alerts that the rules raise. Edges and workflows raise others. Delays and limits are the policy's.
const (
	KindWarm     = "warm"          // at or above Warn
	KindHigh     = "high"          // at or above High
	KindCritical = "critical"      // at or above Critical, at once
	KindCold     = "cold"          // below what the class of the equipment allows
	KindHotSpot  = "hot-spot"      // one sensor at or above High while the median is below
	KindRising   = "rising"        // Critical would be reached within RisingWithin
	KindIdle     = "no-cooling"    // no compressor runs although it is too warm
	KindRate     = "rate"          // the inlet changes faster than the equipment bears
	KindStale    = "stale"         // no sensor can be trusted
	KindSensor   = "sensor"        // one sensor gives no good reading
	KindFamily   = "out-of-family" // one sensor departs from the others
	KindCapacity = "capacity"      // at the coldest and still rising above High
	KindShort    = "short-handed"  // a machine does not do what it is told, others carry the room
	KindHumid    = "humid"         // the relative humidity is above its most
	KindDry      = "dry"           // the air is drier than allowed
	KindDewPoint = "dew-point"     // the dew point is above its most
)

// Source is the source of these alerts.
const Source = "control"

// The hysteresis of humidity: a DHT22 is right to ±2 %, and a dew point worked out from it to 0.8 °C.
const (
	humidHysteresis = 3.0
	dewHysteresis   = 1.0
)

func conditions(in *Input, seen *sight, s *State) []condition {
	p, sees := in.Policy, seen.fresh > 0
	inlet := func() string { return fmt.Sprintf("inlet %.1f °C", seen.inlet) }
	limit := func(kind, severity string, limit, hysteresis float64, after time.Duration) condition {
		return condition{
			kind: kind, severity: severity, holdsFor: after, clearsAfter: p.ClearFor.D(),
			holds: sees && seen.inlet >= limit, clears: sees && seen.inlet < limit-hysteresis,
			evidence: func() string { return fmt.Sprintf("%s is at or above %.1f", inlet(), limit) }, over: inlet,
		}
	}
	all := []condition{
		limit(KindWarm, wire.SeverityWarning, p.Warn, p.WarmHysteresis, p.WarmFor.D()),
		limit(KindHigh, wire.SeverityHigh, p.High, p.HighHysteresis, p.HighFor.D()),
		limit(KindCritical, wire.SeverityCritical, p.Critical, p.HighHysteresis, 0),
		cold(in, seen), hotSpot(in, seen), rising(in, seen, s), idle(in, seen, s), rate(in, seen, s), capacity(in, seen, s), short(in), stale(in, seen, s),
	}
	all = append(all, damp(in, seen)...)
	for _, sensor := range in.Sensors {
		all = append(all, sensorSilent(in, seen, sensor), family(in, s, sensor))
	}
	return all
}

// said is a text that is known already.
func said(text string) func() string { return func() string { return text } }

// cold is for what the equipment does not bear; a room that is merely colder than its band wastes power and harms nothing.
func cold(in *Input, seen *sight) condition {
	least := in.Policy.Bounds().Least
	return condition{
		kind: KindCold, severity: wire.SeverityWarning, holdsFor: in.Policy.WarmFor.D(), clearsAfter: in.Policy.ClearFor.D(),
		holds: seen.fresh > 0 && seen.inlet < least, clears: seen.fresh > 0 && seen.inlet >= least+in.Policy.WarmHysteresis,
		evidence: func() string {
			return fmt.Sprintf("inlet %.1f °C is below %.1f, the least of class %s", seen.inlet, least, in.Policy.Class)
		},
		over: func() string { return fmt.Sprintf("inlet %.1f °C", seen.inlet) },
	}
}

func hotSpot(in *Input, seen *sight) condition {
	p := in.Policy
	return condition{
		kind: KindHotSpot, severity: wire.SeverityWarning, holdsFor: p.SpotFor.D(), clearsAfter: p.ClearFor.D(),
		holds:  seen.fresh > 0 && seen.hottest >= p.High && seen.inlet < p.High,
		clears: seen.fresh > 0 && (seen.hottest < p.High-p.HighHysteresis || seen.inlet >= p.High),
		evidence: func() string {
			return fmt.Sprintf("one sensor shows %.1f °C, the median is %.1f", seen.hottest, seen.inlet)
		},
		over: func() string { return fmt.Sprintf("the hottest sensor shows %.1f °C", seen.hottest) },
	}
}

// The numbers of rising. A minute's smoothing shows two thirds of a slope after a minute. What the air has swung within the
// hour, and a step warmer of the last quarter, are no failure: it must leave that behind by surprise, K.
const (
	surprise      = 0.3
	surpriseShare = 0.25 // of the hour's span, beside
	stepFor       = 15 * time.Minute
)

// rising looks ahead: there are minutes between a failed machine and 32 °C (reference, failures: 6 to 17).
func rising(in *Input, seen *sight, s *State) condition {
	p := in.Policy
	c := condition{kind: KindRising, severity: wire.SeverityHigh, holdsFor: p.RisingFor.D(), clearsAfter: p.ClearFor.D(), over: said("no longer rising fast")}
	if seen.fresh == 0 {
		return c
	}
	slope, left := seen.ground-s.Quick, p.Critical-seen.inlet // K/min, since Quick lags behind a ramp by a minute
	soon := slope > 0 && left < slope*p.RisingWithin.D().Minutes()
	c.clears = !soon
	least, most, known := s.Trail.span(3)
	margin := in.stepped(surprise + surpriseShare*(most-least))
	c.holds = soon && known && seen.ground > most+margin
	if slope > 0 {
		c.evidence = func() string {
			return fmt.Sprintf("inlet %.1f °C rises %.2f K/min: %.1f °C in %.0f min", seen.inlet, slope, p.Critical, max(0, left/slope))
		}
	}
	return c
}

// stepped adds a step warmer of the last quarter of an hour to what may be no surprise, K.
func (in *Input) stepped(margin float64) float64 {
	for _, ac := range in.ACs {
		if !ac.Raised.IsZero() && in.Now.Sub(ac.Raised) < stepFor {
			return max(margin, surprise+float64(in.Policy.UpStep))
		}
	}
	return margin
}

// The numbers of idle, K and K/min. Without cooling the air rises by 0.7 to 0.9 K in the first minute, of which a
// sensor in its case shows a third. A machine that rests by itself does so within what the air has swung before.
const (
	idleAbove    = 2.5 // above all setpoints, where the hour before is not known
	idleSlope    = 0.15
	idleSurprise = 0.15
)

// idle says that no compressor runs although the air is warmer than it was, and rises: all cooling is lost. It needs meters
// on all machines, and then tells within 90 s, which a thermometer alone cannot.
func idle(in *Input, seen *sight, s *State) condition {
	c := condition{kind: KindIdle, severity: wire.SeverityCritical, holdsFor: in.Policy.IdleFor.D(), clearsAfter: in.Policy.ClearFor.D()}
	resting, warmest := len(in.ACs) > 0 && seen.fresh > 0, 0
	for i, ac := range in.ACs {
		m := s.Machines[i]
		resting = resting && !m.Since.IsZero() && !m.On
		warmest = max(warmest, ac.Auto, ac.Desired)
	}
	_, most, known := s.Trail.span(2)
	unusual := known && seen.ground > most+in.stepped(idleSurprise) || !known && seen.inlet-float64(warmest) > idleAbove
	c.holds = resting && warmest > 0 && unusual && seen.ground-s.Quick > idleSlope
	c.clears = !resting
	c.evidence = func() string {
		return fmt.Sprintf("no compressor runs, inlet %.1f °C rises %.2f K/min: cooling is lost", seen.inlet, seen.ground-s.Quick)
	}
	c.over = said("a compressor runs again")
	return c
}

// calmShare is the part of a rate's most under which it is over.
const calmShare = 0.8

// rate is what the equipment feels: fast changes of temperature, up or down, wear it out.
func rate(in *Input, seen *sight, s *State) condition {
	fast := ""
	if seen.fresh > 0 {
		fast = s.tooFast(*in)
	}
	severity := wire.SeverityWarning
	if s.Trail.change(s.Quick, 15) > 0 {
		severity = wire.SeverityHigh
	}
	// A compressor's swing that is too fast does not end and begin with each turn.
	calm := math.Abs(s.Trail.change(s.Quick, 15)) < calmShare*in.Policy.Bounds().Rate15 && fast == ""
	return condition{
		kind: KindRate, severity: severity, clearsAfter: max(15*time.Minute, in.Policy.ClearFor.D()), holds: fast != "", clears: seen.fresh > 0 && calm,
		evidence: func() string { return fmt.Sprintf("inlet %.1f °C %s", seen.inlet, fast) },
		over:     func() string { return fmt.Sprintf("inlet %.1f °C changes slowly again", seen.inlet) },
	}
}

// capacity says that nothing colder can be asked for, and it is not enough.
func capacity(in *Input, seen *sight, s *State) condition {
	coldest := len(in.ACs) > 0
	for _, ac := range in.ACs {
		told := ac.Desired
		if told == 0 {
			told = ac.Auto
		}
		coldest = coldest && told != 0 && told <= ac.Limits.Min
	}
	p := in.Policy
	hot := seen.fresh > 0 && seen.inlet >= p.High
	return condition{
		kind: KindCapacity, severity: wire.SeverityCritical, holdsFor: p.ColdestFor.D(), clearsAfter: p.ClearFor.D(),
		holds:  coldest && hot && s.slope(*in, *seen) >= 0,
		clears: seen.fresh > 0 && seen.inlet < p.High-p.HighHysteresis,
		evidence: func() string {
			return fmt.Sprintf("inlet %.1f °C does not fall although every machine is at its coldest: cooling capacity is short", seen.inlet)
		},
		over: func() string { return fmt.Sprintf("inlet %.1f °C", seen.inlet) },
	}
}

// short says who carries the room in place of a machine that does not do what it is told.
func short(in *Input) condition {
	lost, left := in.lost(), ""
	for _, ac := range in.ACs {
		if !ac.Lost {
			left += " " + ac.Name
		}
	}
	c := condition{
		kind: KindShort, severity: wire.SeverityHigh, clearsAfter: in.Policy.ClearFor.D(), holds: lost != "", clears: lost == "",
		evidence: said(lost + "; what is left:" + left), over: said("every machine does what it is told"),
	}
	if left == "" {
		c.severity, c.evidence = wire.SeverityCritical, said(lost+", and no other machine is left")
	}
	return c
}

func stale(in *Input, seen *sight, s *State) condition {
	quiet := silent(*in, *s)
	return condition{
		kind: KindStale, severity: wire.SeverityHigh, clearsAfter: in.Policy.BackFor.D(),
		holds: seen.fresh == 0 && quiet > in.Policy.StaleAfter.D(), clears: seen.fresh > 0,
		evidence: func() string {
			return fmt.Sprintf("no good reading of %d sensors for %s", len(in.Sensors), round(quiet))
		},
		over: func() string { return fmt.Sprintf("%d of %d sensors are back", seen.fresh, len(in.Sensors)) },
	}
}

// damp are the alerts of humidity, for rooms that have a sensor of it. Without one nothing is known: they neither hold nor
// clear.
func damp(in *Input, seen *sight) []condition {
	bounds, known := in.Policy.Bounds(), seen.damp > 0
	now := func() string { return fmt.Sprintf("humidity %.0f %%, dew point %.1f °C", seen.humidity, seen.dew) }
	one := func(kind string, holds, clears bool, than string, most ...any) condition {
		return condition{
			kind: kind, severity: wire.SeverityWarning, holdsFor: in.Policy.HumidFor.D(), clearsAfter: in.Policy.ClearFor.D(),
			holds: known && holds, clears: known && clears, evidence: func() string { return now() + ": " + fmt.Sprintf(than, most...) }, over: now,
		}
	}
	return []condition{
		one(KindHumid, seen.humidity > bounds.HumidityMost, seen.humidity < bounds.HumidityMost-humidHysteresis, "more than %g %%", bounds.HumidityMost),
		one(KindDewPoint, seen.dew > bounds.DewPointMost, seen.dew < bounds.DewPointMost-dewHysteresis, "more than %g °C", bounds.DewPointMost),
		one(KindDry, seen.humidity < bounds.HumidityLeast || seen.dew < bounds.DewPointLeast,
			seen.humidity >= bounds.HumidityLeast+humidHysteresis && seen.dew >= bounds.DewPointLeast+dewHysteresis,
			"less than %g %% or %g °C", bounds.HumidityLeast, bounds.DewPointLeast),
	}
}

// sensorSilent waits StaleAfter: a bad reading may be a hiccup, and one that never spoke may still begin.
func sensorSilent(in *Input, seen *sight, sensor int) condition {
	good := seen.trusts(sensor)
	c := condition{
		kind: KindSensor, item: strconv.Itoa(sensor), severity: wire.SeverityWarning,
		holdsFor: in.Policy.StaleAfter.D(), clearsAfter: in.Policy.BackFor.D(),
		holds: !good, clears: good, over: func() string { return fmt.Sprintf("sensor %d is back", sensor) },
	}
	at := slices.IndexFunc(in.Readings, func(r Reading) bool { return r.Sensor == sensor })
	switch {
	case at < 0:
		c.evidence = func() string { return fmt.Sprintf("sensor %d has not been heard", sensor) }
	case in.Now.Sub(in.Readings[at].At) > in.Policy.StaleAfter.D():
		c.evidence = func() string {
			return fmt.Sprintf("sensor %d is silent for %s", sensor, round(in.Now.Sub(in.Readings[at].At)))
		}
		c.holdsFor = 0 // it has been silent for StaleAfter already
	default:
		c.evidence = func() string {
			return fmt.Sprintf("sensor %d gives bad readings (%.1f °C)", sensor, in.Readings[at].Celsius)
		}
	}
	return c
}
