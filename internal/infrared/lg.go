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
	lgSignature = 0x88
	lgOff       = 0x88C0051
	lgAlreadyOn = 1 << 15
	lgMin       = 16 // °C
	lgMax       = 30
)

// lgCodec has the 28 bits as three bytes and a half. The pause of 39750 µs after the frame is the sender's, not the
// frame's.
func lgCodec() codec {
	return codec{
		carrierHz: 38_000, bitMark: 550, oneSpace: 1600, zeroSpace: 550, msbFirst: true,
		sections: []section{{header: []int{8500, 4250}, bits: 28}},
	}
}

// Name is "lg".
func (LG) Name() string { return "lg" }

// Min is 16 °C.
func (LG) Min() int { return lgMin }

// Max is 30 °C.
func (LG) Max() int { return lgMax }

// Encode makes the frame. With an unknown or switched-off previous state the frame also switches on.
func (LG) Encode(state State, previous *State) (Frame, error) {
	return lgEncode("lg", lgCodec(), state, previous)
}

// Decode reads a heard frame: header, 28 bits, signature, sum.
func (LG) Decode(frame Frame) (State, Code, error) { return lgDecode("lg", lgCodec(), frame) }

func lgEncode(remote string, c codec, state State, previous *State) (Frame, error) {
	code, err := lgCode(remote, state.WithDefaults(), previous != nil && previous.Power)
	if err != nil {
		return Frame{}, err
	}
	frame, err := c.frame(lgBytes(code))
	frame.Code = lgText(code)
	return frame, err
}

func lgDecode(remote string, c codec, frame Frame) (State, Code, error) {
	data, err := c.decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	code := lgNumber(data)
	state, err := lgState(remote, code)
	return state, lgText(code), err
}

func lgBytes(code uint64) []byte {
	return []byte{byte(code >> 20), byte(code >> 12), byte(code >> 4), byte(code & 0xF)}
}

func lgNumber(data []byte) uint64 {
	return uint64(data[0])<<20 | uint64(data[1])<<12 | uint64(data[2])<<4 | uint64(data[3])
}

// lgText writes the 28 bits as one number.
func lgText(code uint64) Code { return Code(fmt.Sprintf("0x%07X", code)) }

func lgCode(remote string, state State, alreadyOn bool) (uint64, error) {
	if !state.Power {
		return lgOff, nil
	}
	if err := checkSetpoint(remote, state.Setpoint, lgMin, lgMax); err != nil {
		return 0, err
	}
	mode, err := lgModes().say(remote, "mode", state.Mode)
	if err != nil {
		return 0, err
	}
	fan, err := lgFans().say(remote, "fan", state.Fan)
	if err != nil {
		return 0, err
	}
	code := lgSignature<<20 | uint64(mode)<<12 | uint64(state.Setpoint-15)<<8 | uint64(fan)<<4
	if alreadyOn {
		code |= lgAlreadyOn
	}
	return code | lgSum(code), nil
}

func lgSum(code uint64) uint64 {
	var sum uint64
	for shift := 4; shift < 20; shift += 4 {
		sum += code >> shift & 0xF
	}
	return sum & 0xF
}

func lgModes() choices {
	return choices{{ModeCool, 0}, {ModeDry, 1}, {ModeFan, 2}, {ModeAuto, 3}, {ModeHeat, 4}}
}

// lgFans: 0 is the slowest speed. Remotes of some models also say 1 and 9 (low) and 10 (high).
func lgFans() choices {
	return choices{{FanAuto, 5}, {FanLow, 0}, {FanMedium, 2}, {FanHigh, 4}, {FanLow, 1}, {FanLow, 9}, {FanHigh, 10}}
}

func lgState(remote string, code uint64) (State, error) {
	switch {
	case code>>20 != lgSignature:
		return State{}, fmt.Errorf("%s remote: %s does not begin with 0x88: %w", remote, lgText(code), fault.ErrInvalid)
	case code&0xF != lgSum(code):
		return State{}, fmt.Errorf("%s remote: the sum of %s is wrong: %w", remote, lgText(code), fault.ErrInvalid)
	case code == lgOff:
		return State{}, nil
	case code>>16&0xF != 0:
		return State{}, fmt.Errorf("%s remote: %s is no state: %w", remote, lgText(code), fault.ErrInvalid)
	}
	setpoint := int(code>>8&0xF) + 15
	if err := checkSetpoint(remote, setpoint, lgMin, lgMax); err != nil {
		return State{}, err
	}
	mode, err := lgModes().hear(remote, "mode", byte(code>>12&7))
	if err != nil {
		return State{}, err
	}
	fan, err := lgFans().hear(remote, "fan", byte(code>>4&0xF))
	if err != nil {
		return State{}, err
	}
	return State{Power: true, Setpoint: setpoint, Mode: mode, Fan: fan}, nil
}
