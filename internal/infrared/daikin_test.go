package infrared

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// The vectors are from IRremoteESP8266's test/ir_Daikin_test.cpp, with swing and the like off.
func TestDaikinKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		state State
		want  Code
	}{
		{
			"cool 27, lowest fan",
			State{Power: true, Setpoint: 27, Fan: FanLow},
			"0x11DA2700C50000D711DA27004200005411DA27000039360030000006600000C00000D7",
		},
		{
			"heat 15 differs from the reset state by its fan",
			State{Power: true, Setpoint: 15, Mode: ModeHeat},
			"0x11DA2700C50000D711DA27004200005411DA270000491E00A0000006600000C000003F",
		},
		{
			"off",
			State{},
			"0x11DA2700C50000D711DA27004200005411DA270000383200A0000006600000C0000042",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := Daikin{}.Encode(c.state, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code)
			require.Len(t, frame.Pulses, 583)
		})
	}
}

func TestDaikinPulses(t *testing.T) {
	frame, err := Daikin{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{428, 428, 428, 428, 428, 428, 428, 428, 428, 428, 428, 29428, 3650, 1623, 428, 1280, 428, 428}, frame.Pulses[:18])
}

// The longest frame that the layout allows is more than one write to the kernel may be; it is cut at a section gap.
func TestDaikinLongestFrameIsSplit(t *testing.T) {
	data := bytes.Repeat([]byte{0xFF}, 36)
	parts, err := Frame{CarrierHz: 38_000, Pulses: daikinCodec().encode(data)}.Parts()
	require.NoError(t, err)
	require.Len(t, parts, 2)
	require.Equal(t, 29_428*time.Microsecond, parts[0].Pause)
}

func TestDaikinRefuses(t *testing.T) {
	refuses(t, Daikin{}, map[State]string{
		{Power: true, Setpoint: 17}:                "daikin remote: 17 °C is outside its 18 to 32 °C",
		{Power: true, Setpoint: 9, Mode: ModeHeat}: "daikin remote: 9 °C is outside its 10 to 32 °C",
		{Power: true, Setpoint: 24 + 128}:          "152 °C", // the same byte as 24
	})
}

func TestDaikinSaysAndHearsEverything(t *testing.T) {
	outOfRange(t, Daikin{}, 18, 32, "°C is outside its 18 to 32 °C")
	roundTrip(t, Daikin{}, 1+15*5*4)
	for setpoint := 10; setpoint < 18; setpoint++ {
		sayAgain(t, Daikin{}, State{Power: true, Setpoint: setpoint, Mode: ModeHeat, Fan: FanLow})
	}
}

// A frame that was recorded from a remote (cool 29, powerful, both timers), with the lengths and gaps as recorded.
func TestDaikinHearsARealRemote(t *testing.T) {
	data := []byte{
		0,
		0x11, 0xDA, 0x27, 0x00, 0xC5, 0x00, 0x00, 0xD7,
		0x11, 0xDA, 0x27, 0x00, 0x42, 0x3A, 0x05, 0x93,
		0x11, 0xDA, 0x27, 0x00, 0x00, 0x3F, 0x3A, 0x00, 0xA0, 0x00, 0x0A, 0x25, 0x17, 0x01, 0x00, 0xC0, 0x00, 0x00, 0x32,
	}
	recorded := daikinCodec()
	recorded.bitMark, recorded.zeroSpace, recorded.oneSpace = 400, 446, 1336
	for i := range recorded.sections {
		recorded.sections[i].gap = 34_878
		if i > 0 {
			recorded.sections[i].header = []int{3436, 1768}
		}
	}
	recorded.sections[0].gap = 25_434
	want := State{Power: true, Setpoint: 29, Mode: ModeCool, Fan: FanAuto}
	require.Equal(t, want, hears(t, Daikin{}, recorded, data))

	recorded.sections = recorded.sections[1:]
	require.Equal(t, want, hears(t, Daikin{}, recorded, data[1:]), "the lead was lost")
}

// What remotes say and this profile does not.
func TestDaikinHearsMore(t *testing.T) {
	for _, c := range []struct {
		name                  string
		mode, setpoint, speed byte
		want                  State
	}{
		{"quiet is a low fan", 0x39, 54, 0xB0, State{Power: true, Setpoint: 27, Mode: ModeCool, Fan: FanLow}},
		{"the second speed is a low fan", 0x39, 54, 0x4F, State{Power: true, Setpoint: 27, Mode: ModeCool, Fan: FanLow}},
		{"the fourth speed is a high fan", 0x39, 54, 0x60, State{Power: true, Setpoint: 27, Mode: ModeCool, Fan: FanHigh}},
		{"22.5 °C is 23", 0x39, 45, 0xA0, State{Power: true, Setpoint: 23, Mode: ModeCool, Fan: FanAuto}},
		{"dry without a setpoint", 0x29, 0xC0, 0xA0, State{Power: true, Setpoint: 32, Mode: ModeDry, Fan: FanAuto}},
		{"off with an on timer", 0x4A, 54, 0xA0, State{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := daikinFrame()
			data[21], data[22], data[24] = c.mode, c.setpoint, c.speed
			daikinClose(data)
			state := hears(t, Daikin{}, daikinCodec(), append([]byte{0}, data...))
			require.Equal(t, c.want, state)
			sayAgain(t, Daikin{}, state)
		})
	}
}

// A frame whose sums are right but whose signature is another's is no state.
func TestDaikinRefusesAnotherSignature(t *testing.T) {
	for _, at := range []int{0, 4, 12, 17, 20} {
		data := daikinFrame()
		data[21], data[22], data[24] = 0x39, 54, 0xA0
		data[at]++
		daikinClose(data)
		_, err := daikinState(data)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "instead of", "byte %d", at)
	}
}

func TestDaikinEveryFlippedBitIsRefused(t *testing.T) {
	for _, state := range []State{{}, {Power: true, Setpoint: 24}} {
		data, err := daikinBytes(state.WithDefaults())
		require.NoError(t, err)
		require.Empty(t, flipBits(t, Daikin{}, daikinCodec(), append([]byte{0}, data...)))
	}
}

func FuzzDaikinState(f *testing.F) {
	f.Add(make([]byte, 35))
	f.Fuzz(func(t *testing.T, changes []byte) {
		data := daikinFrame()
		data[21], data[22], data[24] = 0x39, 54, 0xA0
		for i, b := range changes {
			data[i%len(data)] ^= b
		}
		daikinClose(data)
		state, err := daikinState(data)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, Daikin{}, state)
	})
}
