package spec

import (
	"fmt"
	"time"
)

// Validate refuses a policy that no room can be cooled by, with all its faults at once. Errors: Problems, which
// are ErrInvalid ones.
func (p Policy) Validate() error {
	c := &check{}
	c.policy("policy", p)
	return c.problems.Err()
}

// policy checks each number by its line of the table, then what ties them to each other. Of those, the ones are passed
// over whose numbers are wrong already.
func (c *check) policy(path string, p Policy) {
	wrong := map[string]bool{}
	for _, f := range p.Fields() {
		if f.inside() {
			continue
		}
		wrong[f.Key] = true
		switch {
		case f.Key == "stale-after" || f.Key == "fast-down-above": // told below, with what they depend on
		case len(f.Words) > 0:
			c.word(path+"."+f.Key, f.Key, f.String(), f.Words...)
		default:
			c.add(path+"."+f.Key, "%s is %s, but it must be %s", f.Key, f, f.Range())
		}
	}
	c.order(path, p, wrong)
	c.setpoints(path, p, wrong)
	if p.StaleAfter < 3*p.SampleEvery || wrong["stale-after"] {
		c.add(path+".stale-after", "stale-after is %s, but it must be from 3 times sample-every (%s) to 24h",
			short(p.StaleAfter.D()), short(3*p.SampleEvery.D()))
	}
	if !(p.FastDownAbove >= p.BandHigh && p.FastDownAbove <= mostInlet) {
		c.add(path+".fast-down-above", "fast-down-above is %v °C, but it must be from band-high (%v °C) to %v °C", p.FastDownAbove, p.BandHigh, mostInlet)
	}
	if class, known := ClassOf(p.Class); known && !wrong["critical"] && p.Critical > class.Most {
		c.add(path+".critical", "critical is %v °C, but class %s allows at most %v °C at the inlets: lower it, or state the class of what stands there", p.Critical, class.Name, class.Most)
	}
	if bounds := p.Bounds(); bounds.DewPointLeast >= bounds.DewPointMost {
		c.add(path+".dew-point-least", "dew-point-least is %v °C, but dew-point-most is %v °C: dew-point-least must be lower", bounds.DewPointLeast, bounds.DewPointMost)
	}
	if p.Lead > 0 && !wrong["swap-every"] && p.SwapEvery > 0 && p.SwapEvery.D() < time.Hour {
		c.add(path+".swap-every", "swap-every is %s, but it must be 0s (never) or at least 1h: each change of places costs up to %d commands", short(p.SwapEvery.D()), 1+p.LagOffset)
	}
	c.schedule(path, p)
}

// order checks the temperatures at the inlet.
func (c *check) order(path string, p Policy, wrong map[string]bool) {
	steps := []struct {
		key   string
		value float64
	}{
		{"band-low", p.BandLow}, {"band-high", p.BandHigh}, {"warn", p.Warn}, {"high", p.High}, {"critical", p.Critical},
	}
	for i, step := range steps[1:] {
		if before := steps[i]; !wrong[step.key] && before.value >= step.value {
			c.add(path+"."+step.key, "%s is %v °C, but %s is %v °C: the order is band-low < band-high < warn < high < critical",
				step.key, step.value, before.key, before.value)
		}
	}
}

func (c *check) setpoints(path string, p Policy, wrong map[string]bool) {
	if wrong["setpoint-min"] || wrong["setpoint-max"] {
		return
	}
	if p.SetpointMin >= p.SetpointMax {
		c.add(path+".setpoint-min", "setpoint-min is %d °C, but setpoint-max is %d °C: setpoint-min must be lower", p.SetpointMin, p.SetpointMax)
		return
	}
	for _, one := range []struct {
		key   string
		value int
	}{{"setpoint-start", p.SetpointStart}, {"fail-cold", p.FailCold}} {
		if !wrong[one.key] {
			c.whole(path+"."+one.key, one.key, one.value, p.SetpointMin, p.SetpointMax, " °C")
		}
	}
}

// mostEntries bounds a schedule.
const mostEntries = 50

// schedule checks each entry by itself, and the policy that it makes. It may only narrow the setpoints: setpoint-min and
// setpoint-max are what machines, edges and emergencies go by at any hour.
func (c *check) schedule(path string, p Policy) {
	if !zoneName(p.TimeZone) {
		c.add(path+".time-zone", "time-zone is %q, but it must be a name of the IANA list, such as Asia/Seoul or Europe/Berlin", p.TimeZone)
	}
	if len(p.Schedule) > mostEntries {
		c.add(path+".schedule", "schedule has %d entries, but it must have at most %d", len(p.Schedule), mostEntries)
		return
	}
	if len(c.problems) > 0 && len(p.Schedule) > 0 {
		bare := p
		bare.Schedule = nil
		if bare.Validate() != nil {
			return // what it would make of a wrong policy says nothing
		}
	}
	for i, e := range p.Schedule {
		at := fmt.Sprintf("%s.schedule[%d]", path, i)
		for _, day := range e.Days {
			if weekday(day) < 0 {
				c.add(at+".days", "day %q is unknown%s: it must be one of %s", day, Suggest(day, dayNames()), "mon, tue, wed, thu, fri, sat, sun")
			}
		}
		for _, hour := range []struct{ key, text string }{{"from", e.From}, {"to", e.To}} {
			if _, ok := clockMinutes(hour.text); !ok {
				c.add(at+"."+hour.key, "%s is %q, but it must be a time of day from 00:00 to 24:00", hour.key, hour.text)
			}
		}
		if e.BandLow == nil && e.BandHigh == nil && e.SetpointMin == nil && e.SetpointMax == nil {
			c.add(at, "this entry changes nothing: state band-low, band-high, setpoint-min or setpoint-max")
		}
		c.entry(at, p, e)
	}
}

func (c *check) entry(at string, p Policy, e ScheduleEntry) {
	made := p.with(e)
	made.Schedule, made.TimeZone = nil, ""
	for _, limit := range []struct {
		key   string
		value *int
	}{{"setpoint-min", e.SetpointMin}, {"setpoint-max", e.SetpointMax}} {
		if limit.value != nil && (*limit.value < p.SetpointMin || *limit.value > p.SetpointMax) {
			c.add(at+"."+limit.key, "%s is %d °C, but a schedule must stay inside the policy's own setpoints, %d to %d °C",
				limit.key, *limit.value, p.SetpointMin, p.SetpointMax)
			return
		}
	}
	// Where the scheduled limits leave out start and fail-cold, the nearest end holds: they are no fault.
	made.SetpointStart = max(made.SetpointMin, min(made.SetpointMax, made.SetpointStart))
	made.FailCold = max(made.SetpointMin, min(made.SetpointMax, made.FailCold))
	sub := &check{}
	sub.policy(at, made)
	c.problems = append(c.problems, sub.problems...)
}
