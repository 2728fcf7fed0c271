package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// panasonicCool26 is what the remote of the JKE series says for cool 26 °C, fan auto, vane auto.
const panasonicCool26 Code = "0x0220E00400000006" + "0220E00400313480AF00000EE00000810000" + "09"

func TestPanasonicKnownAnswers(t *testing.T) {
	frame, err := Panasonic{}.Encode(State{Power: true, Setpoint: 26}, nil)
	require.NoError(t, err)
	require.Equal(t, panasonicCool26, frame.Code)
	require.Equal(t, 36_700, frame.CarrierHz)
	require.Len(t, frame.Pulses, 439)
	require.Equal(t, []int{3456, 1728, 432, 432, 432, 1296}, frame.Pulses[:6])
	require.Equal(t, []int{432, 10_000, 3456, 1728}, frame.Pulses[130:134])

	off, err := Panasonic{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, Code("0x0220E004000000060220E00400303280AF00000EE0000081000006"), off.Code)
}

func TestPanasonicHearsRemotes(t *testing.T) {
	// Frames that IRremoteESP8266 has from remotes of several series (issues 525, 921, 1024 there).
	const first = "0x0220E00400000006"
	for code, want := range map[Code]State{
		first + "0220E00400303280AF0000066000008000" + "0683": {},
		first + "0220E00400393480AF0D000EE00000810000" + "1E": {Power: true, Setpoint: 26, Mode: ModeCool, Fan: FanAuto},
		first + "0220E0040039328073" + "00000EE00000890000DB": {Power: true, Setpoint: 25, Mode: ModeCool, Fan: FanHigh},
		first + "0220E004004F3280AF0D0006600000010006" + "30": {Power: true, Setpoint: 25, Mode: ModeHeat, Fan: FanAuto},
	} {
		got, err := understood(t, Panasonic{}, panasonicCodec(), code)
		require.NoError(t, err, code)
		require.Equal(t, want, got, code)
	}
}

func TestPanasonicSaysAndHearsEverything(t *testing.T) {
	// Mode fan goes with one setpoint only.
	roundTrip(t, Panasonic{}, 1+15*4*4+4)
	outOfRange(t, Panasonic{}, 16, 30, "is outside its 16 to 30 °C")
	_, err := Panasonic{}.Encode(State{Power: true, Setpoint: 24, Mode: ModeFan}, nil)
	require.ErrorContains(t, err, "mode fan goes with 27 °C only")
}

func TestPanasonicEveryFlippedBitIsRefused(t *testing.T) {
	frame, err := Panasonic{}.Encode(State{Power: true, Setpoint: 24}, nil)
	require.NoError(t, err)
	require.Empty(t, flipBits(t, Panasonic{}, panasonicCodec(), bytesOf(t, frame.Code)))
}

// The CKP series toggles: "power" there says change it.
func TestPanasonicRefusesTheSeriesThatToggles(t *testing.T) {
	data := bytesOf(t, panasonicCool26)
	data[21], data[23] = 0x10, 0x01
	data[26] = sumOf(data[8:26])
	_, _, err := Panasonic{}.Decode(Frame{Pulses: panasonicCodec().encode(data)})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "CKP")
}

func FuzzPanasonicDecode(f *testing.F) {
	fuzzDecode(f, Panasonic{}, panasonicCodec(), panasonicCool26)
}
