package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// The vectors are from IRremoteESP8266's test/ir_Fujitsu_test.cpp; those with swing on are heard only, below.
func TestFujitsuKnownAnswers(t *testing.T) {
	on := State{Power: true, Setpoint: 20, Mode: ModeCool, Fan: FanAuto}
	for _, c := range []struct {
		name     string
		state    State
		previous *State
		want     Code
	}{
		{"off is its own short frame", State{}, &on, "0x146300101002FD"},
		{"off, also when it may be off", State{}, nil, "0x146300101002FD"},
		{"heat 24, switching on (issue 414)", State{Power: true, Setpoint: 24, Mode: ModeHeat}, nil, "0x1463001010FE0930810400000000202B"},
		{"auto 24, switching on (issue 726)", State{Power: true, Setpoint: 24, Mode: ModeAuto}, &State{}, "0x1463001010FE0930810000000000202F"},
		{"cool 24, already on (issue 716)", State{Power: true, Setpoint: 24}, &on, "0x1463001010FE0930800100000000202F"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Fujitsu{}.Encode(c.state, c.previous)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
		})
	}
}

// The off frame's pulses, as in IRremoteESP8266's test of issue 275.
func TestFujitsuPulsesOfOff(t *testing.T) {
	frame, err := Fujitsu{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{3324, 1574, 448, 390, 448, 390, 448, 1182, 448, 390, 448, 1182}, frame.Pulses[:12], "header, then 0x14 from its low bit")
	require.Len(t, frame.Pulses, 115)
	require.Equal(t, 448, frame.Pulses[114])
}

func TestFujitsuSaysAndHearsEverything(t *testing.T) {
	outOfRange(t, Fujitsu{}, 16, 30, "°C is outside its 16 to 30 °C")
	roundTrip(t, Fujitsu{}, 1+15*5*4)
}

func TestFujitsuHearsMore(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want State
	}{
		{
			"cool 24, high, both swings",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x81, 0x01, 0x31, 0x00, 0x00, 0x00, 0x20, 0xFD},
			State{Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanHigh},
		},
		{
			"cool 25, quiet, swing",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x90, 0x01, 0x24, 0x00, 0x00, 0x00, 0x20, 0xFB},
			State{Power: true, Setpoint: 25, Mode: ModeCool, Fan: FanLow},
		},
		{
			"fan 20, medium, swing",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x40, 0x03, 0x22, 0x00, 0x00, 0x00, 0x20, 0x4B},
			State{Power: true, Setpoint: 20, Mode: ModeFan, Fan: FanMedium},
		},
		{
			"outside unit quiet (AR-REB1E)",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0xA0, 0xAF},
			State{Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanAuto},
		},
		{
			"a timer of 8.5 h",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0xA0, 0x30, 0x01, 0x00, 0xE0, 0x9F, 0x20, 0x60},
			State{Power: true, Setpoint: 26, Mode: ModeAuto, Fan: FanHigh},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := fujitsuLong() // the lengths of issue 414's remote
			recorded.bitMark, recorded.oneSpace, recorded.zeroSpace = 475, 1175, 350
			state := hears(t, Fujitsu{}, recorded, c.data)
			require.Equal(t, c.want, state)
			sayAgain(t, Fujitsu{}, state)
		})
	}
}

func TestFujitsuDoesNotUnderstand(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"the vertical vane's step", []byte{0x14, 0x63, 0x00, 0x10, 0x10, 0x6C, 0x93}, "key that tells no state"},
		{"powerful", []byte{0x14, 0x63, 0x00, 0x10, 0x10, 0x39, 0xC6}, "key that tells no state"},
		{
			"AR-REW4E, whose °C are coded otherwise",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x31, 0x50, 0x01, 0x00, 0x21, 0x03, 0x20, 0x20, 0x1A},
			"another model",
		},
		{
			"a remote with signal code C",
			[]byte{0x14, 0x63, 0x20, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x81, 0x01, 0x31, 0x00, 0x00, 0x00, 0x20, 0xFD},
			"signal code",
		},
		{
			"°F",
			[]byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFE, 0x09, 0x30, 0x82, 0x01, 0x00, 0x00, 0x00, 0x00, 0x20, 0x2D},
			"°F",
		},
		{"AR-DB1, 15 bytes", []byte{0x14, 0x63, 0x00, 0x10, 0x10, 0xFC, 0x08, 0x30, 0x30, 0x01, 0, 0, 0, 0, 0x9F}, "entries"},
		{"AR-DB1's off, 6 bytes", []byte{0x14, 0x63, 0x00, 0x10, 0x10, 0x02}, "entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Fujitsu{}.Decode(Frame{CarrierHz: 38_000, Pulses: fujitsuCodec(8 * len(c.data)).encode(c.data)})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestFujitsuEveryFlippedBitIsRefused(t *testing.T) {
	data, err := fujitsuBytes(State{Power: true, Setpoint: 24}.WithDefaults(), true)
	require.NoError(t, err)
	require.Empty(t, flipBits(t, Fujitsu{}, fujitsuLong(), data))
	require.Empty(t, flipBits(t, Fujitsu{}, fujitsuShort(), fujitsuOff()))
}

func FuzzFujitsuState(f *testing.F) {
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, changes []byte) {
		data, err := fujitsuBytes(State{Power: true, Setpoint: 24}.WithDefaults(), true)
		require.NoError(t, err)
		for i, b := range changes {
			data[i%15] ^= b
		}
		data[15] = -sumOf(data[7:15])
		state, err := fujitsuState(data)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, Fujitsu{}, state)
	})
}
