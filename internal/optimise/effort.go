package optimise

import "math"

// mostMachines is how many machines of a room are watched one by one; others count as their mean.
const mostMachines = 8

// idlePart of the most that a machine drew lately, or less: it only blows.
const idlePart = 0.15

// machine is how one machine was seen to work.
type machine struct {
	most  float64 // W lately
	usual float64 // W while it runs, lately
	mean  float64 // W of the last hours
	on    float64 // s in this block
	ran   float64 // J in this block while on
}

// watch takes in the power of one machine for dt seconds.
func (a *machine) watch(watts, dt float64) {
	a.most = max(watts, a.most*math.Exp(-dt/(48*3600)))
	a.mean += (watts - a.mean) * share(a.mean, dt/3600, 2)
	if watts < idlePart*a.most {
		return
	}
	a.on += dt
	a.ran += dt * watts
}

// finish ends the block and says how long the machine ran.
func (a *machine) finish() (on float64) {
	on = a.on
	if a.on > 60 {
		w := a.ran / a.on
		a.usual += (w - a.usual) * share(a.usual, a.on/3600, 6)
	}
	a.on, a.ran = 0, 0
	return on
}

// effort is how hard the machines worked in a block: the logarithm of the time they ran (fixed speed), or how far the
// inlet is above their setpoint (inverters).
type effort struct {
	known    bool
	switches bool // fixed speed
	value    float64
}

func (b *block) effort(m mean) effort {
	var ran, full float64
	cycles, works := false, false
	for i := range b.machines {
		a := &b.machines[i]
		if a.most == 0 {
			continue
		}
		on := a.finish()
		ran += on * a.usual
		full += b.span * a.usual
		works = works || on > 0.95*b.span
		cycles = cycles || between(on, 0.05*b.span, 0.95*b.span)
	}
	switch {
	case full == 0 || ran < 0.02*full:
		return effort{}
	case cycles:
		return effort{known: true, switches: true, value: math.Log(ran / full)}
	case !works:
		return effort{}
	}
	return effort{known: true, value: m.inlet - m.setpoint}
}

// The features by which the power at a given effort is explained: the effort of machines that switch is one of them; that
// of inverters, in which some run at full power or rest while others modulate, is a line through knots.
const (
	gInlet = iota
	gOutdoor
	gSin
	gCos
	gLevel
	gEffort
	gKnots = gLevel // the first of them; they are the last features
)

// knots of an inverter's effort, K from where it was first seen.
func knots() [7]float64 { return [...]float64{-1.2, -0.7, -0.3, 0, 0.3, 0.7, 1.2} }

// What turns a slope at a given effort into one at a given load. A machine gives 2 % more for each K of warmer air
// (reference 3.1; 1.2 to 2 for the DX curve of 2.3), and a room warmer by 1 K takes in about 1 % less heat from around it
// (3.2: 0.3 to 2 W/K for each m²); 1.1 is how power grows with effort.
const (
	lessEffort          = -(0.02 + 0.007)
	lessEffortDeviation = 0.007
)

// works is what has been learned of the power at a given effort. Stored heat and the load's changes, which hide what lasts
// from the plain regression for days, do not matter to it.
type works struct {
	filter filter
	blocks int
	middle float64 // effort that others are measured against
}

func (k *works) begin(e effort, noise float64) {
	*k = works{middle: e.value}
	mean := vector{gOutdoor: 0.014}
	deviation := vector{gInlet: 0.03, gOutdoor: 0.006, gSin: 0.03, gCos: 0.03}
	if e.switches {
		mean[gEffort], deviation[gEffort], deviation[gLevel] = 1, 0.15, 0.2
		k.filter.begin(mean, deviation, noise, 0)
		return
	}
	for i, z := range knots() {
		mean[gKnots+i] = z
	}
	k.filter.begin(mean, deviation, noise, 0)
	for i, a := range knots() {
		for j, b := range knots() {
			v := 0.2*0.2 + 0.6*0.6*a*b
			if a*b > 0 {
				v += 0.3 * 0.3 * min(math.Abs(a), math.Abs(b))
			}
			k.filter.p[gKnots+i][gKnots+j] += v
		}
	}
}

// place puts an effort between its knots.
func place(h *vector, z float64) {
	k := knots()
	last := len(k) - 1
	z = min(max(z, k[0]), k[last])
	for i := range last {
		if z <= k[i+1] {
			part := (z - k[i]) / (k[i+1] - k[i])
			h[gKnots+i], h[gKnots+i+1] = 1-part, part
			return
		}
	}
}

func (k *works) learn(b mean, scale, hours float64) {
	e := b.effort
	if !e.known || b.moved || !(b.watts > 0) {
		return
	}
	if k.blocks == 0 {
		k.begin(e, 0.01*0.01)
	}
	k.blocks++
	h := vector{gInlet: b.inlet - 24}
	wander := vector{0.0003, 0.0003, 0.001, 0.001}
	if e.switches {
		h[gLevel], h[gEffort] = 1, e.value-k.middle
		wander[gLevel], wander[gEffort] = 0.003, 0.002
	} else {
		place(&h, e.value-k.middle)
		for i := gKnots; i < features; i++ {
			wander[i] = 0.002
		}
	}
	if finite(b.outdoor) {
		h[gOutdoor] = b.outdoor - 25
	} else {
		angle := 2 * math.Pi * float64(b.at.Unix()%86400) / 86400
		h[gSin], h[gCos] = math.Sincos(angle)
	}
	f := &k.filter
	f.drift(&wander, hours)
	y := math.Log(b.watts / scale)
	expected, variance := f.predict(&h)
	miss := y - expected
	if k.blocks > 4 && miss*miss > 16*(variance+f.noise) {
		return
	} else {
		f.noise += max(0.05, 1/float64(k.blocks+2)) * (max(miss*miss-variance/2, 0) - f.noise)
		f.noise = min(max(f.noise, 0.002*0.002), 0.1*0.1)
	}
	f.update(&h, y, f.noise)
}

// slope is the change of the logarithm of the coolers' power for each K of inlet at an unchanged load, and its deviation;
// a deviation of 1 when it is not known.
func (k *works) slope() (mean, deviation float64) {
	f := &k.filter
	if k.blocks < 8 || f.noise > 0.05*0.05 {
		return 0, 1
	}
	return f.x[gInlet] + lessEffort, math.Sqrt(f.p[gInlet][gInlet] + lessEffortDeviation*lessEffortDeviation)
}
