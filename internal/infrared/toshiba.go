package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Toshiba is the 72-bit protocol of Toshiba's and some of Carrier's split air conditioners (remotes WH-TA01JE,
// WH-TA04NE, WH-UB03NJ, WC-L03SE …), sent high bit first and twice:
//
//	F2 0D 03 FC: signature, number of bytes after byte 4, less one, and their inverses
//	4: 01
//	5: °C-17 << 4
//	6: fan << 5 | mode; mode 7 is "off"
//	7: filter
//	8: what makes the exclusive or of all bytes zero
//
// With powerful or economy a remote sends 80 bits (04 FB, byte 4 is 09, byte 8 says which): these are heard, never
// said. Swing is a frame of its own, of 56 bits, and is neither. A remote switched to "B" says 13 EC; ours is A. Layout,
// timing and vectors are facts from IRremoteESP8266's documentation and tests (ir_Toshiba); the code is ours.
type Toshiba struct{}

const (
	toshibaMin     = 17 // °C
	toshibaMax     = 30
	toshibaOff     = 7
	toshibaOffTemp = 22 // what an off frame says, as a new remote does
)

// toshibaCodec is for frames of so many bytes. Some remotes pause only 4.6 ms between the copies; their first copy is
// heard then.
func toshibaCodec(length int) codec {
	return codec{
		carrierHz: 38_000, bitMark: 580, oneSpace: 1600, zeroSpace: 490, msbFirst: true,
		sections: []section{{header: []int{4400, 4300}, bits: length * 8}},
		copies:   2, copyGap: 7400,
	}
}

func toshibaModes() choices {
	return choices{{ModeCool, 1}, {ModeDry, 2}, {ModeFan, 4}, {ModeAuto, 0}, {ModeHeat, 3}}
}

// toshibaFans ends with speeds that are only heard: five become three.
func toshibaFans() choices {
	return choices{{FanAuto, 0}, {FanLow, 2}, {FanMedium, 4}, {FanHigh, 6}, {FanLow, 3}, {FanHigh, 5}}
}

// Name is "toshiba".
func (Toshiba) Name() string { return "toshiba" }

// Min is 17 °C.
func (Toshiba) Min() int { return toshibaMin }

// Max is 30 °C.
func (Toshiba) Max() int { return toshibaMax }

// Encode makes the frame. It says everything, whatever the state was before.
func (Toshiba) Encode(state State, _ *State) (Frame, error) {
	data, err := toshibaBytes(state.WithDefaults())
	if err != nil {
		return Frame{}, err
	}
	return toshibaCodec(len(data)).frame(data)
}

func toshibaBytes(state State) ([]byte, error) {
	if !state.Power {
		return toshibaClose([]byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, (toshibaOffTemp - toshibaMin) << 4, toshibaOff, 0, 0}), nil
	}
	mode, err := toshibaModes().say("toshiba", "mode", state.Mode)
	if err != nil {
		return nil, err
	}
	fan, err := toshibaFans().say("toshiba", "fan", state.Fan)
	if err != nil {
		return nil, err
	}
	if err := checkSetpoint("toshiba", state.Setpoint, toshibaMin, toshibaMax); err != nil {
		return nil, err
	}
	setpoint := byte(state.Setpoint-toshibaMin) << 4 // the range keeps it in a byte
	return toshibaClose([]byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, setpoint, fan<<5 | mode, 0, 0}), nil
}

// toshibaClose writes the last byte.
func toshibaClose(data []byte) []byte {
	last := len(data) - 1
	data[last] = xorBytes(data[:last])
	return data
}

func xorBytes(data []byte) byte {
	var x byte
	for _, b := range data {
		x ^= b
	}
	return x
}

// Decode reads a heard frame of 72 or 80 bits: one whole copy suffices.
func (Toshiba) Decode(frame Frame) (State, Code, error) {
	data, err := toshibaCodec(9).decode(frame.Pulses)
	if err != nil {
		var second error
		if data, second = toshibaCodec(10).decode(frame.Pulses); second != nil {
			return State{}, "", err
		}
	}
	state, err := toshibaState(data)
	return state, hexCode(data), err
}

func toshibaState(data []byte) (State, error) {
	length, kind := byte(len(data)-6), byte(0x01)
	if len(data) == 10 {
		kind = 0x09
	}
	switch {
	case data[0] != 0xF2 || data[1] != 0x0D || data[2] != length || data[3] != ^length || data[4] != kind:
		return State{}, fmt.Errorf("toshiba remote: %s is no state for a machine set to remote A: %w", hexCode(data), fault.ErrInvalid)
	case xorBytes(data) != 0:
		return State{}, fmt.Errorf("toshiba remote: the check byte of %s is wrong: %w", hexCode(data), fault.ErrInvalid)
	case data[6]&7 == toshibaOff:
		return State{}, nil
	}
	mode, err := toshibaModes().hear("toshiba", "mode", data[6]&7)
	if err != nil {
		return State{}, err
	}
	fan, err := toshibaFans().hear("toshiba", "fan", data[6]>>5)
	if err != nil {
		return State{}, err
	}
	state := State{Power: true, Setpoint: toshibaMin + int(data[5]>>4), Mode: mode, Fan: fan}
	if err := checkSetpoint("toshiba", state.Setpoint, toshibaMin, toshibaMax); err != nil {
		return State{}, err
	}
	return state, nil
}
