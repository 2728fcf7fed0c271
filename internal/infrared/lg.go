package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// LG is the 28-bit protocol of LG's split air conditioners:
//
//	0x88 | power (2 bits at 18) | already on (bit 15) | mode (3 bits at 12) | °C-15 (4 bits at 8) | fan (4 bits at 4) | sum
//
// The sum is the low nibble of the sum of the four nibbles above it. "Off" is a frame of its own, without a
// temperature. Layout, timing and the off frame are facts known from IRremoteESP8266's documentation of the
// protocol; the code is ours.
type LG struct{}

const (
	lgCarrierHz = 38_000
	lgSignature = 0x88
	lgOff       = Code(0x88C0051)
	lgAlreadyOn = Code(1) << 15
	lgMin       = 16 // °C
	lgMax       = 30
)

// lgTiming is in microseconds; the gap of 39750 µs after the frame is the sender's pause, not the frame's.
func lgTiming() timing {
	return timing{headerMark: 8500, headerSpace: 4250, bitMark: 550, oneSpace: 1600, zeroSpace: 550, bits: 28}
}

// Name is "lg".
func (LG) Name() string { return "lg" }

// Min is 16 °C.
func (LG) Min() int { return lgMin }

// Max is 30 °C.
func (LG) Max() int { return lgMax }

// Encode makes the frame. With an unknown or switched-off previous state the frame also switches on.
func (LG) Encode(state State, previous *State) (Frame, error) {
	code, err := lgCode(state.WithDefaults(), previous != nil && previous.Power)
	if err != nil {
		return Frame{}, err
	}
	frame := Frame{CarrierHz: lgCarrierHz, Pulses: lgTiming().encode(code), Code: code}
	return frame, frame.Validate()
}

func lgCode(state State, alreadyOn bool) (Code, error) {
	if !state.Power {
		return lgOff, nil
	}
	if state.Setpoint < lgMin || state.Setpoint > lgMax {
		return 0, fmt.Errorf("lg remote: %d °C is outside its %d to %d °C: %w", state.Setpoint, lgMin, lgMax, fault.ErrInvalid)
	}
	mode, err := lgMode(state.Mode)
	if err != nil {
		return 0, err
	}
	fan, err := lgFan(state.Fan)
	if err != nil {
		return 0, err
	}
	code := Code(lgSignature)<<20 | mode<<12 | Code(state.Setpoint-15)<<8 | fan<<4
	if alreadyOn {
		code |= lgAlreadyOn
	}
	return code | lgSum(code), nil
}

func lgSum(code Code) Code {
	var sum Code
	for shift := 4; shift < 20; shift += 4 {
		sum += code >> shift & 0xF
	}
	return sum & 0xF
}

func lgMode(mode string) (Code, error) {
	switch mode {
	case ModeCool:
		return 0, nil
	case ModeDry:
		return 1, nil
	case ModeFan:
		return 2, nil
	case ModeAuto:
		return 3, nil
	case ModeHeat:
		return 4, nil
	default:
		return 0, fmt.Errorf("lg remote: mode %q is none of cool, dry, fan, auto, heat: %w", mode, fault.ErrInvalid)
	}
}

func lgFan(fan string) (Code, error) {
	switch fan {
	case FanLow:
		return 0, nil
	case FanMedium:
		return 2, nil
	case FanHigh:
		return 4, nil
	case FanAuto:
		return 5, nil
	default:
		return 0, fmt.Errorf("lg remote: fan %q is none of auto, low, medium, high: %w", fan, fault.ErrInvalid)
	}
}

// Decode reads a heard frame: header, 28 bits, signature, sum.
func (LG) Decode(frame Frame) (State, Code, error) {
	code, err := lgTiming().decode(frame.Pulses)
	if err != nil {
		return State{}, 0, err
	}
	state, err := lgState(code)
	return state, code, err
}

func lgState(code Code) (State, error) {
	switch {
	case code>>20 != lgSignature:
		return State{}, fmt.Errorf("lg remote: %s does not begin with 0x88: %w", code, fault.ErrInvalid)
	case code&0xF != lgSum(code):
		return State{}, fmt.Errorf("lg remote: the sum of %s is wrong: %w", code, fault.ErrInvalid)
	case code == lgOff:
		return State{}, nil
	case code>>18&3 != 0:
		return State{}, fmt.Errorf("lg remote: %s is no state: %w", code, fault.ErrInvalid)
	}
	state := State{Power: true, Setpoint: int(code>>8&0xF) + 15}
	if state.Setpoint < lgMin {
		return State{}, fmt.Errorf("lg remote: %s tells %d °C: %w", code, state.Setpoint, fault.ErrInvalid)
	}
	for _, mode := range []string{ModeCool, ModeDry, ModeFan, ModeAuto, ModeHeat} {
		if bits, err := lgMode(mode); err == nil && bits == code>>12&7 {
			state.Mode = mode
		}
	}
	for _, fan := range []string{FanAuto, FanLow, FanMedium, FanHigh} {
		if bits, err := lgFan(fan); err == nil && bits == code>>4&0xF {
			state.Fan = fan
		}
	}
	if state.Mode == "" || state.Fan == "" {
		return State{}, fmt.Errorf("lg remote: %s has an unknown mode or fan: %w", code, fault.ErrInvalid)
	}
	return state, nil
}
