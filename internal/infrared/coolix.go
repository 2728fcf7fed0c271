package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Coolix is the 24-bit protocol of many Midea, Beko, Tokio and other split air conditioners, sent high bit first, each
// byte followed by its inverse, and the whole twice:
//
//	0xB2 | fan (3 bits at 13) | 11111 (5 at 8) | °C (4 at 4) | mode (2 at 2) | 00
//
// The setpoint is a Gray code; 1110 in mode dry is mode fan. "Off" is a code of its own, 0xB27BE0; there is no power
// bit, and every other state switches on. Remotes with a "follow me" key also send 0xBA…: a state with the remote's own
// temperature in place of the five ones; that is heard as the state that it is.
//
// It is not wholly stateful: swing (0xB26BE0), sleep (0xB2E003), turbo, LED and clean (0xB5F5…) toggle and so are
// never sent; what a hand remote toggled stays. Mode fan has no setpoint: it is heard as 30 °C and said with 30 only.
// Midea's 48-bit protocol is another one. Layout, timing and vectors are facts from IRremoteESP8266's documentation and
// tests (ir_Coolix); the code is ours.
type Coolix struct{}

const (
	coolixMin      = 17 // °C
	coolixMax      = 30
	coolixOff      = 0xB27BE0
	coolixState    = 0xB2
	coolixFollow   = 0xBA
	coolixNoSensor = 31
	coolixFanTemp  = 14 // with mode dry: mode fan
	coolixFanAuto  = 5
	coolixFanAuto0 = 0 // auto in modes dry and auto, where the remote does not say 5
)

func coolixCodec() codec {
	return codec{
		carrierHz: 38_000, bitMark: 552, oneSpace: 1656, zeroSpace: 552, msbFirst: true,
		sections: []section{{header: []int{4692, 4416}, bits: 6 * 8}},
		copies:   2, copyGap: 5244,
	}
}

func coolixModes() choices {
	return choices{{ModeCool, 0}, {ModeDry, 1}, {ModeFan, 1}, {ModeAuto, 2}, {ModeHeat, 3}}
}

// coolixFans ends with what is only heard: auto in modes dry and auto, "follow me", fixed.
func coolixFans() choices {
	return choices{
		{FanAuto, coolixFanAuto},
		{FanLow, 4},
		{FanMedium, 2},
		{FanHigh, 1},
		{FanAuto, coolixFanAuto0},
		{FanAuto, 6},
		{FanAuto, 7},
	}
}

// coolixTemps is what says 17, 18 … 30 °C.
func coolixTemps() [coolixMax - coolixMin + 1]uint32 {
	return [...]uint32{0, 1, 3, 2, 6, 7, 5, 4, 12, 13, 9, 8, 10, 11}
}

// Name is "coolix".
func (Coolix) Name() string { return "coolix" }

// Min is 17 °C.
func (Coolix) Min() int { return coolixMin }

// Max is 30 °C.
func (Coolix) Max() int { return coolixMax }

// Encode makes the frame. It says everything that the protocol can say, whatever the state was before.
func (Coolix) Encode(state State, _ *State) (Frame, error) {
	code, err := coolixCode(state.WithDefaults())
	if err != nil {
		return Frame{}, err
	}
	frame, err := coolixCodec().frame(coolixBytes(code))
	frame.Code = coolixText(code)
	return frame, err
}

func coolixText(code uint32) Code { return Code(fmt.Sprintf("0x%06X", code)) }

func coolixBytes(code uint32) []byte {
	a, b, c := byte(code>>16), byte(code>>8&0xFF), byte(code&0xFF)
	return []byte{a, ^a, b, ^b, c, ^c}
}

func coolixCode(state State) (uint32, error) {
	if !state.Power {
		return coolixOff, nil
	}
	mode, err := coolixModes().say("coolix", "mode", state.Mode)
	if err != nil {
		return 0, err
	}
	fan, err := coolixFans().say("coolix", "fan", state.Fan)
	if err != nil {
		return 0, err
	}
	if fan == coolixFanAuto && (state.Mode == ModeDry || state.Mode == ModeAuto) {
		fan = coolixFanAuto0
	}
	if err := checkSetpoint("coolix", state.Setpoint, coolixMin, coolixMax); err != nil {
		return 0, err
	}
	setpoint := coolixTemps()[state.Setpoint-coolixMin]
	if state.Mode == ModeFan {
		if state.Setpoint != coolixMax {
			return 0, fmt.Errorf("coolix remote: mode fan has no setpoint, so %d °C cannot be said (say %d): %w", state.Setpoint, coolixMax, fault.ErrInvalid)
		}
		setpoint = coolixFanTemp
	}
	return coolixState<<16 | uint32(fan)<<13 | coolixNoSensor<<8 | setpoint<<4 | uint32(mode)<<2, nil
}

// Decode reads a heard frame: one whole copy suffices.
func (Coolix) Decode(frame Frame) (State, Code, error) {
	data, err := coolixCodec().decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	var code uint32
	for i := 0; i < len(data); i += 2 {
		if data[i] != ^data[i+1] {
			return State{}, hexCode(data), fmt.Errorf("coolix remote: byte %d of %s is not the inverse of the one before: %w", i+1, hexCode(data), fault.ErrInvalid)
		}
		code = code<<8 | uint32(data[i])
	}
	state, err := coolixRead(code)
	return state, coolixText(code), err
}

func coolixRead(code uint32) (State, error) {
	if code == coolixOff {
		return State{}, nil
	}
	head, sensor, low := code>>16, code>>8&31, code&3
	follows := head == coolixFollow && low == 2
	if !follows && (head != coolixState || sensor != coolixNoSensor || low != 0) {
		return State{}, fmt.Errorf("coolix remote: %s is a key that tells no state: %w", coolixText(code), fault.ErrInvalid)
	}
	mode, err := coolixModes().hear("coolix", "mode", byte(code>>2&3))
	if err != nil {
		return State{}, err
	}
	fan, err := coolixFans().hear("coolix", "fan", byte(code>>13&7))
	if err != nil {
		return State{}, err
	}
	temperature := code >> 4 & 15
	if mode == ModeDry && temperature == coolixFanTemp {
		return State{Power: true, Setpoint: coolixMax, Mode: ModeFan, Fan: fan}, nil
	}
	for i, bits := range coolixTemps() {
		if bits == temperature {
			return State{Power: true, Setpoint: coolixMin + i, Mode: mode, Fan: fan}, nil
		}
	}
	return State{}, fmt.Errorf("coolix remote: %s tells no setpoint that it has: %w", coolixText(code), fault.ErrInvalid)
}
