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
		{"off is its own frame", State{}, &on, "0x88C0051"},
		{"cool 24 auto, already on", on, &on, "0x8808956"},
		{"cool 24 auto, switching on", on, &State{}, "0x880095E"},
		{"an unknown previous state switches on", on, nil, "0x880095E"},
		{"mode and fan may be left out", State{Power: true, Setpoint: 24}, nil, "0x880095E"},
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
	data, err := lgCodec().decode(frame.Pulses)
	require.NoError(t, err)
	for bit := range 28 {
		heard := Frame{CarrierHz: 38_000, Pulses: lgCodec().encode(lgBytes(lgNumber(data) ^ 1<<bit))}
		_, _, err := LG{}.Decode(heard)
		require.ErrorIs(t, err, fault.ErrInvalid, "bit %d", bit)
	}
}

func FuzzLGDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint32(0x8808956))
	f.Add([]byte{}, uint32(0x880A3A7))
	f.Fuzz(func(t *testing.T, noise []byte, code uint32) {
		pulses := lgCodec().encode(lgBytes(uint64(code & 0xFFFFFFF)))
		for i, b := range noise {
			pulses[i%len(pulses)] += int(b) - 128
		}
		state, _, err := LG{}.Decode(Frame{CarrierHz: 38_000, Pulses: pulses[:len(pulses)-len(noise)%3]})
		if err == nil {
			sayAgain(t, LG{}, state)
		}
	})
}

// Frames that IRremoteESP8266 has from LG's remotes (issues 1008 and 1513 there).
func TestLGHearsRemotes(t *testing.T) {
	for code, want := range map[uint64]State{
		0x880C152: {Power: true, Setpoint: 16, Mode: ModeHeat, Fan: FanAuto},
		0x880CF50: {Power: true, Setpoint: 30, Mode: ModeHeat, Fan: FanAuto},
		0x880960F: {Power: true, Setpoint: 21, Mode: ModeDry, Fan: FanLow},
		0x8808855: {Power: true, Setpoint: 23, Mode: ModeCool, Fan: FanAuto},
		0x8808721: {Power: true, Setpoint: 22, Mode: ModeCool, Fan: FanMedium},
		0x8800347: {Power: true, Setpoint: 18, Mode: ModeCool, Fan: FanHigh},
		0x880A3A7: {Power: true, Setpoint: 18, Mode: ModeFan, Fan: FanHigh}, // AKB74955603
		0x880A396: {Power: true, Setpoint: 18, Mode: ModeFan, Fan: FanLow},  // AKB74955603
		0x88C0051: {},
	} {
		for _, p := range []struct {
			Profile
			codec
		}{{LG{}, lgCodec()}, {LG2{}, lg2Codec()}} {
			got, heard, err := p.Decode(Frame{Pulses: p.encode(lgBytes(code))})
			require.NoError(t, err, "%07X", code)
			require.Equal(t, want, got)
			require.Equal(t, lgText(code), heard)
		}
	}
}

// Frames of buttons that do not tell the state: swing, light, a vane.
func TestLGRefusesOtherButtons(t *testing.T) {
	for _, code := range []uint64{0x8813149, 0x881315A, 0x8813048, 0x88C00A6, 0x881334B, 0x8810045} {
		_, _, err := LG{}.Decode(Frame{Pulses: lgCodec().encode(lgBytes(code))})
		require.ErrorIs(t, err, fault.ErrInvalid, "%07X", code)
	}
}

// Recorded from the remote AKB75215403 (IRremoteESP8266's issue 1008): cool 18 °C, fan high.
func TestLG2HearsARecording(t *testing.T) {
	heard := Frame{CarrierHz: 38_000, Pulses: []int{
		3272, 9844, 506, 1588, 536, 498, 534, 498, 536, 498, 534, 1540, 534, 506, 534, 498, 534, 500, 532, 500,
		534, 498, 534, 498, 534, 506, 534, 500, 534, 498, 534, 498, 534, 498, 534, 500, 534, 498, 534, 1566,
		508, 1566, 508, 500, 534, 1540, 534, 506, 534, 500, 534, 500, 534, 1560, 508, 1540, 534, 1558, 508,
	}}
	state, code, err := LG2{}.Decode(heard)
	require.NoError(t, err)
	require.Equal(t, State{Power: true, Setpoint: 18, Mode: ModeCool, Fan: FanHigh}, state)
	require.Equal(t, Code("0x8800347"), code)
	_, _, err = LG{}.Decode(heard)
	require.ErrorIs(t, err, fault.ErrInvalid, "the timing tells the two apart")
}

func TestLG2SaysAndHearsEverything(t *testing.T) {
	roundTrip(t, LG2{}, 1+15*5*4)
	outOfRange(t, LG2{}, 16, 30, "is outside its 16 to 30 °C")
}

func TestByName(t *testing.T) {
	require.IsIncreasing(t, Names())
	for _, name := range Names() {
		p, err := ByName(name)
		require.NoError(t, err)
		if name != "midea" {
			require.Equal(t, name, p.Name())
		}
		require.Less(t, p.Min(), p.Max())
	}
	_, err := ByName("sony")
	require.ErrorContains(t, err, `remote "sony" is not known (known: coolix, daikin, `)
}
