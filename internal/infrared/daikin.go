package infrared

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Daikin is the 280-bit protocol of Daikin's ARC433 and similar remotes: five bits that say nothing, then sections of
// 8, 8 and 19 bytes, each begun by 11 DA 27 and closed by the sum of its bytes. Of the whole these bytes carry a state:
//
//	21: mode << 4 | 8 | off timer << 2 | on timer << 1 | power
//	22: twice the °C; C0 in mode dry of remotes that let nobody set it there
//	24: fan << 4 | swing up and down
//
// Every frame also tells the remote's clock (13, 14), both timers (26 to 28) and the weekly timer (32). Ours tells
// midnight and no timer, and leaves the weekly timer as a new remote has it: no timer may be set on a machine that
// this profile steers. Swing, powerful, silent and economy are told off. "Off" is the same frame without the power bit.
//
// Daikin has a dozen protocols; remotes ARC477A1, ARC423A5, ARC433B69, BRC4C153 and BRC52B63 speak others. Layout,
// timing and ranges are facts from IRremoteESP8266's documentation and tests (ir_Daikin); the code is ours.
type Daikin struct{}

const (
	daikinMin     = 18 // °C, in mode cool; IRremoteESP8266 knows this limit from the sibling protocol Daikin2
	daikinMinHeat = 10 // °C, in other modes
	daikinMax     = 32
	daikinOffTemp = 25 // what an off frame says; nobody reads it
	daikinNoTemp  = 0xC0
	// The gap is a zero's space and 29 ms; real remotes were heard with 25 ms after the lead and 35 ms later.
	daikinGap = 29_428
)

func daikinCodec() codec {
	header := []int{3650, 1623}
	return codec{
		carrierHz: 38_000, bitMark: 428, oneSpace: 1280, zeroSpace: 428,
		sections: []section{
			{bits: 5, gap: daikinGap},
			{header: header, bits: 8 * 8, gap: daikinGap},
			{header: header, bits: 8 * 8, gap: daikinGap},
			{header: header, bits: 19 * 8},
		},
	}
}

// daikinModes and daikinFans begin with what is said; further bits of a word are only heard: five speeds become three.
func daikinModes() choices {
	return choices{{ModeCool, 3}, {ModeDry, 2}, {ModeFan, 6}, {ModeAuto, 0}, {ModeHeat, 4}}
}

func daikinFans() choices {
	return choices{
		{FanAuto, 10},
		{FanLow, 3},
		{FanMedium, 5},
		{FanHigh, 7},
		{FanLow, 4},
		{FanHigh, 6},
		{FanLow, 11}, // 11 is quiet
	}
}

// Name is "daikin".
func (Daikin) Name() string { return "daikin" }

// Min is 18 °C, the lowest in mode cool.
func (Daikin) Min() int { return daikinMin }

// Max is 32 °C.
func (Daikin) Max() int { return daikinMax }

// Encode makes the frame. It says everything, whatever the state was before.
func (Daikin) Encode(state State, _ *State) (Frame, error) {
	data, err := daikinBytes(state.WithDefaults())
	if err != nil {
		return Frame{}, err
	}
	frame, err := daikinCodec().frame(append([]byte{0}, data...))
	frame.Code = hexCode(data)
	return frame, err
}

func daikinBytes(state State) ([]byte, error) {
	if !state.Power {
		state = State{Setpoint: daikinOffTemp, Mode: ModeCool, Fan: FanAuto}
	}
	mode, err := daikinModes().say("daikin", "mode", state.Mode)
	if err != nil {
		return nil, err
	}
	fan, err := daikinFans().say("daikin", "fan", state.Fan)
	if err != nil {
		return nil, err
	}
	if err := checkSetpoint("daikin", state.Setpoint, daikinLeast(state.Mode), daikinMax); err != nil {
		return nil, err
	}
	data := daikinFrame()
	data[21] = mode<<4 | 8
	if state.Power {
		data[21] |= 1
	}
	data[22], data[24] = byte(2*state.Setpoint), fan<<4 // the range keeps it in a byte
	daikinClose(data)
	return data, nil
}

func daikinLeast(mode string) int {
	if mode == ModeCool {
		return daikinMin
	}
	return daikinMinHeat
}

// daikinFrame is a frame without state and sums; 06 60 are timers that are not set.
func daikinFrame() []byte {
	return []byte{
		0x11, 0xDA, 0x27, 0, 0xC5, 0, 0, 0,
		0x11, 0xDA, 0x27, 0, 0x42, 0, 0, 0,
		0x11, 0xDA, 0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0x06, 0x60, 0, 0, 0xC0, 0, 0, 0,
	}
}

// daikinClose writes the sum of each section.
func daikinClose(data []byte) {
	data[7], data[15], data[34] = sumOf(data[:7]), sumOf(data[8:15]), sumOf(data[16:34])
}

// Decode reads a heard frame, also without its lead, which a receiver that was deaf until then loses.
func (Daikin) Decode(frame Frame) (State, Code, error) {
	whole := daikinCodec()
	data, err := whole.decode(frame.Pulses)
	switch {
	case err == nil && data[0] != 0:
		return State{}, "", fmt.Errorf("daikin remote: the lead is %d instead of 0: %w", data[0], fault.ErrInvalid)
	case err == nil:
		data = data[1:]
	default:
		whole.sections = whole.sections[1:]
		var second error
		if data, second = whole.decode(frame.Pulses); second != nil {
			return State{}, "", err
		}
	}
	state, err := daikinState(data)
	return state, hexCode(data), err
}

func daikinState(data []byte) (State, error) {
	want := daikinFrame()
	for _, at := range []int{0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20} {
		if data[at] != want[at] {
			return State{}, fmt.Errorf("daikin remote: byte %d is %02X instead of %02X: %w", at, data[at], want[at], fault.ErrInvalid)
		}
	}
	copy(want, data)
	daikinClose(want)
	for _, at := range []int{7, 15, 34} {
		if data[at] != want[at] {
			return State{}, fmt.Errorf("daikin remote: the sum in byte %d is wrong: %w", at, fault.ErrInvalid)
		}
	}
	if data[21]&1 == 0 {
		return State{}, nil
	}
	mode, err := daikinModes().hear("daikin", "mode", data[21]>>4)
	if err != nil {
		return State{}, err
	}
	fan, err := daikinFans().hear("daikin", "fan", data[24]>>4)
	if err != nil {
		return State{}, err
	}
	state := State{Power: true, Setpoint: (int(data[22]) + 1) / 2, Mode: mode, Fan: fan} // half degrees round to the warmer
	if mode == ModeDry && data[22] == daikinNoTemp {
		state.Setpoint = daikinMax
	}
	if err := checkSetpoint("daikin", state.Setpoint, daikinLeast(mode), daikinMax); err != nil {
		return State{}, err
	}
	return state, nil
}
