package infrared

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// mitsubishiCool21 was recorded from a remote of Mitsubishi Electric: cool 21 °C, fan auto, vane auto.
const mitsubishiCool21 Code = "0x23CB2601002018053640000000000000" + "00C8"

func TestMitsubishiKnownAnswers(t *testing.T) {
	frame, err := Mitsubishi{}.Encode(State{Power: true, Setpoint: 21}, nil)
	require.NoError(t, err)
	require.Equal(t, mitsubishiCool21, frame.Code)
	require.Len(t, frame.Pulses, 583)
	require.Equal(t, []int{3400, 1750, 450, 1300, 450, 1300, 450, 420}, frame.Pulses[:8])
	require.Equal(t, []int{440, 17_100, 3400}, frame.Pulses[290:293])
	require.Equal(t, frame.Pulses[:291], frame.Pulses[292:], "sent twice")
	require.Equal(t, 440, frame.Pulses[582])

	off, err := Mitsubishi{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, Code("0x23CB260100001808364000000000000000AB"), off.Code)
}

func TestMitsubishiHearsRemotes(t *testing.T) {
	// Frames that IRremoteESP8266 and users of it have from remotes.
	for code, want := range map[Code]State{
		"0x23CB260100200806304567000000000000" + "1F": {Power: true, Setpoint: 22, Mode: ModeHeat, Fan: FanLow},  // silent
		"0x23CB26010020180B36404D000000020000" + "1D": {Power: true, Setpoint: 27, Mode: ModeCool, Fan: FanAuto}, // SG11D
		"0x23CB26010020180836780000000000000" + "003": {Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanAuto},
		"0x23CB26010000180A36790000000000000" + "0E6": {},                                                        // off, 26 °C
		"0x23CB2601000018083678000000000000" + "00E3": {},                                                        // off, 24 °C
		"0x23CB260100201815364000000000000000" + "D8": {Power: true, Setpoint: 21, Mode: ModeCool, Fan: FanAuto}, // 21.5 °C
	} {
		got, err := understood(t, Mitsubishi{}, mitsubishiCodec(), code)
		require.NoError(t, err)
		require.Equal(t, want, got, code)
	}
}

func TestMitsubishiSaysAndHearsEverything(t *testing.T) {
	roundTrip(t, Mitsubishi{}, 1+16*5*4)
	outOfRange(t, Mitsubishi{}, 16, 31, "is outside its 16 to 31 °C")
}

func TestMitsubishiEveryFlippedBitIsRefused(t *testing.T) {
	frame, err := Mitsubishi{}.Encode(State{Power: true, Setpoint: 24}, nil)
	require.NoError(t, err)
	require.Empty(t, flipBits(t, Mitsubishi{}, mitsubishiCodec(), bytesOf(t, frame.Code)))
}

// A remote sends twice so that one copy may be lost.
func TestMitsubishiOneCopySuffices(t *testing.T) {
	want := State{Power: true, Setpoint: 21, Mode: ModeCool, Fan: FanAuto}
	frame, err := Mitsubishi{}.Encode(want, nil)
	require.NoError(t, err)
	broken := func(at ...int) []int {
		pulses := append([]int(nil), frame.Pulses...)
		for _, i := range at {
			pulses[i] = 800
		}
		return pulses
	}
	for name, pulses := range map[string][]int{
		"the first is broken":              broken(100),
		"the second is broken":             broken(400),
		"only the first":                   frame.Pulses[:291],
		"only the first, with its silence": append(append([]int(nil), frame.Pulses[:291]...), 120_000),
		"only the second":                  frame.Pulses[292:],
		"the end of the first, the second": frame.Pulses[150:],
	} {
		got, _, err := Mitsubishi{}.Decode(Frame{Pulses: pulses})
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	_, _, err = Mitsubishi{}.Decode(Frame{Pulses: broken(100, 400)})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestMitsubishiCopiesMustAgree(t *testing.T) {
	c := mitsubishiCodec()
	a, err := Mitsubishi{}.Encode(State{Power: true, Setpoint: 21}, nil)
	require.NoError(t, err)
	b, err := Mitsubishi{}.Encode(State{Power: true, Setpoint: 22}, nil)
	require.NoError(t, err)
	mixed := append(append(append([]int(nil), a.Pulses[:291]...), c.copyGap), b.Pulses[:291]...)
	_, _, err = Mitsubishi{}.Decode(Frame{Pulses: mixed})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "differ")
}

// A split frame's pause is slept by a program: heard some milliseconds longer it is the same frame.
func TestMitsubishiHearsASplitFrame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	want := State{Power: true, Setpoint: 31, Mode: ModeHeat, Fan: FanHigh}
	frame, err := Mitsubishi{}.Encode(want, nil)
	require.NoError(t, err)
	heard := jitter(random, frame)
	heard.Pulses[291] += 19_000
	got, _, err := Mitsubishi{}.Decode(heard)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func FuzzMitsubishiDecode(f *testing.F) {
	fuzzDecode(f, Mitsubishi{}, mitsubishiCodec(), mitsubishiCool21)
}
