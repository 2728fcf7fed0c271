package infrared

import (
	"fmt"
	"math/bits"

	"github.com/overcloud/overcloud/internal/fault"
)

// Samsung is the protocol of Samsung's split air conditioners: sections of 7 bytes, each with its own checksum. A
// machine that runs is told its new state in two of them (112 bits); switching on or off takes three (168 bits), so
// a frame of three is sent unless the machine is known to run. A section is
//
//	byte 0 | byte 1: low nibble of the checksum above 4 bits | byte 2: 4 bits above the checksum's high nibble | 4 bytes
//
// where the checksum is the complement of the number of one bits in the rest of the section. The first section's
// byte 6 and the last section's byte 6 have the power in bits 4 and 5 (both or none); the last section has °C-16 in
// byte 4's high nibble, and mode (bits 4 to 6) and fan (bits 1 to 3) in byte 5. Layout, timing and vectors are facts
// known from IRremoteESP8266 (issues 505, 604 and 1538 there); the code is ours. Swing is sent as "stop", the
// display as on.
type Samsung struct{}

const (
	samsungSection = 7  // bytes
	samsungMin     = 16 // °C
	samsungMax     = 30
	samsungOff     = 24 // °C that the off frame of the remote carries
)

func samsungCodec(sections int) codec {
	c := codec{carrierHz: 38_000, bitMark: 586, oneSpace: 1432, zeroSpace: 436}
	for range sections {
		c.sections = append(c.sections, section{header: []int{3086, 8864}, bits: 8 * samsungSection, gap: 2886})
	}
	c.sections[0].header = []int{690, 17_844, 3086, 8864}
	return c
}

// Name is "samsung".
func (Samsung) Name() string { return "samsung" }

// Min is 16 °C.
func (Samsung) Min() int { return samsungMin }

// Max is 30 °C.
func (Samsung) Max() int { return samsungMax }

// Encode makes the short frame for a machine that is known to run and stays on, else the long one.
func (s Samsung) Encode(state State, previous *State) (Frame, error) {
	state = state.WithDefaults()
	if !state.Power {
		state = State{Setpoint: samsungOff, Mode: ModeCool, Fan: FanAuto}
	}
	if err := checkSetpoint(s.Name(), state.Setpoint, samsungMin, samsungMax); err != nil {
		return Frame{}, err
	}
	mode, err := samsungModes().say(s.Name(), "mode", state.Mode)
	if err != nil {
		return Frame{}, err
	}
	fan, err := samsungFans(mode).say(s.Name(), "fan in mode "+state.Mode, state.Fan)
	if err != nil {
		return Frame{}, err
	}
	power := byte(0xC0)
	if state.Power {
		power = 0xF0
	}
	data := []byte{0x02, 0x02, 0, 0, 0, 0, power}
	if !state.Power || previous == nil || !previous.Power {
		data = append(data, 0x01, 0x02, 0, 0, 0, 0, 0) // the timers: none
	}
	data = append(data, 0x01, 0x02, 0xF0, 0x71, byte(state.Setpoint-samsungMin)<<4, mode<<4|fan<<1|1, power)
	for at := 0; at < len(data); at += samsungSection {
		sum := samsungSum(data[at:])
		data[at+1] |= sum << 4
		data[at+2] |= sum >> 4
	}
	return samsungCodec(len(data) / samsungSection).frame(data)
}

// samsungSum counts the section's ones without those of the checksum itself.
func samsungSum(section []byte) byte {
	ones := bits.OnesCount8(section[0]) + bits.OnesCount8(section[1]&0x0F) + bits.OnesCount8(section[2]&0xF0)
	for _, b := range section[3:samsungSection] {
		ones += bits.OnesCount8(b)
	}
	return ^byte(ones)
}

func samsungModes() choices {
	return choices{{ModeAuto, 0}, {ModeCool, 1}, {ModeDry, 2}, {ModeFan, 3}, {ModeHeat, 4}}
}

// samsungFans are the speeds of a mode; mode auto has one of its own. 7 is the remote's turbo.
func samsungFans(mode byte) choices {
	if mode == 0 {
		return choices{{FanAuto, 6}}
	}
	return choices{{FanAuto, 0}, {FanLow, 2}, {FanMedium, 4}, {FanHigh, 5}, {FanHigh, 7}}
}

// Decode reads a frame of two or three sections. What the hand remote's other buttons set is not looked at.
func (s Samsung) Decode(frame Frame) (State, Code, error) {
	sections := 2
	if len(frame.Pulses) >= samsungCodec(3).entries() {
		sections = 3
	}
	data, err := samsungCodec(sections).decode(frame.Pulses)
	if err != nil {
		return State{}, "", err
	}
	state, err := s.state(data)
	return state, hexCode(data), err
}

func (s Samsung) state(data []byte) (State, error) {
	for at := 0; at < len(data); at += samsungSection {
		if data[at+1]>>4|data[at+2]<<4 != samsungSum(data[at:]) {
			return State{}, fmt.Errorf("%s remote: the checksum of section %d of %s is wrong: %w", s.Name(), at/samsungSection+1, hexCode(data), fault.ErrInvalid)
		}
	}
	last := data[len(data)-samsungSection:]
	switch power, again := data[6]>>4&3, last[6]>>4&3; {
	case data[0] != 0x02 || last[0] != 0x01:
		return State{}, fmt.Errorf("%s remote: %s is no state: %w", s.Name(), hexCode(data), fault.ErrInvalid)
	case power == 0 && again == 0:
		return State{}, nil
	case power != 3 || again != 3:
		return State{}, fmt.Errorf("%s remote: %s is neither on nor off: %w", s.Name(), hexCode(data), fault.ErrInvalid)
	}
	setpoint := int(last[4]>>4) + samsungMin
	if err := checkSetpoint(s.Name(), setpoint, samsungMin, samsungMax); err != nil {
		return State{}, err
	}
	mode, err := samsungModes().hear(s.Name(), "mode", last[5]>>4&7)
	if err != nil {
		return State{}, err
	}
	fan, err := samsungFans(last[5]>>4&7).hear(s.Name(), "fan", last[5]>>1&7)
	if err != nil {
		return State{}, err
	}
	return State{Power: true, Setpoint: setpoint, Mode: mode, Fan: fan}, nil
}
