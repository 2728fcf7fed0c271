package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// The vectors are from IRremoteESP8266's test/ir_Gree_test.cpp, with swing and the like off.
func TestGreeKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		want  Code
	}{
		{"cool 23, low (issue 814, swing off)", State{Power: true, Setpoint: 23, Fan: FanLow}, "0x19076050002000C0"},
		{"cool 26, low (issue 386, swing and display off)", State{Power: true, Setpoint: 26, Fan: FanLow}, "0x190A6050002000F0"},
		{"auto", State{Power: true, Setpoint: 25, Mode: ModeAuto}, "0x08096050002000D0"},
		{"off", State{}, "0x0109205000200060"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Gree{}.Encode(c.state, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
			require.Len(t, frame.Pulses, 139)
		})
	}
}

// The first half ends in 010 and the gap.
func TestGreePulses(t *testing.T) {
	frame, err := Gree{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{9000, 4500, 620, 1600, 620, 540}, frame.Pulses[:6])
	require.Equal(t, []int{620, 540, 620, 1600, 620, 540, 620, 19980, 620, 540}, frame.Pulses[66:76])
}

func TestGreeSaysAndHearsEverything(t *testing.T) {
	outOfRange(t, Gree{}, 16, 30, "°C is outside its 16 to 30 °C")
	roundTrip(t, Gree{}, 1+15*(3*4)+15+4)
	refuses(t, Gree{}, map[State]string{
		{Power: true, Setpoint: 24, Mode: ModeAuto}: "gree remote: mode auto has 25 °C only, not 24",
		{Power: true, Setpoint: 24, Mode: ModeDry}:  "gree remote: mode dry has fan low only, not auto",
	})
}

func TestGreeHearsMore(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte // the first half's footer 010 is in the middle
		want State
	}{
		{
			"a recorded YAW1F: cool 26, low (issue 386)",
			[]byte{0x19, 0x0A, 0x60, 0x50, 2, 0x02, 0x23, 0x00, 0xF0},
			State{Power: true, Setpoint: 26, Mode: ModeCool, Fan: FanLow},
		},
		{
			"a YBOFB: cool 23, low, swing (issue 814)",
			[]byte{0x59, 0x07, 0x20, 0x50, 2, 0x01, 0x20, 0x00, 0xC0},
			State{Power: true, Setpoint: 23, Mode: ModeCool, Fan: FanLow},
		},
		{"off (issue 814)", []byte{0x51, 0x07, 0x20, 0x50, 2, 0x01, 0x20, 0x00, 0x40}, State{}},
		{
			"sleep, turbo, blow dry, light off",
			[]byte{0xA9, 0x05, 0xD0, 0x50, 2, 0x00, 0x20, 0x00, 0xA0},
			State{Power: true, Setpoint: 21, Mode: ModeCool, Fan: FanMedium},
		},
		{
			"heat 20, display inside (issue 1118)",
			[]byte{0x4C, 0x04, 0x60, 0x50, 2, 0x01, 0x02, 0x00, 0xA0},
			State{Power: true, Setpoint: 20, Mode: ModeHeat, Fan: FanAuto},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := greeCodec() // the lengths of issue 386's remote
			recorded.bitMark, recorded.oneSpace, recorded.zeroSpace = 650, 1660, 555
			state := hears(t, Gree{}, recorded, c.data)
			require.Equal(t, c.want, state)
			sayAgain(t, Gree{}, state)
		})
	}
}

// The sum covers power, mode and setpoint: no flipped bit changes them unheard. It does not cover the rest.
func TestGreeEveryFlippedBitOfItsSumIsRefused(t *testing.T) {
	covered := func(bit int) bool {
		switch at, half := bit/8, bit%8/4; {
		case at < 4:
			return half == 0
		case at == 4: // footer
			return true
		default:
			return half == 1
		}
	}
	for _, on := range []bool{true, false} {
		want := State{Power: on, Setpoint: 24}.WithDefaults()
		data, err := greeBytes(want)
		require.NoError(t, err)
		understood := flipBits(t, Gree{}, greeCodec(), greeWithFooter(data, greeFooter))
		for bit, state := range understood {
			require.False(t, covered(bit), "byte %d bit %d", bit/8, bit%8)
			require.Equal(t, on, state.Power)
			if on {
				require.Equal(t, want.Setpoint, state.Setpoint)
				require.Equal(t, want.Mode, state.Mode)
			}
		}
	}
}

func TestGreeRefusesAnotherLayout(t *testing.T) {
	data, err := greeBytes(State{Power: true, Setpoint: 24}.WithDefaults())
	require.NoError(t, err)
	_, _, err = Gree{}.Decode(Frame{CarrierHz: 38_000, Pulses: greeCodec().encode(greeWithFooter(data, 5))})
	require.ErrorContains(t, err, "ends in 101 instead of 010")

	data[3] = 0x70 // of the longer frames of newer remotes
	_, _, err = Gree{}.Decode(Frame{CarrierHz: 38_000, Pulses: greeCodec().encode(greeWithFooter(data, greeFooter))})
	require.ErrorContains(t, err, "does not begin with 5")
}

func FuzzGreeState(f *testing.F) {
	f.Add(make([]byte, 8))
	f.Fuzz(func(t *testing.T, changes []byte) {
		data := []byte{0x09, 8, 0x60, 0x50, 0, 0x20, 0, 0}
		for i, b := range changes {
			data[i%len(data)] ^= b
		}
		data[7] = data[7]&0xF | greeSum(data)<<4
		state, err := greeState(data)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, Gree{}, state)
	})
}
