package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// Frames that IRremoteESP8266 has from Samsung's own remotes (issues 505 and 604 there).
const (
	samsungPowerOn  Code = "0x02920F000000F001D20F0000000001E2FE718011F0"
	samsungPowerOff Code = "0x02B20F000000C001D20F000000000102FF718011C0"
	samsungCool20   Code = "0x02920F000000F001E2FE714011F0"
	samsungCool24   Code = "0x02920F000000F001E2FE718011F0"
)

func TestSamsungKnownAnswers(t *testing.T) {
	on := &State{Power: true, Setpoint: 20, Mode: ModeCool, Fan: FanAuto}
	for _, c := range []struct {
		name     string
		state    State
		previous *State
		want     Code
		entries  int
	}{
		{"an unknown machine is switched on with three sections", State{Power: true, Setpoint: 24}, nil, samsungPowerOn, 349},
		{"a machine that is off too", State{Power: true, Setpoint: 24}, &State{}, samsungPowerOn, 349},
		{"a running one is told in two", State{Power: true, Setpoint: 24}, on, samsungCool24, 233},
		{"cool 20", State{Power: true, Setpoint: 20}, on, samsungCool20, 233},
		{"off takes three, also for a running one", State{}, on, samsungPowerOff, 349},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Samsung{}.Encode(c.state, c.previous)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
			require.Len(t, frame.Pulses, c.entries)
			require.Equal(t, []int{690, 17_844, 3086, 8864, 586, 436, 586, 1432}, frame.Pulses[:8])
		})
	}
}

func TestSamsungHearsRemotes(t *testing.T) {
	for code, want := range map[Code]State{
		"0x02920F000000F00102AF710015F0": {Power: true, Setpoint: 16, Mode: ModeCool, Fan: FanLow},  // swing on
		"0x02920F000000F00102AF711041F0": {Power: true, Setpoint: 17, Mode: ModeHeat, Fan: FanAuto}, // swing on
	} {
		got, err := understood(t, Samsung{}, samsungCodec(2), code)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := understood(t, Samsung{}, samsungCodec(3), "0x02A90F000000C001C90F0000000001F9CE71E041C0")
	require.NoError(t, err)
	require.Equal(t, State{}, got, "off from another remote")
}

func TestSamsungSaysAndHearsEverything(t *testing.T) {
	// 15 setpoints, 4 modes of 4 speeds and auto with one of its own.
	roundTrip(t, Samsung{}, 1+15*(4*4+1))
	outOfRange(t, Samsung{}, 16, 30, "is outside its 16 to 30 °C")
}

func TestSamsungEveryFlippedBitIsRefused(t *testing.T) {
	frame, err := Samsung{}.Encode(State{Power: true, Setpoint: 24}, nil)
	require.NoError(t, err)
	require.Empty(t, flipBits(t, Samsung{}, samsungCodec(3), bytesOf(t, frame.Code)))
	frame, err = Samsung{}.Encode(State{Power: true, Setpoint: 24}, &State{Power: true})
	require.NoError(t, err)
	require.Empty(t, flipBits(t, Samsung{}, samsungCodec(2), bytesOf(t, frame.Code)))
}

func TestSamsungRefusesHalfPower(t *testing.T) {
	// Both checksums are right, but the sections disagree about the power.
	_, err := understood(t, Samsung{}, samsungCodec(2), "0x02B20F000000C001E2FE714011F0")
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "neither on nor off")
}

func FuzzSamsungDecode(f *testing.F) {
	fuzzDecode(f, Samsung{}, samsungCodec(3), samsungPowerOn, samsungPowerOff)
}

func FuzzSamsungDecodeShort(f *testing.F) {
	fuzzDecode(f, Samsung{}, samsungCodec(2), samsungCool20, samsungCool24)
}
