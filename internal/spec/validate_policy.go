package spec

import "time"

// Validate refuses a policy that no room can be cooled by, with all its faults at once. Errors: Problems, which
// are ErrInvalid ones.
func (p Policy) Validate() error {
	c := &check{}
	c.policy("policy", p)
	return c.problems.Err()
}

func (c *check) policy(path string, p Policy) {
	c.band(path, p)
	low := c.degrees(path+".setpoint-min", "setpoint-min", p.SetpointMin)
	high := c.degrees(path+".setpoint-max", "setpoint-max", p.SetpointMax)
	switch {
	case !low || !high:
	case p.SetpointMin >= p.SetpointMax:
		c.add(path+".setpoint-min", "setpoint-min is %d °C, but setpoint-max is %d °C: setpoint-min must be lower", p.SetpointMin, p.SetpointMax)
	default:
		c.whole(path+".setpoint-start", "setpoint-start", p.SetpointStart, p.SetpointMin, p.SetpointMax, " °C")
		c.whole(path+".fail-cold", "fail-cold", p.FailCold, p.SetpointMin, p.SetpointMax, " °C")
	}
	c.whole(path+".up-step", "up-step", p.UpStep, 1, 3, " °C")
	c.whole(path+".down-step", "down-step", p.DownStep, 1, 5, " °C")
	c.whole(path+".fast-down-step", "fast-down-step", p.FastDownStep, 1, 10, " °C")
	c.whole(path+".resend-most", "resend-most", p.ResendMost, 0, 10, "")

	const day = 24 * time.Hour
	c.duration(path+".up-every", "up-every", p.UpEvery, time.Second, day)
	c.duration(path+".down-every", "down-every", p.DownEvery, time.Second, day)
	c.duration(path+".fast-down-every", "fast-down-every", p.FastDownEvery, time.Second, day)
	c.duration(path+".sample-every", "sample-every", p.SampleEvery, 100*time.Millisecond, time.Hour)
	c.duration(path+".evidence-window", "evidence-window", p.EvidenceWindow, time.Second, time.Hour)
	c.duration(path+".refresh-every", "refresh-every", p.RefreshEvery, time.Second, day)
	// The control loop renews a lease each minute; a lease that lives shorter would run out in between.
	c.duration(path+".lease-ttl", "lease-ttl", p.LeaseTTL, 2*time.Minute, day)
	c.duration(path+".command-every", "command-every", p.CommandEvery, 0, time.Hour)
	c.duration(path+".override-most", "override-most", p.OverrideMost, time.Minute, 30*day)
	if p.StaleAfter < 3*p.SampleEvery || p.StaleAfter.D() > day {
		c.add(path+".stale-after", "stale-after is %s, but it must be from 3 times sample-every (%s) to 24h",
			short(p.StaleAfter.D()), short(3*p.SampleEvery.D()))
	}
}

// band checks the temperatures at the inlet. Class A4, the widest of ASHRAE TC 9.9, ends at 45 °C.
func (c *check) band(path string, p Policy) {
	steps := []struct {
		key   string
		value float64
	}{
		{"band-low", p.BandLow}, {"band-high", p.BandHigh}, {"warn", p.Warn}, {"high", p.High}, {"critical", p.Critical},
	}
	for i, step := range steps {
		if !(step.value >= 10 && step.value <= 45) {
			c.add(path+"."+step.key, "%s is %v °C, but it must be from 10 to 45 °C", step.key, step.value)
			continue
		}
		if i > 0 && steps[i-1].value >= step.value {
			c.add(path+"."+step.key, "%s is %v °C, but %s is %v °C: the order is band-low < band-high < warn < high < critical",
				step.key, step.value, steps[i-1].key, steps[i-1].value)
		}
	}
	if !(p.FastDownAbove >= p.BandHigh && p.FastDownAbove <= 45) {
		c.add(path+".fast-down-above", "fast-down-above is %v °C, but it must be from band-high (%v °C) to 45 °C", p.FastDownAbove, p.BandHigh)
	}
}
