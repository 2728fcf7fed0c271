package infrared

import (
	"bytes"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Fujitsu is the protocol of Fujitsu General's AR-RAH2E and of the remotes whose frames are the same as long as swing
// and extras stay unsaid: AR-RAC1E, AR-RAE1E, AR-RCE1E, AR-REB1E, AR-REB4E, AR-RAH1U. A frame of 16 bytes says a state,
//
//	0-7: 14 63 00 10 10 FE 09 30 (byte 2 bits 4, 5: the signal code A to D of the remote, ours is A)
//	8:   °C-16 << 4 | °F << 1 | switch on
//	9:   timer << 4 | mode
//	10:  swing << 4 | fan
//	14:  20
//	15:  what makes the sum of bytes 7 to 15 zero
//
// and "off" is a frame of its own of 7 bytes, 14 63 00 10 10 02 FD, as are the swing, powerful and economy keys, which
// toggle and are never sent.
//
// Hazard: a frame of the wrong model can lock a machine so that it hears nothing, not even its own remote, until its
// mains is cut (IRremoteESP8266 issue 1376: a swing command to a machine with an AR-RAH1U). So this profile tells
// swing off and no extras. It is the wrong one for AR-DB1, AR-DL10 and AR-JW2 (15 bytes), AR-RY4 (filter) and AR-REW4E
// (version 31 in byte 7): learn those. Layout, timing and vectors are facts from IRremoteESP8266's documentation and
// tests (ir_Fujitsu); the code is ours.
type Fujitsu struct{}

const (
	fujitsuMin = 16 // °C
	fujitsuMax = 30
)

func fujitsuCodec(bits int) codec {
	return codec{
		carrierHz: 38_000, bitMark: 448, oneSpace: 1182, zeroSpace: 390,
		sections: []section{{header: []int{3324, 1574}, bits: bits}},
	}
}

func fujitsuLong() codec  { return fujitsuCodec(16 * 8) }
func fujitsuShort() codec { return fujitsuCodec(7 * 8) }

func fujitsuModes() choices {
	return choices{{ModeCool, 1}, {ModeDry, 2}, {ModeFan, 3}, {ModeAuto, 0}, {ModeHeat, 4}}
}

// fujitsuFans ends with quiet, which is only heard.
func fujitsuFans() choices {
	return choices{{FanAuto, 0}, {FanLow, 3}, {FanMedium, 2}, {FanHigh, 1}, {FanLow, 4}}
}

func fujitsuHead() []byte { return []byte{0x14, 0x63, 0x00, 0x10, 0x10} }

func fujitsuOff() []byte { return append(fujitsuHead(), 0x02, 0xFD) }

// Name is "fujitsu".
func (Fujitsu) Name() string { return "fujitsu" }

// Min is 16 °C.
func (Fujitsu) Min() int { return fujitsuMin }

// Max is 30 °C.
func (Fujitsu) Max() int { return fujitsuMax }

// Encode makes the frame. With an unknown or switched-off previous state the frame also switches on.
func (Fujitsu) Encode(state State, previous *State) (Frame, error) {
	if !state.Power {
		return fujitsuShort().frame(fujitsuOff())
	}
	data, err := fujitsuBytes(state.WithDefaults(), previous != nil && previous.Power)
	if err != nil {
		return Frame{}, err
	}
	return fujitsuLong().frame(data)
}

func fujitsuBytes(state State, alreadyOn bool) ([]byte, error) {
	if err := checkSetpoint("fujitsu", state.Setpoint, fujitsuMin, fujitsuMax); err != nil {
		return nil, err
	}
	mode, err := fujitsuModes().say("fujitsu", "mode", state.Mode)
	if err != nil {
		return nil, err
	}
	fan, err := fujitsuFans().say("fujitsu", "fan", state.Fan)
	if err != nil {
		return nil, err
	}
	setpoint := byte(state.Setpoint-fujitsuMin) << 4 // the range keeps it in a byte
	if !alreadyOn {
		setpoint |= 1
	}
	data := append(fujitsuHead(), 0xFE, 0x09, 0x30, setpoint, mode, fan, 0, 0, 0, 0x20)
	return append(data, -sumOf(data[7:])), nil
}

// Decode reads a heard frame of either length.
func (Fujitsu) Decode(frame Frame) (State, Code, error) {
	data, err := fujitsuLong().decode(frame.Pulses)
	if err == nil {
		state, err := fujitsuState(data)
		return state, hexCode(data), err
	}
	data, second := fujitsuShort().decode(frame.Pulses)
	switch {
	case second != nil:
		return State{}, "", err
	case bytes.Equal(data, fujitsuOff()):
		return State{}, hexCode(data), nil
	default:
		return State{}, hexCode(data), fmt.Errorf("fujitsu remote: %s is a key that tells no state: %w", hexCode(data), fault.ErrInvalid)
	}
}

func fujitsuState(data []byte) (State, error) {
	switch {
	case !bytes.Equal(data[:8], append(fujitsuHead(), 0xFE, 0x09, 0x30)):
		return State{}, fmt.Errorf("fujitsu remote: %s is of another model or signal code: %w", hexCode(data), fault.ErrInvalid)
	case sumOf(data[7:]) != 0:
		return State{}, fmt.Errorf("fujitsu remote: the sum of %s is wrong: %w", hexCode(data), fault.ErrInvalid)
	case data[8]&2 != 0:
		return State{}, fmt.Errorf("fujitsu remote: %s tells °F; switch the remote to °C: %w", hexCode(data), fault.ErrInvalid)
	}
	mode, err := fujitsuModes().hear("fujitsu", "mode", data[9]&7)
	if err != nil {
		return State{}, err
	}
	fan, err := fujitsuFans().hear("fujitsu", "fan", data[10]&7)
	if err != nil {
		return State{}, err
	}
	// Newer remotes tell quarters of a degree in bits 2 and 3; they round to the warmer.
	state := State{Power: true, Setpoint: fujitsuMin + (int(data[8]>>2)+3)/4, Mode: mode, Fan: fan}
	if err := checkSetpoint("fujitsu", state.Setpoint, fujitsuMin, fujitsuMax); err != nil {
		return State{}, err
	}
	return state, nil
}
