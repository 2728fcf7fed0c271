package spec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Field is one line of the table of a policy's numbers. The compose parser, Validate, the command line and
// docs/policy.md read the same table.
type Field struct {
	Key  string // as specifications spell it: band-low; in JSON band_low
	Unit string // °C, K, %, … ; empty for durations and words, which bring their own
	// To is where it stands in the policy: a *float64, *int, *Duration or *string.
	To any
	// Least and Most bound it, both included; durations count in seconds. Words have Words instead.
	Least, Most float64
	Words       []string
	Means       string // one sentence, or half of one
}

// Fields is the table, over one policy, in the order in which a person would read it.
func (p *Policy) Fields() []Field {
	const day = 24 * time.Hour
	table := p.band()
	table = append(table, p.steps(day)...)
	table = append(table, p.bounds(day)...)
	table = append(table, p.machines(day)...)
	return append(table, p.alerts(day)...)
}

func number(key, unit string, to *float64, least, most float64, means string) Field {
	return Field{Key: key, Unit: unit, To: to, Least: least, Most: most, Means: means}
}

func whole(key, unit string, to *int, least, most int, means string) Field {
	return Field{Key: key, Unit: unit, To: to, Least: float64(least), Most: float64(most), Means: means}
}

func span(key string, to *Duration, least, most time.Duration, means string) Field {
	return Field{Key: key, To: to, Least: least.Seconds(), Most: most.Seconds(), Means: means}
}

func word(key string, to *string, means string, words ...string) Field {
	return Field{Key: key, To: to, Means: means, Words: words}
}

// Least and most inlet temperatures that a policy may name: class A4, the widest of ASHRAE TC 9.9, ends at 45 °C.
const leastInlet, mostInlet = 10, 45

func (p *Policy) band() []Field {
	return []Field{
		number("band-low", "°C", &p.BandLow, leastInlet, mostInlet, "the target band at the inlets begins here: a mean below it for up-every makes the room warmer"),
		number("band-high", "°C", &p.BandHigh, leastInlet, mostInlet, "the target band ends here: a mean above it makes the room colder"),
		number("warn", "°C", &p.Warn, leastInlet, mostInlet, "alert warm; and what no single inlet may reach for long: see hot-margin"),
		number("high", "°C", &p.High, leastInlet, mostInlet, "alert high, and an emergency after high-for"),
		number("critical", "°C", &p.Critical, leastInlet, mostInlet, "alert critical, and an emergency at once; at most what the class allows"),
		whole("setpoint-min", "°C", &p.SetpointMin, coldestSetpoint, warmestSetpoint, "never colder"),
		whole("setpoint-max", "°C", &p.SetpointMax, coldestSetpoint, warmestSetpoint, "never warmer"),
		whole("setpoint-start", "°C", &p.SetpointStart, coldestSetpoint, warmestSetpoint, "told when tuning begins and nothing is known; from setpoint-min to setpoint-max"),
		whole("fail-cold", "°C", &p.FailCold, coldestSetpoint, warmestSetpoint, "told when no sensor can be trusted; from setpoint-min to setpoint-max"),
	}
}

func (p *Policy) steps(day time.Duration) []Field {
	return []Field{
		whole("up-step", "K", &p.UpStep, 1, 3, "one step warmer"),
		span("up-every", &p.UpEvery, time.Second, day, "at least between a change and a step warmer"),
		whole("down-step", "K", &p.DownStep, 1, 5, "one step colder"),
		span("down-every", &p.DownEvery, time.Second, day, "at least between two steps colder"),
		span("down-after", &p.DownAfter, 0, time.Hour, "the mean must be above the band this long before a step colder: longer than half a swing of a compressor that is switched on and off"),
		number("hot-margin", "K", &p.HotMargin, -10, 10, "the mean of the warmest trusted inlet is kept this much below warn, but not below the middle of the band: colder above it, and no step warmer that would lead there; a sensor may be wrong by 0.5 K and shows steps of 0.1 K"),
		number("fast-down-above", "°C", &p.FastDownAbove, leastInlet, mostInlet, "an inlet above it for fast-down-after makes the room colder by fast-down-step; at least band-high"),
		span("fast-down-after", &p.FastDownAfter, 0, time.Hour, "longer than the swing of a compressor that is switched on and off stays there"),
		whole("fast-down-step", "K", &p.FastDownStep, 1, 10, "one fast step colder"),
		span("fast-down-every", &p.FastDownEvery, time.Second, day, "at least between two fast steps"),
		span("high-for", &p.HighFor, 0, 15*time.Minute, "an inlet at or above high this long is an emergency"),
		number("high-hysteresis", "K", &p.HighHysteresis, 0.2, 5, "an emergency, and the alerts high, critical, hot-spot and capacity, end this much below high (critical)"),
		span("cool-for", &p.CoolFor, 0, time.Hour, "and an emergency only after this long: twice the lag of a DHT22 in its case"),
		word("optimiser", &p.Optimiser, "the optimiser does nothing, says what it would do, or leads the steps inside the rules' bounds", OptimiserOff, OptimiserAdvise, OptimiserOn),
		number("optimiser-sure", "", &p.OptimiserSure, 0.05, 1, "advice that is less sure than this is not followed (0 to 1)"),
		span("advice-for", &p.AdviceFor, time.Second, day, "advice that is older than this is not followed"),
		number("advice-margin", "K", &p.AdviceMargin, 0, 5, "advice makes the room warmer only while the mean is this much below band-high; the room for a step itself is hot-margin's affair"),
	}
}

func (p *Policy) bounds(day time.Duration) []Field {
	return []Field{
		word("class", &p.Class, "the ASHRAE TC 9.9 (2021) class of what stands in the room; left out: the narrowest of A1 to A4 that allows critical", "A1", "A2", "A3", "A4", "H1"),
		number("humidity-most", "% relative", &p.HumidityMost, 0, 100, "above it: alert humid, and no warmer; 0: the class's"),
		number("dew-point-least", "°C", &p.DewPointLeast, -40, 20, "below it: alert dry; 0: the class's"),
		number("dew-point-most", "°C", &p.DewPointMost, 0, 30, "above it: alert dew-point, and no warmer; 0: the class's"),
		number("rate-most", "K in 15 min", &p.RateMost, 0, 30, "faster: alert rate, and no warmer; 0: the class's"),
		number("rate-hour", "K in an hour", &p.RateHour, 0, 60, "faster: alert rate, and no warmer; 0: the class's (tape drives: 5)"),
		span("time-to-critical", &p.TimeToCritical, 0, day, "never so warm that the inlets would reach critical sooner once all cooling is lost; 0: no bound"),
	}
}

func (p *Policy) machines(day time.Duration) []Field {
	return []Field{
		whole("commands-an-hour", "", &p.CommandsHour, 1, 60, "of the rules, to each machine in any hour; urgent ones are not counted and never held back"),
		span("min-run", &p.MinRun, 0, time.Hour, "a compressor that has just started is not told a warmer setpoint for this long"),
		span("min-off", &p.MinOff, 0, time.Hour, "one that has just stopped is not told a colder one, unless fast or urgently"),
		whole("lead", "machines", &p.Lead, 0, 16, "carry the room while they suffice; the others lag; 0: all lead"),
		whole("lag-offset", "K", &p.LagOffset, 0, 10, "lagging machines are told this much more"),
		span("swap-every", &p.SwapEvery, 0, 365*day, "leading and lagging machines change places each time this has passed on the clock; 0: never"),
		span("release-after", &p.ReleaseAfter, 0, 7*day, "lagging machines that were called in stay at least this long, unless the room is below its band"),
		span("sample-every", &p.SampleEvery, 100*time.Millisecond, time.Hour, "the edge's sampling interval"),
		span("stale-after", &p.StaleAfter, 0, day, "a reading that is older is no reading; at least 3 times sample-every"),
		span("evidence-window", &p.EvidenceWindow, time.Second, time.Hour, "to wait for a confirmation before a command is sent again"),
		whole("resend-most", "times", &p.ResendMost, 0, 10, "a command is sent again, then alert unconfirmed"),
		span("refresh-every", &p.RefreshEvery, time.Second, day, "the edge repeats its last full state"),
		// The control loop renews a lease each minute; one that lives shorter would run out in between.
		span("lease-ttl", &p.LeaseTTL, 2*time.Minute, day, "no lease from the control loop for this long: the edge fails cold"),
		span("command-every", &p.CommandEvery, 0, time.Hour, "the edge's least pause before a machine is made warmer again"),
		span("override-most", &p.OverrideMost, time.Minute, 30*day, "the longest override by a person"),
	}
}

func (p *Policy) alerts(day time.Duration) []Field {
	return []Field{
		span("warm-for", &p.WarmFor, 0, time.Hour, "alert warm after this long"),
		number("warm-hysteresis", "K", &p.WarmHysteresis, 0, 5, "and it ends this much below warn"),
		span("spot-for", &p.SpotFor, 0, time.Hour, "alert hot-spot when one inlet is at or above high this long, while the median is below"),
		span("rising-for", &p.RisingFor, 0, time.Hour, "alert rising after this long"),
		span("rising-within", &p.RisingWithin, 0, 6*time.Hour, "alert rising when critical is nearer than this at the present slope; 0: never"),
		span("idle-for", &p.IdleFor, 0, time.Hour, "alert no-cooling when no compressor runs this long (by their meters) while the air rises above what it was within the hour"),
		span("coldest-for", &p.ColdestFor, 0, time.Hour, "alert capacity when all machines are at their coldest this long and the inlet is at or above high and not falling"),
		span("humid-for", &p.HumidFor, 0, day, "alerts humid, dry and dew-point after this long"),
		number("family-most", "K", &p.FamilyMost, 0, 20, "alert out-of-family when a sensor departs this much more than usual from the others' median; 0: never"),
		span("family-for", &p.FamilyFor, 0, day, "and that for this long"),
		span("clear-for", &p.ClearFor, 0, time.Hour, "an alert ends when its cause is gone this long"),
		span("back-for", &p.BackFor, 0, time.Hour, "alerts stale and sensor end when readings are good this long"),
		span("say-again", &p.SayAgain, time.Minute, 7*day, "an alert that lasts is said again"),
		span("say-warning-again", &p.SayWarningAgain, time.Minute, 30*day, "a warning that lasts is said again"),
	}
}

// JSON is its name in JSON.
func (f Field) JSON() string { return strings.ReplaceAll(f.Key, "-", "_") }

// String is its value with its unit.
func (f Field) String() string {
	switch to := f.To.(type) {
	case *float64:
		return f.with(strconv.FormatFloat(*to, 'g', -1, 64))
	case *int:
		return f.with(strconv.Itoa(*to))
	case *Duration:
		return short(to.D())
	case *string:
		return *to
	}
	return ""
}

// Range is what it may be, in words.
func (f Field) Range() string {
	if len(f.Words) > 0 {
		return "one of " + strings.Join(f.Words, ", ")
	}
	return "from " + f.bound(f.Least) + " to " + f.with(f.bound(f.Most))
}

func (f Field) bound(value float64) string {
	if _, isSpan := f.To.(*Duration); isSpan {
		return short(time.Duration(value * float64(time.Second)).Round(time.Millisecond))
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

func (f Field) with(text string) string {
	if f.Unit == "" {
		return text
	}
	return text + " " + f.Unit
}

// inside says whether the value keeps the range; NaN does not.
func (f Field) inside() bool {
	var value float64
	switch to := f.To.(type) {
	case *float64:
		value = *to
	case *int:
		value = float64(*to)
	case *Duration:
		value = to.D().Seconds()
	case *string:
		for _, known := range f.Words {
			if *to == known {
				return true
			}
		}
		return false
	}
	return value >= f.Least && value <= f.Most
}

// Set reads a value as a person writes it ("26.5", "15m") into the field with a key, in either spelling. The policy's
// other fields stay, and whether the whole then makes sense is for Validate to say.
func (p *Policy) Set(key, text string) error {
	key = strings.ReplaceAll(key, "_", "-")
	var known []string
	for _, f := range p.Fields() {
		if f.Key == key {
			return f.set(strings.TrimSpace(text))
		}
		known = append(known, f.Key)
	}
	if key == "time-zone" {
		p.TimeZone = strings.TrimSpace(text)
		return nil
	}
	return fmt.Errorf("a policy has no %q%s", key, Suggest(key, append(known, "time-zone")))
}

func (f Field) set(text string) error {
	var err error
	switch to := f.To.(type) {
	case *float64:
		var value float64
		if value, err = strconv.ParseFloat(text, 64); err == nil {
			*to = value
		}
	case *int:
		var value int
		if value, err = strconv.Atoi(text); err == nil {
			*to = value
		}
	case *Duration:
		var value Duration
		if err = value.UnmarshalText([]byte(text)); err == nil {
			*to = value
		}
	case *string:
		*to = text
	}
	if err != nil {
		return fmt.Errorf("%s cannot be %q: it must be %s", f.Key, text, f.Range())
	}
	return nil
}
