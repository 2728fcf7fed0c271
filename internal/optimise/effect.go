package optimise

import "math"

// Effect is what has been learned of what a setpoint costs. Its zero value knows nothing.
type Effect struct {
	slope     float64 // change of the logarithm of the coolers' power for each K of inlet that lasts
	deviation float64 // of slope
	gain      float64 // K of inlet for each K of setpoint; zero: nothing is known
}

// Effect is what the model knows of that; not before it has said anything at all (see Advise).
func (m *Model) Effect() Effect {
	if m.power.blocks < leastBlocks || !between(m.inlet.gain, 0.1, 1.5) {
		return Effect{}
	}
	slope, deviation := m.power.slope()
	if !between(slope, -1, 1) || !between(deviation, 0, 10) {
		return Effect{}
	}
	return Effect{slope, deviation, m.inlet.gain}
}

// Known says whether At can answer.
func (e Effect) Known() bool { return e.gain > 0 }

// mostApart is how far from what was lived through the coolers' power is still spoken of, K of setpoint. Beyond, it is
// taken to be as at this distance.
const mostApart = 8

// At is what coolers that draw some power now would draw with setpoints that are by some K higher, W, once the room had
// settled, and its deviation. The change of the power of the servers' fans at an inlet is part of it where the load is
// known (not NaN).
func (e Effect) At(coolersW, loadW, inlet, byKelvin float64) (watts, deviation float64) {
	warmer := e.gain * max(-mostApart, min(mostApart, byKelvin))
	watts = coolersW * math.Exp(e.slope*warmer)
	deviation = watts * math.Abs(warmer) * e.deviation
	if between(loadW, 1, 1e7) && between(inlet, -10, 60) {
		watts += loadW * (fans(inlet+warmer)/fans(inlet) - 1)
	}
	return watts, deviation
}
