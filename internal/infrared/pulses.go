package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// timing is a pulse-distance protocol with one header: each bit is a mark of fixed length and a space whose
// length is the bit. Microseconds.
type timing struct {
	headerMark, headerSpace int
	bitMark                 int
	oneSpace, zeroSpace     int
	bits                    int
}

// encode writes the bits, most significant first, and the closing mark.
func (t timing) encode(code Code) []int {
	pulses := make([]int, 0, 2*t.bits+3)
	pulses = append(pulses, t.headerMark, t.headerSpace)
	for bit := t.bits - 1; bit >= 0; bit-- {
		space := t.zeroSpace
		if code>>bit&1 == 1 {
			space = t.oneSpace
		}
		pulses = append(pulses, t.bitMark, space)
	}
	return append(pulses, t.bitMark)
}

// decode reads the bits back. What follows the closing mark (the gap and a repeat) is not looked at.
func (t timing) decode(pulses []int) (Code, error) {
	need := 2*t.bits + 3
	if len(pulses) < need {
		return 0, fmt.Errorf("infrared frame: %d entries, %d are needed: %w", len(pulses), need, fault.ErrInvalid)
	}
	if !near(pulses[0], t.headerMark) || !near(pulses[1], t.headerSpace) {
		return 0, fmt.Errorf("infrared frame: header %d/%d µs is not %d/%d: %w",
			pulses[0], pulses[1], t.headerMark, t.headerSpace, fault.ErrInvalid)
	}
	var code Code
	for i := 2; i < need-1; i += 2 {
		mark, space := pulses[i], pulses[i+1]
		switch {
		case !near(mark, t.bitMark):
			return 0, fmt.Errorf("infrared frame: mark %d of %d µs is no bit: %w", i, mark, fault.ErrInvalid)
		case near(space, t.oneSpace):
			code = code<<1 | 1
		case near(space, t.zeroSpace):
			code <<= 1
		default:
			return 0, fmt.Errorf("infrared frame: space %d of %d µs is no bit: %w", i+1, space, fault.ErrInvalid)
		}
	}
	if last := pulses[need-1]; !near(last, t.bitMark) {
		return 0, fmt.Errorf("infrared frame: closing mark of %d µs: %w", last, fault.ErrInvalid)
	}
	return code, nil
}

// near says that a heard length is the nominal one. A demodulating receiver lengthens marks and shortens
// spaces by up to about 100 µs, so the tolerance is a quarter and 50 µs.
func near(heard, nominal int) bool {
	slack := nominal/4 + 50
	return heard >= nominal-slack && heard <= nominal+slack
}
