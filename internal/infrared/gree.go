package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Gree is the protocol of Gree's YAW1F, YAA1FBF, YB1F2F and similar remotes, of 64 bits in two halves; three bits 010
// close the first half. The bytes are
//
//	0: sleep << 7 | automatic swing << 6 | fan << 4 | power << 3 | mode
//	1: timer << 4 | °C-16
//	2: blow dry << 7 | model << 6 | light << 5 | turbo << 4 | timer
//	3: 50 | °F
//	4: swing   5: 20   6: 0
//	7: sum << 4
//
// and the sum is 10, the low halves of bytes 0 to 3 and the high halves of 4 to 6, of which four bits remain: it
// covers power, mode and setpoint, but neither fan nor swing.
//
// Models differ: remotes YAW1F set the model bit while the machine is on, YBOFB do not. Ours says it, as YAW1F, and
// hears both. YAG, YAN, YX1FF and others speak longer frames: learn those. Gree's remotes lock 25 °C in mode auto and
// the low fan in mode dry, so nothing else is said there. Our frames light the display, stop swing and clear timers.
// Layout, timing and vectors are facts from IRremoteESP8266's documentation and tests (ir_Gree); the code is ours.
type Gree struct{}

const (
	greeMin      = 16 // °C
	greeMax      = 30
	greeAutoTemp = 25
	greeFooter   = 2 // 010
)

func greeCodec() codec {
	return codec{
		carrierHz: 38_000, bitMark: 620, oneSpace: 1600, zeroSpace: 540,
		sections: []section{{header: []int{9000, 4500}, bits: 32 + 3, gap: 19_980}, {bits: 32}},
	}
}

func greeModes() choices {
	return choices{{ModeCool, 1}, {ModeDry, 2}, {ModeFan, 3}, {ModeAuto, 0}, {ModeHeat, 4}}
}

func greeFans() choices {
	return choices{{FanAuto, 0}, {FanLow, 1}, {FanMedium, 2}, {FanHigh, 3}}
}

// Name is "gree".
func (Gree) Name() string { return "gree" }

// Min is 16 °C.
func (Gree) Min() int { return greeMin }

// Max is 30 °C.
func (Gree) Max() int { return greeMax }

// Encode makes the frame. It says everything, whatever the state was before.
func (Gree) Encode(state State, _ *State) (Frame, error) {
	data, err := greeBytes(state.WithDefaults())
	if err != nil {
		return Frame{}, err
	}
	frame, err := greeCodec().frame(greeWithFooter(data, greeFooter))
	frame.Code = hexCode(data)
	return frame, err
}

// greeWithFooter is the 8 bytes as the codec wants them.
func greeWithFooter(data []byte, footer byte) []byte {
	return append(append(append([]byte{}, data[:4]...), footer), data[4:]...)
}

func greeBytes(state State) ([]byte, error) {
	if !state.Power {
		state = State{Setpoint: greeAutoTemp, Mode: ModeCool, Fan: FanAuto}
	}
	mode, err := greeModes().say("gree", "mode", state.Mode)
	if err != nil {
		return nil, err
	}
	fan, err := greeFans().say("gree", "fan", state.Fan)
	if err != nil {
		return nil, err
	}
	if err := checkSetpoint("gree", state.Setpoint, greeMin, greeMax); err != nil {
		return nil, err
	}
	if err := greeLocked(state); err != nil {
		return nil, err
	}
	data := []byte{fan<<4 | mode, byte(state.Setpoint - greeMin), 0x20, 0x50, 0, 0x20, 0, 0}
	if state.Power {
		data[0] |= 1 << 3
		data[2] |= 1 << 6
	}
	data[7] = greeSum(data) << 4
	return data, nil
}

// greeLocked refuses what Gree's own remotes never say.
func greeLocked(state State) error {
	switch {
	case state.Mode == ModeAuto && state.Setpoint != greeAutoTemp:
		return fmt.Errorf("gree remote: mode auto has %d °C only, not %d: %w", greeAutoTemp, state.Setpoint, fault.ErrInvalid)
	case state.Mode == ModeDry && state.Fan != FanLow:
		return fmt.Errorf("gree remote: mode dry has fan low only, not %s: %w", state.Fan, fault.ErrInvalid)
	}
	return nil
}

func greeSum(data []byte) byte {
	sum := byte(10)
	for _, b := range data[:4] {
		sum += b & 0xF
	}
	for _, b := range data[4:7] {
		sum += b >> 4
	}
	return sum & 0xF
}

// Decode reads a heard frame of either model.
func (Gree) Decode(frame Frame) (State, Code, error) {
	heard, err := greeCodec().decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	data := append(append([]byte{}, heard[:4]...), heard[5:]...)
	if heard[4] != greeFooter {
		return State{}, hexCode(data), fmt.Errorf("gree remote: the first half of %s ends in %03b instead of 010: %w", hexCode(data), heard[4], fault.ErrInvalid)
	}
	state, err := greeState(data)
	return state, hexCode(data), err
}

func greeState(data []byte) (State, error) {
	switch {
	case data[3]>>4 != 5:
		return State{}, fmt.Errorf("gree remote: byte 3 of %s does not begin with 5: %w", hexCode(data), fault.ErrInvalid)
	case data[7]>>4 != greeSum(data):
		return State{}, fmt.Errorf("gree remote: the sum of %s is wrong: %w", hexCode(data), fault.ErrInvalid)
	case data[0]&(1<<3) == 0:
		return State{}, nil
	}
	mode, err := greeModes().hear("gree", "mode", data[0]&7)
	if err != nil {
		return State{}, err
	}
	fan, err := greeFans().hear("gree", "fan", data[0]>>4&3)
	if err != nil {
		return State{}, err
	}
	state := State{Power: true, Setpoint: greeMin + int(data[1]&0xF), Mode: mode, Fan: fan}
	switch mode { // a machine does not read what its remote locks
	case ModeAuto:
		state.Setpoint = greeAutoTemp
	case ModeDry:
		state.Fan = FanLow
	}
	if err := checkSetpoint("gree", state.Setpoint, greeMin, greeMax); err != nil {
		return State{}, err
	}
	return state, nil
}
