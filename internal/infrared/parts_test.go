package infrared

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// alternating makes n entries, marks and spaces of one length.
func alternating(n, mark, space int) []int {
	pulses := make([]int, n)
	for i := range pulses {
		pulses[i] = mark
		if i%2 == 1 {
			pulses[i] = space
		}
	}
	return pulses
}

func TestFrameValidate(t *testing.T) {
	good := []int{8500, 4250, 550}
	for name, f := range map[string]Frame{
		"pulses":         {CarrierHz: 38_000, Pulses: good},
		"keys":           {Remote: "hall", Keys: []string{"SET_24"}},
		"both":           {CarrierHz: 38_000, Pulses: good, Remote: "hall", Keys: []string{"SET_24"}},
		"two writes":     {CarrierHz: 38_000, Pulses: []int{400_000, 15_000, 400_000}},
		"the kernel's":   {CarrierHz: 38_000, Pulses: []int{250_000, 5, 249_995}},
		"1023 entries":   {CarrierHz: 38_000, Pulses: alternating(1023, 200, 200)},
		"a second's end": {CarrierHz: 38_000, Pulses: []int{500, 500_000, 500}},
	} {
		require.NoError(t, f.Validate(), name)
	}
	for name, f := range map[string]Frame{
		"even":                        {CarrierHz: 38_000, Pulses: []int{1, 2}},
		"nothing":                     {CarrierHz: 38_000},
		"keys of no remote":           {CarrierHz: 38_000, Keys: []string{"SET_24"}},
		"zero entry":                  {CarrierHz: 38_000, Pulses: []int{1, 0, 1}},
		"negative entry":              {CarrierHz: 38_000, Pulses: []int{1, -5, 1}},
		"an entry over half a second": {CarrierHz: 38_000, Pulses: []int{1, 500_001, 1}},
		"too long":                    {CarrierHz: 38_000, Pulses: []int{300_000, 4_999, 300_000}},
		"too many":                    {CarrierHz: 38_000, Pulses: alternating(1025, 200, 200)},
		"far too many":                {CarrierHz: 38_000, Pulses: alternating(9_001, 200, 6_000)},
		"no carrier":                  {Pulses: good},
		"a television's carrier":      {CarrierHz: 455_000, Pulses: good},
	} {
		require.ErrorIs(t, f.Validate(), fault.ErrInvalid, name)
	}
}

func TestPartsOfKeysAreNone(t *testing.T) {
	parts, err := Frame{Remote: "hall", Keys: []string{"SET_24"}}.Parts()
	require.NoError(t, err)
	require.Empty(t, parts)
}

func TestPartsOfAShortFrameAreItself(t *testing.T) {
	frame, err := LG2{}.Encode(State{Power: true, Setpoint: 24}, nil)
	require.NoError(t, err)
	parts, err := frame.Parts()
	require.NoError(t, err)
	require.Equal(t, []Part{{Pulses: frame.Pulses}}, parts, "a header of 9900 µs is no reason to cut")
}

func TestPartsCutAtTheLongestSpaceFirst(t *testing.T) {
	parts, err := Frame{Pulses: []int{300_000, 6_000, 100_000, 9_000, 300_000, 8_000, 100_000}}.Parts()
	require.NoError(t, err)
	require.Equal(t, []Part{
		{Pulses: []int{300_000, 6_000, 100_000}, Pause: 9 * time.Millisecond},
		{Pulses: []int{300_000, 8_000, 100_000}},
	}, parts)
	parts, err = Frame{Pulses: []int{300_000, 20_000, 300_000, 6_000, 300_000}}.Parts()
	require.NoError(t, err)
	require.Equal(t, []Part{
		{Pulses: []int{300_000}, Pause: 20 * time.Millisecond},
		{Pulses: []int{300_000}, Pause: 6 * time.Millisecond},
		{Pulses: []int{300_000}},
	}, parts)
}

func TestPartsCutInTheMiddleOfEqualSpaces(t *testing.T) {
	parts, err := Frame{Pulses: []int{50_000, 9_000, 200_000, 9_000, 200_000, 9_000, 200_000}}.Parts()
	require.NoError(t, err)
	require.Len(t, parts, 2)
	require.Len(t, parts[0].Pulses, 3)
}

// A section of Hitachi's 424 bits lasts longer than a write; the sentence says what is needed.
func TestPartsOfOneLongSectionAreRefused(t *testing.T) {
	hitachi := codec{
		carrierHz: 38_000, bitMark: 463, oneSpace: 1208, zeroSpace: 372,
		sections: []section{{header: []int{29_784, 49_290, 3416, 1604}, bits: 424}},
	}
	data := make([]byte, hitachi.bytes())
	for i := range data {
		data[i] = 0x5A
	}
	_, err := hitachi.frame(data)
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "it needs another blaster")
}

// Whatever is split fits the kernel and is the frame when put together again.
func TestPartsAreTheFrame(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 2_000 {
		f := Frame{CarrierHz: 38_000}
		for i := range 1 + 2*random.IntN(900) {
			us := 300 + random.IntN(1500)
			if i%2 == 1 && random.IntN(60) == 0 {
				us = random.IntN(120_000) + 1
			}
			f.Pulses = append(f.Pulses, us)
		}
		parts, err := f.Parts()
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			continue
		}
		var again []int
		for i, p := range parts {
			require.LessOrEqual(t, Frame{Pulses: p.Pulses}.Duration(), maxDuration)
			require.LessOrEqual(t, len(p.Pulses), maxEntries)
			require.Equal(t, 1, len(p.Pulses)%2)
			again = append(again, p.Pulses...)
			if i < len(parts)-1 {
				require.GreaterOrEqual(t, p.Pause, 5*time.Millisecond)
				again = append(again, int(p.Pause.Microseconds()))
			} else {
				require.Zero(t, p.Pause)
			}
		}
		require.Equal(t, f.Pulses, again)
	}
}
