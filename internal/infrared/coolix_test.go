package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// The vectors are from IRremoteESP8266's test/ir_Coolix_test.cpp (issues 579, 624, 722).
func TestCoolixKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		want  Code
	}{
		{"off", State{}, "0xB27BE0"},
		{"cool 24", State{Power: true, Setpoint: 24}, "0xB2BF40"},
		{"cool 18", State{Power: true, Setpoint: 18}, "0xB2BF10"},
		{"cool 17, low", State{Power: true, Setpoint: 17, Fan: FanLow}, "0xB29F00"},
		{"auto 25", State{Power: true, Setpoint: 25, Mode: ModeAuto}, "0xB21FC8"},
		{"auto 20", State{Power: true, Setpoint: 20, Mode: ModeAuto}, "0xB21F28"},
		{"auto 17", State{Power: true, Setpoint: 17, Mode: ModeAuto}, "0xB21F08"},
		{"dry 18", State{Power: true, Setpoint: 18, Mode: ModeDry}, "0xB21F14"},
		{"heat 18", State{Power: true, Setpoint: 18, Mode: ModeHeat}, "0xB2BF1C"},
		{"fan", State{Power: true, Setpoint: 30, Mode: ModeFan}, "0xB2BFE4"},
		{"fan, low", State{Power: true, Setpoint: 30, Mode: ModeFan, Fan: FanLow}, "0xB29FE4"},
		{"fan, medium", State{Power: true, Setpoint: 30, Mode: ModeFan, Fan: FanMedium}, "0xB25FE4"},
		{"fan, high", State{Power: true, Setpoint: 30, Mode: ModeFan, Fan: FanHigh}, "0xB23FE4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Coolix{}.Encode(c.state, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
			require.Len(t, frame.Pulses, 199)
		})
	}
}

// The off frame's pulses: each byte from its high bit, then its inverse, and all of it twice.
func TestCoolixPulsesOfOff(t *testing.T) {
	frame, err := Coolix{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{4692, 4416, 552, 1656, 552, 552, 552, 1656, 552, 1656, 552, 552, 552, 552, 552, 1656, 552, 552}, frame.Pulses[:18], "0xB2")
	require.Equal(t, []int{552, 552, 552, 1656, 552, 552, 552, 552}, frame.Pulses[18:26], "0x4")
	require.Equal(t, 5244, frame.Pulses[99])
	require.Equal(t, frame.Pulses[:99], frame.Pulses[100:])
}

func TestCoolixSaysAndHearsEverything(t *testing.T) {
	outOfRange(t, Coolix{}, 17, 30, "°C is outside its 17 to 30 °C")
	roundTrip(t, Coolix{}, 1+14*(4*4)+4)
	refuses(t, Coolix{}, map[State]string{
		{Power: true, Setpoint: 24, Mode: ModeFan}: "coolix remote: mode fan has no setpoint, so 24 °C cannot be said (say 30)",
	})
}

// Swing, sleep, turbo, LED and clean toggle: they tell no state, and nothing that can be said is one of them.
func TestCoolixTogglesTellNoState(t *testing.T) {
	toggles := []uint32{0xB26BE0, 0xB20FE0, 0xB2E003, 0xB5F5A2, 0xB5F5A5, 0xB5F5AA}
	for _, code := range toggles {
		_, _, err := Coolix{}.Decode(Frame{CarrierHz: 38_000, Pulses: coolixCodec().encode(coolixBytes(code))})
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, coolixText(code).String()+" is a key that tells no state")
	}
	for _, state := range everyState(t, Coolix{}) {
		code, err := coolixCode(state)
		require.NoError(t, err)
		require.NotContains(t, toggles, code, "%s", state)
	}
}

func TestCoolixHearsMore(t *testing.T) {
	for _, c := range []struct {
		name string
		code uint32
		want State
	}{
		{"off (issues 579, 1748)", 0xB27BE0, State{}},
		{"follow me: heat 24, the remote feels 19 (issue 1318)", 0xBAD34E, State{Power: true, Setpoint: 24, Mode: ModeHeat, Fan: FanAuto}},
		{"fixed fan", 0xB2FF40, State{Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanAuto}},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := coolixCodec() // the lengths of issue 1748's remote
			recorded.bitMark, recorded.oneSpace, recorded.zeroSpace, recorded.copyGap = 490, 1715, 620, 5312
			state := hears(t, Coolix{}, recorded, coolixBytes(c.code))
			require.Equal(t, c.want, state)
			sayAgain(t, Coolix{}, state)
		})
	}
}

func TestCoolixOneWholeCopySuffices(t *testing.T) {
	frame, err := Coolix{}.Encode(State{Power: true, Setpoint: 22}, nil)
	require.NoError(t, err)
	for name, pulses := range map[string][]int{
		"the first, then nothing":     frame.Pulses[:99],
		"the first, then the gap":     frame.Pulses[:100],
		"the first, the second torn":  frame.Pulses[:150],
		"the first torn, the second":  frame.Pulses[10:],
		"the second with the gap cut": append(append([]int{}, frame.Pulses...), 30_000),
	} {
		state, _, err := Coolix{}.Decode(Frame{CarrierHz: 38_000, Pulses: pulses})
		require.NoError(t, err, name)
		require.Equal(t, 22, state.Setpoint, name)
	}
}

func TestCoolixEveryFlippedBitIsRefused(t *testing.T) {
	for _, code := range []uint32{coolixOff, 0xB2BF40} {
		require.Empty(t, flipBits(t, Coolix{}, coolixCodec(), coolixBytes(code)))
	}
}

func FuzzCoolixState(f *testing.F) {
	f.Add(uint32(0xB2BF40))
	f.Add(uint32(0xBAD34E))
	f.Add(uint32(coolixOff))
	f.Fuzz(func(t *testing.T, code uint32) {
		state, _, err := Coolix{}.Decode(Frame{CarrierHz: 38_000, Pulses: coolixCodec().encode(coolixBytes(code & 0xFFFFFF))})
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, Coolix{}, state)
	})
}
