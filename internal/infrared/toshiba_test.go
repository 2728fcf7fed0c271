package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// The vectors are from IRremoteESP8266's test/ir_Toshiba_test.cpp.
func TestToshibaKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		want  Code
	}{
		{"auto 22, the state of a new remote", State{Power: true, Setpoint: 22, Mode: ModeAuto}, "0xF20D03FC0150000051"},
		{"auto 17", State{Power: true, Setpoint: 17, Mode: ModeAuto}, "0xF20D03FC0100000001"},
		{"cool 17, highest fan", State{Power: true, Setpoint: 17, Fan: FanHigh}, "0xF20D03FC0100C100C0"},
		{"cool 17, middle fan (recorded)", State{Power: true, Setpoint: 17, Fan: FanMedium}, "0xF20D03FC0100810080"},
		{"off", State{}, "0xF20D03FC0150070056"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Toshiba{}.Encode(c.state, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
			require.Len(t, frame.Pulses, 295)
			require.Equal(t, []int{4400, 4300, 580, 1600, 580, 1600, 580, 1600, 580, 1600, 580, 490}, frame.Pulses[:12], "0xF2 from its high bit")
		})
	}
}

func TestToshibaSaysAndHearsEverything(t *testing.T) {
	outOfRange(t, Toshiba{}, 17, 30, "°C is outside its 17 to 30 °C")
	roundTrip(t, Toshiba{}, 1+14*5*4)
}

func TestToshibaHearsMore(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want State
	}{
		{"recorded: auto 23", []byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0x60, 0x00, 0x00, 0x61}, State{Power: true, Setpoint: 23, Mode: ModeAuto, Fan: FanAuto}},
		{"recorded: heat 24, highest fan", []byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0x70, 0xC3, 0x00, 0xB2}, State{Power: true, Setpoint: 24, Mode: ModeHeat, Fan: FanHigh}},
		{"recorded: off, 22, fourth fan", []byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0x50, 0xA7, 0x00, 0xF6}, State{}},
		{"recorded: powerful, auto 22, in 80 bits", []byte{0xF2, 0x0D, 0x04, 0xFB, 0x09, 0x50, 0x00, 0x00, 0x01, 0x58}, State{Power: true, Setpoint: 22, Mode: ModeAuto, Fan: FanAuto}},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := toshibaCodec(len(c.data))
			recorded.bitMark, recorded.oneSpace, recorded.zeroSpace, recorded.copyGap = 640, 1520, 438, 7362
			state := hears(t, Toshiba{}, recorded, c.data)
			require.Equal(t, c.want, state)
			sayAgain(t, Toshiba{}, state)

			recorded.copyGap = 4600 // remote WH-UB03NJ
			require.Equal(t, c.want, hears(t, Toshiba{}, recorded, c.data))
		})
	}
}

func TestToshibaDoesNotUnderstand(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"the swing key, 56 bits", []byte{0xF2, 0x0D, 0x01, 0xFE, 0x21, 0x00, 0x21}, "space of bit 56 lasts 7400 µs"},
		{"a remote switched to B", toshibaClose([]byte{0xF2, 0x0D, 0x13, 0xEC, 0x01, 0x50, 0x01, 0x00, 0}), "remote A"},
		{"a length that is not inverted", toshibaClose([]byte{0xF2, 0x0D, 0x03, 0xFD, 0x01, 0x50, 0x01, 0x00, 0}), "is no state"},
		{"31 °C", toshibaClose([]byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0xE0, 0x01, 0x00, 0}), "31 °C is outside"},
		{"a wrong check byte", []byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0x50, 0x00, 0x00, 0x52}, "check byte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Toshiba{}.Decode(Frame{CarrierHz: 38_000, Pulses: toshibaCodec(len(c.data)).encode(c.data)})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestToshibaEveryFlippedBitIsRefused(t *testing.T) {
	for _, state := range []State{{}, {Power: true, Setpoint: 24}} {
		data, err := toshibaBytes(state.WithDefaults())
		require.NoError(t, err)
		require.Empty(t, flipBits(t, Toshiba{}, toshibaCodec(9), data))
	}
}

func FuzzToshibaState(f *testing.F) {
	f.Add(make([]byte, 9), false)
	f.Add(make([]byte, 10), true)
	f.Fuzz(func(t *testing.T, changes []byte, long bool) {
		data := []byte{0xF2, 0x0D, 0x03, 0xFC, 0x01, 0x50, 0x01, 0x00, 0}
		if long {
			data = []byte{0xF2, 0x0D, 0x04, 0xFB, 0x09, 0x50, 0x01, 0x00, 0x01, 0}
		}
		for i, b := range changes {
			data[i%len(data)] ^= b
		}
		state, err := toshibaState(toshibaClose(data))
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, Toshiba{}, state)
	})
}
