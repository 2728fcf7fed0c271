package infrared

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestLGKnownAnswers(t *testing.T) {
	on := State{Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanAuto}
	for _, c := range []struct {
		name     string
		state    State
		previous *State
		want     Code
	}{
		{"off is its own frame", State{}, &on, 0x88C0051},
		{"cool 24 auto, already on", on, &on, 0x8808956},
		{"cool 24 auto, switching on", on, &State{}, 0x880095E},
		{"an unknown previous state switches on", on, nil, 0x880095E},
		{"mode and fan may be left out", State{Power: true, Setpoint: 24}, nil, 0x880095E},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := LG{}.Encode(c.state, c.previous)
			require.NoError(t, err)
			require.Equal(t, c.want, frame.Code, "got %s", frame.Code)
			require.Equal(t, 38_000, frame.CarrierHz)
			require.Len(t, frame.Pulses, 59)
			require.Less(t, frame.Duration(), 75*time.Millisecond)
		})
	}
}

func TestLGPulsesOfOff(t *testing.T) {
	frame, err := LG{}.Encode(State{}, nil)
	require.NoError(t, err)
	require.Equal(t, []int{8500, 4250, 550, 1600, 550, 550}, frame.Pulses[:6], "header, then 1, 0 of 0x8")
	require.Equal(t, 550, frame.Pulses[58])
}

func TestLGRefuses(t *testing.T) {
	for _, s := range []State{
		{Power: true, Setpoint: 15},
		{Power: true, Setpoint: 31},
		{Power: true, Setpoint: 24, Mode: "freeze"},
		{Power: true, Setpoint: 24, Fan: "hurricane"},
	} {
		_, err := LG{}.Encode(s, nil)
		require.ErrorIs(t, err, fault.ErrInvalid, "%+v", s)
	}
}

// Every state that can be said is heard again, also by a receiver that stretches marks and jitters.
func TestLGRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	on := State{Power: true, Setpoint: 20, Mode: ModeCool, Fan: FanAuto}
	for setpoint := 16; setpoint <= 30; setpoint++ {
		for _, mode := range []string{ModeCool, ModeDry, ModeFan, ModeAuto, ModeHeat} {
			for _, fan := range []string{FanAuto, FanLow, FanMedium, FanHigh} {
				for _, previous := range []*State{nil, &on} {
					want := State{Power: true, Setpoint: setpoint, Mode: mode, Fan: fan}
					frame, err := LG{}.Encode(want, previous)
					require.NoError(t, err)
					heard := jitter(random, frame)
					got, code, err := LG{}.Decode(heard)
					require.NoError(t, err)
					require.Equal(t, want, got)
					require.Equal(t, frame.Code, code)
				}
			}
		}
	}
}

// jitter is what a demodulating receiver does: marks up to 100 µs longer, spaces as much shorter, and 3 %.
func jitter(random *rand.Rand, f Frame) Frame {
	heard := Frame{CarrierHz: f.CarrierHz}
	for i, us := range f.Pulses {
		stretch := random.IntN(101)
		if i%2 == 1 {
			stretch = -stretch
		}
		heard.Pulses = append(heard.Pulses, us+stretch+int(float64(us)*0.03*(2*random.Float64()-1)))
	}
	return heard
}

// One wrong bit anywhere is heard as wrong, never as another state with the same sum.
func TestLGEveryFlippedBitIsRefused(t *testing.T) {
	frame, err := LG{}.Encode(State{Power: true, Setpoint: 24}, nil)
	require.NoError(t, err)
	for bit := range 28 {
		heard := Frame{CarrierHz: 38_000, Pulses: lgTiming().encode(frame.Code ^ 1<<bit)}
		_, _, err := LG{}.Decode(heard)
		require.ErrorIs(t, err, fault.ErrInvalid, "bit %d", bit)
	}
}

func FuzzLGDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint32(0x8808956))
	f.Fuzz(func(t *testing.T, noise []byte, code uint32) {
		pulses := lgTiming().encode(Code(code & 0xFFFFFFF))
		for i, b := range noise {
			pulses[i%len(pulses)] += int(b) - 128
		}
		state, heard, err := LG{}.Decode(Frame{CarrierHz: 38_000, Pulses: pulses[:len(pulses)-len(noise)%3]})
		if err != nil {
			return
		}
		if state.Power {
			again, err := lgCode(state, heard&lgAlreadyOn != 0)
			require.NoError(t, err)
			require.Equal(t, heard, again, "what is understood can be said")
		}
	})
}

func TestFrameValidate(t *testing.T) {
	good := []int{8500, 4250, 550}
	require.NoError(t, Frame{38_000, good, 0}.Validate())
	for name, f := range map[string]Frame{
		"even":           {38_000, []int{1, 2}, 0},
		"empty":          {38_000, nil, 0},
		"zero entry":     {38_000, []int{1, 0, 1}, 0},
		"negative entry": {38_000, []int{1, -5, 1}, 0},
		"too long":       {38_000, []int{200_000, 200_000, 200_000}, 0},
		"too many":       {38_000, make([]int, 1025), 0},
		"no carrier":     {0, good, 0},
	} {
		require.ErrorIs(t, f.Validate(), fault.ErrInvalid, name)
	}
}

func TestByName(t *testing.T) {
	for _, name := range Names() {
		p, err := ByName(name)
		require.NoError(t, err)
		require.Equal(t, name, p.Name())
		require.Less(t, p.Min(), p.Max())
	}
	_, err := ByName("sony")
	require.ErrorContains(t, err, `remote "sony" is not known (known: lg)`)
}
