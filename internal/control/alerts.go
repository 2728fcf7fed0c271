package control

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// The kinds of alerts that the rules raise. Edges and workflows raise others.
const (
	KindWarm     = "warm"     // at or above Warn for 5 min
	KindHigh     = "high"     // at or above High for 1 min
	KindCritical = "critical" // at or above Critical, at once
	KindHotSpot  = "hot-spot" // one sensor at or above High while the median is below
	KindRising   = "rising"   // Critical would be reached within 15 min
	KindStale    = "stale"    // no sensor can be trusted
	KindSensor   = "sensor"   // one sensor gives no good reading
	KindCapacity = "capacity" // at the coldest and still rising above High
)

// Source is the source of these alerts.
const Source = "control"

// The delays and hysteresis of alerts. Warn's 5 min, High's 1 min and "minutes to critical < 15" are the
// reference's defaults; 0.5 K is half the policy's smallest distance of limits, so that a value on a limit
// does not ring twice.
const (
	warmFor      = 5 * time.Minute
	spotFor      = time.Minute
	risingFor    = time.Minute
	risingWithin = 15 * time.Minute
	clearFor     = 2 * time.Minute
	backFor      = 30 * time.Second // readings are back, three samples of 10 s
	// coldestFor: a room answers a setpoint within 3 min (90 %), a DHT22 adds one.
	coldestFor = 5 * time.Minute
	// An alert that lasts is said again, with what is seen now: whoever missed it, or dealt with it and forgot, hears
	// of it (reference, defaults: "re-notify 60 min"; warnings must not become noise).
	sayAgain        = time.Hour
	sayWarningAgain = 12 * time.Hour
	warmHysteresis  = 0.5
)

// Watch is the memory of one alert.
type Watch struct {
	ID         string
	Kind       string
	HoldsSince time.Time // its condition holds, without the delay
	ClearSince time.Time // it has cleared, without the delay
	Began      time.Time // zero: not raised
	Said       time.Time // when it was last said; zero: by somebody else
	Severity   string
}

// condition is what one kind of alert sees now.
type condition struct {
	kind, item, severity  string
	holds, clears         bool
	holdsFor, clearsAfter time.Duration
	evidence, over        string
}

// watch raises and ends the room's alerts.
func watch(in Input, seen sight, d *Decision) {
	var kept []Watch
	for _, c := range conditions(in, seen, d.Next) {
		id := in.Room + "/" + c.kind
		if c.item != "" {
			id += "/" + c.item
		}
		w := Watch{ID: id, Kind: c.kind, Severity: c.severity}
		if at := slices.IndexFunc(in.State.Alerts, func(w Watch) bool { return w.ID == id }); at >= 0 {
			w = in.State.Alerts[at]
		}
		since(&w.HoldsSince, c.holds, in.Now)
		since(&w.ClearSince, c.clears, in.Now)
		switch {
		case w.Began.IsZero() && lasted(w.HoldsSince, in.Now, c.holdsFor):
			w.Began, w.Said, w.Severity = in.Now, in.Now, c.severity
			d.Began = append(d.Began, w.alert(in, time.Time{}, c.evidence))
		case !w.Began.IsZero() && lasted(w.ClearSince, in.Now, c.clearsAfter):
			d.Ended = append(d.Ended, w.alert(in, in.Now, c.over))
			w.Began = time.Time{}
		case !w.Began.IsZero() && w.Said.IsZero():
			w.Said = in.Now
		case !w.Began.IsZero() && c.holds && lasted(w.Said, in.Now, again(w.Severity)):
			w.Said = in.Now
			d.Began = append(d.Began, w.alert(in, time.Time{}, c.evidence))
		}
		kept = append(kept, w)
	}
	// What the room no longer has (a sensor, say) cannot go on being in trouble.
	for _, w := range in.State.Alerts {
		if gone := !slices.ContainsFunc(kept, func(k Watch) bool { return k.ID == w.ID }); gone && !w.Began.IsZero() {
			d.Ended = append(d.Ended, w.alert(in, in.Now, "no longer part of the room"))
		}
	}
	d.Next.Alerts = kept
}

func (w Watch) alert(in Input, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: w.ID, Room: in.Room, Kind: w.Kind, Severity: w.Severity,
		BeganMillis: w.Began.UnixMilli(), Evidence: evidence, Source: Source,
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}

func again(severity string) time.Duration {
	if severity == wire.SeverityWarning {
		return sayWarningAgain
	}
	return sayAgain
}

// Recall puts alerts that were raised before a restart back into the memory, so that they can end.
func (s *State) Recall(raised []wire.Alert) {
	for _, a := range raised {
		if a.Source != Source || a.EndedMillis != 0 {
			continue
		}
		at := slices.IndexFunc(s.Alerts, func(w Watch) bool { return w.ID == a.ID })
		if at < 0 {
			at = len(s.Alerts)
			s.Alerts = append(s.Alerts, Watch{ID: a.ID, Kind: a.Kind})
		}
		if w := &s.Alerts[at]; w.Began.IsZero() {
			w.Began, w.Severity = time.UnixMilli(a.BeganMillis), a.Severity
		}
	}
}

func conditions(in Input, seen sight, s State) []condition {
	p, sees := in.Policy, seen.fresh > 0
	inlet := fmt.Sprintf("inlet %.1f °C", seen.inlet)
	limit := func(kind, severity string, limit, hysteresis float64, after time.Duration) condition {
		return condition{
			kind: kind, severity: severity, holdsFor: after, clearsAfter: clearFor,
			holds: sees && seen.inlet >= limit, clears: sees && seen.inlet < limit-hysteresis,
			evidence: fmt.Sprintf("%s is at or above %.1f", inlet, limit), over: inlet,
		}
	}
	all := []condition{
		limit(KindWarm, wire.SeverityWarning, p.Warn, warmHysteresis, warmFor),
		limit(KindHigh, wire.SeverityHigh, p.High, highHysteresis, highFor),
		limit(KindCritical, wire.SeverityCritical, p.Critical, highHysteresis, 0),
		hotSpot(in, seen), rising(in, seen, s), capacity(in, seen, s), stale(in, seen, s),
	}
	for _, sensor := range in.Sensors {
		all = append(all, sensorSilent(in, seen, sensor))
	}
	return all
}

func hotSpot(in Input, seen sight) condition {
	high := in.Policy.High
	return condition{
		kind: KindHotSpot, severity: wire.SeverityWarning, holdsFor: spotFor, clearsAfter: clearFor,
		holds:    seen.fresh > 0 && seen.hottest >= high && seen.inlet < high,
		clears:   seen.fresh > 0 && (seen.hottest < high-highHysteresis || seen.inlet >= high),
		evidence: fmt.Sprintf("one sensor shows %.1f °C, the median is %.1f", seen.hottest, seen.inlet),
		over:     fmt.Sprintf("the hottest sensor shows %.1f °C", seen.hottest),
	}
}

// rising looks ahead: there are minutes between a failed machine and 32 °C (reference, failures: 6 to 17).
func rising(in Input, seen sight, s State) condition {
	c := condition{kind: KindRising, severity: wire.SeverityHigh, holdsFor: risingFor, clearsAfter: clearFor, over: "no longer rising fast"}
	if seen.fresh == 0 {
		return c
	}
	slope, left := s.slope(in, seen), in.Policy.Critical-seen.inlet
	soon := slope > 0 && left < slope*risingWithin.Minutes()
	c.holds, c.clears = soon && seen.inlet > in.Policy.BandHigh, !soon
	if slope > 0 {
		c.evidence = fmt.Sprintf("inlet %.1f °C rises %.2f K/min: %.1f °C in %.0f min", seen.inlet, slope, in.Policy.Critical, max(0, left/slope))
	}
	return c
}

// capacity says that nothing colder can be asked for, and it is not enough.
func capacity(in Input, seen sight, s State) condition {
	coldest := len(in.ACs) > 0
	for _, ac := range in.ACs {
		told := ac.Desired
		if told == 0 {
			told = ac.Auto
		}
		coldest = coldest && told != 0 && told <= ac.Limits.Min
	}
	hot := seen.fresh > 0 && seen.inlet >= in.Policy.High
	return condition{
		kind: KindCapacity, severity: wire.SeverityCritical, holdsFor: coldestFor, clearsAfter: clearFor,
		holds:    coldest && hot && s.slope(in, seen) >= 0,
		clears:   seen.fresh > 0 && seen.inlet < in.Policy.High-highHysteresis,
		evidence: fmt.Sprintf("inlet %.1f °C does not fall although every machine is at its coldest: cooling capacity is short", seen.inlet),
		over:     fmt.Sprintf("inlet %.1f °C", seen.inlet),
	}
}

func stale(in Input, seen sight, s State) condition {
	quiet := silent(in, s)
	return condition{
		kind: KindStale, severity: wire.SeverityHigh, clearsAfter: backFor,
		holds: seen.fresh == 0 && quiet > in.Policy.StaleAfter.D(), clears: seen.fresh > 0,
		evidence: fmt.Sprintf("no good reading of %d sensors for %s", len(in.Sensors), round(quiet)),
		over:     fmt.Sprintf("%d of %d sensors are back", seen.fresh, len(in.Sensors)),
	}
}

// sensorSilent waits StaleAfter: a bad reading may be a hiccup, and one that never spoke may still begin.
func sensorSilent(in Input, seen sight, sensor int) condition {
	c := condition{
		kind: KindSensor, item: strconv.Itoa(sensor), severity: wire.SeverityWarning,
		holdsFor: in.Policy.StaleAfter.D(), clearsAfter: backFor,
		holds: !seen.good[sensor], clears: seen.good[sensor],
		over: fmt.Sprintf("sensor %d is back", sensor),
	}
	at := slices.IndexFunc(in.Readings, func(r Reading) bool { return r.Sensor == sensor })
	switch {
	case at < 0:
		c.evidence = fmt.Sprintf("sensor %d has not been heard", sensor)
	case in.Now.Sub(in.Readings[at].At) > in.Policy.StaleAfter.D():
		c.evidence = fmt.Sprintf("sensor %d is silent for %s", sensor, round(in.Now.Sub(in.Readings[at].At)))
		c.holdsFor = 0 // it has been silent for StaleAfter already
	default:
		c.evidence = fmt.Sprintf("sensor %d gives bad readings (%.1f °C)", sensor, in.Readings[at].Celsius)
	}
	return c
}
