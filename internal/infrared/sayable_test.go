package infrared

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// refuses checks that each state is refused by a sentence that says so.
func refuses(t *testing.T, p Profile, sentences map[State]string) {
	t.Helper()
	for state, says := range sentences {
		_, err := p.Encode(state, nil)
		require.ErrorIs(t, err, fault.ErrInvalid, "%+v", state)
		require.ErrorContains(t, err, says)
	}
}

// flipBits sends the data with each of its bits wrong, in all copies alike, and returns those that were understood.
func flipBits(t *testing.T, p Profile, c codec, data []byte) map[int]State {
	t.Helper()
	understood := map[int]State{}
	at := 0
	for _, s := range c.sections {
		for bit := range s.bits {
			wrong := append([]byte{}, data...)
			wrong[at+bit/8] ^= 1 << (bit % 8)
			state, _, err := p.Decode(Frame{CarrierHz: c.carrierHz, Pulses: c.encode(wrong)})
			if err != nil {
				require.ErrorIs(t, err, fault.ErrInvalid)
				continue
			}
			understood[8*at+bit] = state
		}
		at += s.bytes()
	}
	return understood
}

// hears decodes the bytes as a receiver heard them from another sender: the codec has the lengths measured there.
func hears(t *testing.T, p Profile, c codec, data []byte) State {
	t.Helper()
	state, _, err := p.Decode(Frame{CarrierHz: c.carrierHz, Pulses: c.encode(data)})
	require.NoError(t, err)
	return state
}

// sayAgain checks that what was understood can be said and is then understood alike.
func sayAgain(t *testing.T, p Profile, state State) {
	t.Helper()
	frame, err := p.Encode(state, nil)
	require.NoError(t, err, "%s was understood", state)
	again, _, err := p.Decode(frame)
	require.NoError(t, err)
	require.Equal(t, state, again)
}

// FuzzEveryProfile distorts frames of all profiles and hands each to all of them.
func FuzzEveryProfile(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(3), uint8(24), true)
	f.Add([]byte{0, 255}, uint8(0), uint8(18), false)
	f.Add([]byte{}, uint8(7), uint8(0), true)
	f.Fuzz(func(t *testing.T, noise []byte, which, setpoint uint8, power bool) {
		speaker, err := ByName(Names()[int(which)%len(Names())])
		require.NoError(t, err)
		frame, err := speaker.Encode(State{Power: power, Setpoint: int(setpoint)}, nil)
		if err != nil {
			return
		}
		pulses := append([]int{}, frame.Pulses...)
		for i, b := range noise {
			pulses[i*7%len(pulses)] += (int(b) - 128) * (1 + i%9)
		}
		pulses = pulses[len(noise)%2 : len(pulses)-len(noise)%5]
		for _, name := range Names() {
			p, err := ByName(name)
			require.NoError(t, err)
			if state, _, err := p.Decode(Frame{CarrierHz: frame.CarrierHz, Pulses: pulses}); err == nil {
				sayAgain(t, p, state)
			}
		}
	})
}
