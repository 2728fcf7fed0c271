package infrared

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// everyState is all that a profile can say, and off.
func everyState(t *testing.T, p Profile) []State {
	t.Helper()
	states := []State{{}}
	for setpoint := p.Min(); setpoint <= p.Max(); setpoint++ {
		for _, mode := range []string{ModeCool, ModeDry, ModeFan, ModeAuto, ModeHeat} {
			for _, fan := range []string{FanAuto, FanLow, FanMedium, FanHigh} {
				s := State{Power: true, Setpoint: setpoint, Mode: mode, Fan: fan}
				_, err := p.Encode(s, nil)
				if err == nil {
					states = append(states, s)
					continue
				}
				require.ErrorIs(t, err, fault.ErrInvalid)
				require.False(t, mode == ModeCool && fan == FanAuto, "cool, fan auto at %d °C must be sayable: %v", setpoint, err)
			}
		}
	}
	return states
}

// roundTrip says every state of the profile, of which there are so many, to a machine that is off, on and unknown,
// and hears it through a receiver that stretches marks and jitters.
func roundTrip(t *testing.T, p Profile, states int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	said := everyState(t, p)
	require.Len(t, said, states)
	for _, want := range said {
		for _, previous := range []*State{nil, {}, {Power: true, Setpoint: p.Min(), Mode: ModeCool, Fan: FanAuto}} {
			frame, err := p.Encode(want, previous)
			require.NoError(t, err)
			got, code, err := p.Decode(jitter(random, frame))
			require.NoError(t, err, "%s: %s", p.Name(), want)
			require.Equal(t, want, got)
			require.Equal(t, frame.Code, code)
		}
	}
}

// outOfRange is refused in one sentence that names the range.
func outOfRange(t *testing.T, p Profile, lowest, highest int, sentence string) {
	t.Helper()
	require.Equal(t, lowest, p.Min())
	require.Equal(t, highest, p.Max())
	for _, setpoint := range []int{lowest - 1, highest + 1, 0, -1, 1000} {
		_, err := p.Encode(State{Power: true, Setpoint: setpoint}, nil)
		require.ErrorIs(t, err, fault.ErrInvalid, setpoint)
		require.ErrorContains(t, err, sentence)
	}
	_, err := p.Encode(State{Power: true, Setpoint: 24, Mode: "freeze"}, nil)
	require.ErrorContains(t, err, `mode "freeze" is none of `)
	_, err = p.Encode(State{Power: true, Setpoint: 24, Fan: "hurricane"}, nil)
	require.ErrorContains(t, err, `"hurricane" is none of `)
}

// fuzzDecode hands a profile bytes of its codec with noise on the pulses: it never panics, and what it
// understands can be said again.
func fuzzDecode(f *testing.F, p Profile, c codec, known ...Code) {
	for _, code := range known {
		f.Add(bytesOf(f, code), []byte{})
		f.Add(bytesOf(f, code), []byte{1, 2, 255})
	}
	f.Fuzz(func(t *testing.T, data, noise []byte) {
		if len(data) != c.bytes() {
			return
		}
		pulses := c.encode(data)
		for i, b := range noise {
			pulses[i*7%len(pulses)] += int(b) - 128
		}
		state, _, err := p.Decode(Frame{CarrierHz: c.carrierHz, Pulses: pulses[:len(pulses)-len(noise)%3]})
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		sayAgain(t, p, state)
	})
}

// bytesOf reads a code that is written in bytes.
func bytesOf(t testing.TB, code Code) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.TrimPrefix(string(code), "0x"))
	require.NoError(t, err)
	return data
}

// understood decodes bytes as they are documented.
func understood(t *testing.T, p Profile, c codec, code Code) (State, error) {
	t.Helper()
	state, heard, err := p.Decode(Frame{CarrierHz: c.carrierHz, Pulses: c.encode(bytesOf(t, code))})
	if err == nil {
		require.Equal(t, code, heard)
	}
	return state, err
}
