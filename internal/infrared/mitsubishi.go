package infrared

import (
	"bytes"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Mitsubishi is the 144-bit protocol of Mitsubishi Electric's split air conditioners (remotes SG15D, KM14A, RH151
// and their kin; Mitsubishi Heavy Industries has others): 18 bytes, sent twice.
//
//	23 CB 26 01 00 | 5: power (bit 5) | 6: mode (bits 3 to 5) | 7: °C-16 (4 bits), half a degree (bit 4)
//	| 8: a byte that goes with the mode | 9: fan (bits 0 to 2), vane (bits 3 to 5), bit 6 | 10: clock | … | 17: sum of all before
//
// Layout, timing and vectors are facts known from IRremoteESP8266, the fan's "auto" from frames of the remote SG11D;
// the code is ours. The vane is sent as auto, clock and timers as none.
type Mitsubishi struct{}

const (
	mitsubishiMin = 16 // °C
	mitsubishiMax = 31
	mitsubishiOff = 24 // °C that our off frame carries; the machine does not look at it
)

// mitsubishiCodec has the pause between the copies that several senders use; remotes were recorded with 13 ms too.
func mitsubishiCodec() codec {
	return codec{
		carrierHz: 38_000, bitMark: 450, oneSpace: 1300, zeroSpace: 420, footMark: 440,
		sections: []section{{header: []int{3400, 1750}, bits: 144}},
		copies:   2, copyGap: 17_100,
	}
}

func mitsubishiSignature() []byte { return []byte{0x23, 0xCB, 0x26, 0x01, 0x00} }

// Name is "mitsubishi".
func (Mitsubishi) Name() string { return "mitsubishi" }

// Min is 16 °C.
func (Mitsubishi) Min() int { return mitsubishiMin }

// Max is 31 °C.
func (Mitsubishi) Max() int { return mitsubishiMax }

// Encode makes the frame; every frame says power too, so the previous state does not matter.
func (m Mitsubishi) Encode(state State, _ *State) (Frame, error) {
	state = state.WithDefaults()
	if !state.Power {
		state = State{Setpoint: mitsubishiOff, Mode: ModeCool, Fan: FanAuto}
	}
	if err := checkSetpoint(m.Name(), state.Setpoint, mitsubishiMin, mitsubishiMax); err != nil {
		return Frame{}, err
	}
	mode, err := mitsubishiModes().say(m.Name(), "mode", state.Mode)
	if err != nil {
		return Frame{}, err
	}
	fan, err := mitsubishiFans().say(m.Name(), "fan", state.Fan)
	if err != nil {
		return Frame{}, err
	}
	data := make([]byte, 18)
	copy(data, mitsubishiSignature())
	if state.Power {
		data[5] = 1 << 5
	}
	data[6] = mode << 3
	data[7] = byte(state.Setpoint - mitsubishiMin)
	data[8] = mitsubishiCompanion(mode)
	data[9] = 1<<6 | fan
	data[17] = sumOf(data[:17])
	return mitsubishiCodec().frame(data)
}

func mitsubishiModes() choices {
	return choices{{ModeHeat, 1}, {ModeDry, 2}, {ModeCool, 3}, {ModeAuto, 4}, {ModeFan, 7}}
}

// mitsubishiFans: 1 to 4 are the speeds from low to "very high", 5 is "silent".
func mitsubishiFans() choices {
	return choices{{FanAuto, 0}, {FanLow, 1}, {FanMedium, 2}, {FanHigh, 3}, {FanHigh, 4}, {FanLow, 5}}
}

// mitsubishiCompanion is byte 8, which the remote sets by the mode.
func mitsubishiCompanion(mode byte) byte {
	switch mode {
	case 2:
		return 0x32
	case 3:
		return 0x36
	case 7:
		return 0x37
	default:
		return 0x30
	}
}

// Decode reads a frame, of which one copy suffices. Half degrees are heard as the whole degree below; what other
// buttons set is not looked at.
func (m Mitsubishi) Decode(frame Frame) (State, Code, error) {
	data, err := mitsubishiCodec().decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	state, err := m.state(data)
	return state, hexCode(data), err
}

func (m Mitsubishi) state(data []byte) (State, error) {
	switch {
	case !bytes.HasPrefix(data, mitsubishiSignature()):
		return State{}, fmt.Errorf("%s remote: %s does not begin with %s: %w", m.Name(), hexCode(data), hexCode(mitsubishiSignature()), fault.ErrInvalid)
	case data[17] != sumOf(data[:17]):
		return State{}, fmt.Errorf("%s remote: the sum of %s is wrong: %w", m.Name(), hexCode(data), fault.ErrInvalid)
	case data[5]>>5&1 == 0:
		return State{}, nil
	}
	mode, err := mitsubishiModes().hear(m.Name(), "mode", data[6]>>3&7)
	if err != nil {
		return State{}, err
	}
	fan, err := mitsubishiFans().hear(m.Name(), "fan", data[9]&7)
	if err != nil {
		return State{}, err
	}
	return State{Power: true, Setpoint: int(data[7]&0xF) + mitsubishiMin, Mode: mode, Fan: fan}, nil
}
