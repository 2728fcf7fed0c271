package optimise

import (
	"math"
	"time"
)

// Blocks are what the optimiser learns from: means over at least shortBlock, ended at a compressor's start so that whole
// cycles are averaged (fixed-speed machines switch each 8 to 20 minutes; reference 2.2), and at longBlock at the latest.
const (
	shortBlock = 20 * time.Minute
	longBlock  = 30 * time.Minute
	// smoothing of the inlet before peaks and slopes are taken: twice the lag of a bare probe, half that of noise.
	smoothing = time.Minute
	// levelling of the inlet before the most of it is taken: as the rules smooth what they judge by.
	levelling = 5 * time.Minute
	// settling is how long a block is disturbed by a new setpoint: machines rest or run at full load, and servers give off
	// or store heat.
	settling = 15 * time.Minute
)

// sight is an observation with what is impossible taken out.
type sight struct {
	at             time.Time
	inlet, hottest float64
	setpoint       float64 // mean of the known
	watts          float64 // of all machines; NaN: not known
	load, outdoor  float64 // NaN: not known
	lost           bool
	machines       [mostMachines]float64 // W; NaN: not known
}

// look checks an observation; false: nothing can be learned from it.
func look(o Observation) (sight, bool) {
	if o.Fresh <= 0 || !between(o.Inlet, -10, 60) || o.At.IsZero() || len(o.Machines) == 0 {
		return sight{}, false
	}
	s := sight{
		at: o.At, inlet: o.Inlet, hottest: o.Inlet,
		watts: math.NaN(), load: math.NaN(), outdoor: math.NaN(),
	}
	if between(o.Hottest, o.Inlet, 60) {
		s.hottest = o.Hottest
	}
	if between(o.LoadW, 1, 1e7) {
		s.load = o.LoadW
	}
	if between(o.OutdoorC, -60, 60) {
		s.outdoor = o.OutdoorC
	}
	var known, metered, watts float64
	for i := range s.machines {
		s.machines[i] = math.NaN()
	}
	for i, ac := range o.Machines {
		s.lost = s.lost || ac.Lost
		if ac.Setpoint > 0 && ac.Setpoint < 50 {
			known++
			s.setpoint += float64(ac.Setpoint)
		}
		if between(ac.Watts, 0, 1e6) {
			metered++
			if i < mostMachines {
				s.machines[i] = ac.Watts
			}
			watts += ac.Watts
		}
	}
	if known == 0 {
		return sight{}, false
	}
	s.setpoint /= known
	if metered > 0 { // machines without a meter are taken to be like those with one
		s.watts = watts * float64(len(o.Machines)) / metered
	}
	return s, true
}

// block gathers one block.
type block struct {
	last      time.Time
	began     time.Time
	span      float64 // s
	inlet, sp float64 // sums of value times seconds
	watts     float64
	load, out float64
	noWatts   float64 // s without the value
	noLoad    float64
	noOut     float64
	lost      bool
	smooth    float64 // °C, the inlet smoothed
	warm      float64 // °C, the hottest inlet smoothed as the rules do
	started   bool    // smooth means something
	first     float64 // smooth at the beginning
	peak      float64 // K: most of warm above the setpoint, and offset, while nothing has changed
	mostW     float64 // most and least of the power in this and the last block
	leastW    float64
	high      bool    // the power is in its upper half
	told      float64 // °C, the last setpoint
	calm      float64 // s since it changed
	moved     bool
	machines  [mostMachines]machine
}

// add takes in what was seen for gap; true: the block is finished.
func (b *block) add(s sight, gap time.Duration) bool {
	dt := gap.Seconds()
	b.last = s.at
	if !b.started {
		b.smooth, b.warm, b.started = s.inlet, s.hottest, true
		b.first = b.smooth
	}
	if b.span == 0 {
		b.began = s.at.Add(-gap)
	}
	b.smooth += weight(dt, smoothing) * (s.inlet - b.smooth)
	b.warm += weight(dt, levelling) * (s.hottest - b.warm)
	b.span += dt
	if b.calm += dt; s.setpoint != b.told {
		b.told, b.calm = s.setpoint, 0
	}
	b.moved = b.moved || b.calm < settling.Seconds()
	b.inlet += dt * s.inlet
	b.sp += dt * s.setpoint
	b.lost = b.lost || s.lost
	sum(&b.load, &b.noLoad, s.load, dt)
	sum(&b.out, &b.noOut, s.outdoor, dt)
	if b.calm >= settling.Seconds() {
		b.peak = max(b.peak, b.warm-s.setpoint+offset)
	}
	for i, w := range s.machines {
		if !math.IsNaN(w) {
			b.machines[i].watch(w, dt)
		}
	}
	return b.meter(s.watts, dt)
}

// offset keeps peaks above zero, the zero value of a block.
const offset = 100

// weight is that of a new value in an exponentially weighted mean.
func weight(dt float64, over time.Duration) float64 { return 1 - math.Exp(-dt/over.Seconds()) }

func sum(total, without *float64, v, dt float64) {
	if math.IsNaN(v) {
		*without += dt
		return
	}
	*total += dt * v
}

// meter adds the power and says whether this is a good moment to end the block: a compressor has just started.
func (b *block) meter(watts, dt float64) bool {
	sum(&b.watts, &b.noWatts, watts, dt)
	edge := false
	if !math.IsNaN(watts) {
		if b.mostW == 0 {
			b.mostW, b.leastW = watts, watts
		}
		b.mostW, b.leastW = max(b.mostW, watts), min(b.leastW, watts)
		cycles := b.mostW > 2*b.leastW
		high := watts > (b.mostW+b.leastW)/2
		edge = !cycles || (high && !b.high)
		b.high = high
	}
	long := b.span >= longBlock.Seconds()
	return long || (b.span >= shortBlock.Seconds() && (edge || math.IsNaN(watts)))
}

// mean is a finished block.
type mean struct {
	at            time.Time // its middle
	hours         float64   // its length
	inlet         float64   // °C
	setpoint      float64   // °C
	watts         float64   // of all machines; zero: not known
	load, outdoor float64   // NaN: not known
	rise          float64   // K/h from its beginning to its end
	hottest       float64   // K: most of the hottest inlet's level above the setpoint; below -offset/2: not known
	lost          bool
	cycles        bool
	effort        effort
	moved         bool // a setpoint changed in this block or shortly before
}

func (b *block) close() mean {
	m := mean{
		at: b.began.Add(b.last.Sub(b.began) / 2), hours: b.span / 3600, inlet: b.inlet / b.span, setpoint: b.sp / b.span,
		load: math.NaN(), outdoor: math.NaN(), rise: (b.smooth - b.first) / b.span * 3600,
		hottest: b.peak - offset, lost: b.lost, moved: b.moved, cycles: b.mostW > 2*b.leastW,
	}
	part := func(total, without float64) float64 {
		if without > b.span/2 {
			return math.NaN()
		}
		return total / (b.span - without)
	}
	m.load, m.outdoor = part(b.load, b.noLoad), part(b.out, b.noOut)
	if w := part(b.watts, b.noWatts); w > 0 { // false for NaN
		m.watts = w
	}
	m.effort = b.effort(m)
	return m
}

// next is the block after this one.
func (b *block) next() block {
	middle := (b.mostW + b.leastW) / 2
	n := block{last: b.last, smooth: b.smooth, warm: b.warm, started: b.started, first: b.smooth, high: b.high, told: b.told, calm: b.calm, machines: b.machines}
	// the range is forgotten by a third, so that it follows the machine's
	n.mostW, n.leastW = middle+(b.mostW-middle)*0.7, middle-(middle-b.leastW)*0.7
	return n
}
