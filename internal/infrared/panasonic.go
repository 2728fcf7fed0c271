package infrared

import (
	"bytes"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Panasonic is the 216-bit protocol of Panasonic's split air conditioners: a section of 8 bytes that is always the
// same and one of 19.
//
//	0 to 4: 02 20 E0 04 00 | 5: power (bit 0), mode (high nibble) | 6: °C (bits 1 to 5) | 7: 80
//	| 8: vane (low nibble), fan (high nibble) | 9: flap | 10 to 12: timers | 13 to 17: model | 18: sum of 0 to 17
//
// The models differ in a few bytes; ours are those of the JKE series (remote A75C3747), which are IRremoteESP8266's
// and HeatpumpIR's default. The CKP series (remote A75C2311) must not have this profile: its frames toggle the power
// instead of telling it. Layout, timing and vectors are facts known from IRremoteESP8266; the code is ours. The vane
// is sent as auto, timers and clock as none.
type Panasonic struct{}

const (
	panasonicMin     = 16 // °C
	panasonicMax     = 30
	panasonicFanOnly = 27 // °C; the only one that the remote says in mode fan
	panasonicOff     = 25 // °C that our off frame carries, as a recorded one does
)

func panasonicCodec() codec {
	return codec{
		carrierHz: 36_700, bitMark: 432, oneSpace: 1296, zeroSpace: 432,
		sections: []section{
			{header: []int{3456, 1728}, bits: 64, gap: 10_000},
			{header: []int{3456, 1728}, bits: 152},
		},
	}
}

func panasonicFirst() []byte { return []byte{0x02, 0x20, 0xE0, 0x04, 0, 0, 0, 0x06} }

// Name is "panasonic".
func (Panasonic) Name() string { return "panasonic" }

// Min is 16 °C.
func (Panasonic) Min() int { return panasonicMin }

// Max is 30 °C.
func (Panasonic) Max() int { return panasonicMax }

// Encode makes the frame; every frame says power too, so the previous state does not matter.
func (p Panasonic) Encode(state State, _ *State) (Frame, error) {
	state = state.WithDefaults()
	if !state.Power {
		state = State{Setpoint: panasonicOff, Mode: ModeCool, Fan: FanAuto}
	}
	if err := checkSetpoint(p.Name(), state.Setpoint, panasonicMin, panasonicMax); err != nil {
		return Frame{}, err
	}
	if state.Mode == ModeFan && state.Setpoint != panasonicFanOnly {
		return Frame{}, fmt.Errorf("%s remote: mode fan goes with %d °C only, not with %d °C: %w", p.Name(), panasonicFanOnly, state.Setpoint, fault.ErrInvalid)
	}
	mode, err := panasonicModes().say(p.Name(), "mode", state.Mode)
	if err != nil {
		return Frame{}, err
	}
	fan, err := panasonicFans().say(p.Name(), "fan", state.Fan)
	if err != nil {
		return Frame{}, err
	}
	second := []byte{
		0x02, 0x20, 0xE0, 0x04, 0x00, mode << 4, byte(state.Setpoint) << 1, 0x80, fan<<4 | 0x0F,
		0x00, 0x00, 0x0E, 0xE0, 0x00, 0x00, 0x81, 0x00, 0x00, 0,
	}
	if state.Power {
		second[5] |= 1
	}
	second[18] = sumOf(second[:18])
	return panasonicCodec().frame(append(panasonicFirst(), second...))
}

func panasonicModes() choices {
	return choices{{ModeAuto, 0}, {ModeDry, 2}, {ModeCool, 3}, {ModeHeat, 4}, {ModeFan, 6}}
}

// panasonicFans: 3 to 7 are the five speeds; the slowest is heard as low and the fastest as high.
func panasonicFans() choices {
	return choices{{FanAuto, 10}, {FanLow, 4}, {FanMedium, 5}, {FanHigh, 6}, {FanLow, 3}, {FanHigh, 7}}
}

// Decode reads a frame of any model but CKP. What other buttons set is not looked at.
func (p Panasonic) Decode(frame Frame) (State, Code, error) {
	data, err := panasonicCodec().decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	state, err := p.state(data)
	return state, hexCode(data), err
}

func (p Panasonic) state(data []byte) (State, error) {
	first, second := data[:8], data[8:]
	switch {
	case !bytes.Equal(first, panasonicFirst()) || !bytes.HasPrefix(second, first[:5]):
		return State{}, fmt.Errorf("%s remote: %s is no state: %w", p.Name(), hexCode(data), fault.ErrInvalid)
	case second[18] != sumOf(second[:18]):
		return State{}, fmt.Errorf("%s remote: the sum of %s is wrong: %w", p.Name(), hexCode(data), fault.ErrInvalid)
	case second[9] == 0 && second[13]&0x10 != 0 && second[15]&1 != 0:
		return State{}, fmt.Errorf("%s remote: %s is of the CKP series, which toggles the power instead of telling it: %w", p.Name(), hexCode(data), fault.ErrInvalid)
	case second[5]&1 == 0:
		return State{}, nil
	}
	setpoint := int(second[6] >> 1 & 0x1F)
	if err := checkSetpoint(p.Name(), setpoint, panasonicMin, panasonicMax); err != nil {
		return State{}, err
	}
	mode, err := panasonicModes().hear(p.Name(), "mode", second[5]>>4)
	if err != nil {
		return State{}, err
	}
	if mode == ModeFan {
		setpoint = panasonicFanOnly
	}
	fan, err := panasonicFans().hear(p.Name(), "fan", second[8]>>4)
	if err != nil {
		return State{}, err
	}
	return State{Power: true, Setpoint: setpoint, Mode: mode, Fan: fan}, nil
}
