package infrared

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// learned are the frames of a remote as they would be recorded: Mitsubishi's, with the jitter of a receiver.
func learned(t *testing.T, lowest, highest int) map[string]Frame {
	t.Helper()
	random := rand.New(rand.NewPCG(9, 10))
	record := func(s State) Frame {
		frame, err := Mitsubishi{}.Encode(s, nil)
		require.NoError(t, err)
		frame = jitter(random, frame)
		frame.CarrierHz = 0 // a recording does not tell it
		return frame
	}
	frames := map[string]Frame{KeyPowerOff: record(State{})}
	for n := lowest; n <= highest; n++ {
		frames[fmt.Sprintf("SET_%d", n)] = record(State{Power: true, Setpoint: n})
	}
	return frames
}

// withOn adds a frame that only switches on.
func withOn(t *testing.T, frames map[string]Frame) map[string]Frame {
	t.Helper()
	on, err := LG{}.Encode(State{Power: true, Setpoint: 22}, nil)
	require.NoError(t, err)
	frames[KeyPowerOn] = Frame{CarrierHz: on.CarrierHz, Pulses: on.Pulses}
	return frames
}

func TestNamedSaysKeys(t *testing.T) {
	plain, err := Named("hall-ac", "HALL", learned(t, 18, 30))
	require.NoError(t, err)
	both, err := Named("hall-ac", "HALL", withOn(t, learned(t, 18, 30)))
	require.NoError(t, err)
	require.Equal(t, "hall-ac", both.Name())
	require.Equal(t, 18, both.Min())
	require.Equal(t, 30, both.Max())
	cool, running := State{Power: true, Setpoint: 24}, &State{Power: true, Setpoint: 20}
	for _, c := range []struct {
		name     string
		profile  Profile
		state    State
		previous *State
		want     []string
		parts    int
	}{
		{"off", both, State{}, running, []string{"POWER_OFF"}, 1},
		{"off when off", both, State{}, &State{}, []string{"POWER_OFF"}, 1},
		{"a running machine is set", both, cool, running, []string{"SET_24"}, 1},
		{"a machine that is off is switched on first", both, cool, &State{}, []string{"POWER_ON", "SET_24"}, 2},
		{"an unknown one too", both, cool, nil, []string{"POWER_ON", "SET_24"}, 2},
		{"a remote without POWER_ON only sets", plain, cool, nil, []string{"SET_24"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, err := c.profile.Encode(c.state, c.previous)
			require.NoError(t, err)
			require.NoError(t, frame.Validate())
			require.Equal(t, c.want, frame.Keys)
			require.Equal(t, "HALL", frame.Remote)
			require.Equal(t, 38_000, frame.CarrierHz)
			parts, err := frame.Parts()
			require.NoError(t, err)
			require.Len(t, parts, c.parts)
			if c.parts == 2 {
				require.Equal(t, KeyPause, parts[0].Pause)
				require.Equal(t, Code("POWER_ON SET_24"), frame.Code)
			}
		})
	}
}

// A machine hears what it was told, in each of the ways a receiver or lircd tells.
func TestNamedHears(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	p, err := Named("hall-ac", "HALL", withOn(t, learned(t, 16, 31)))
	require.NoError(t, err)
	for n := 16; n <= 31; n++ {
		for _, previous := range []*State{nil, {Power: true, Setpoint: 20}} {
			want := State{Power: true, Setpoint: n, Mode: ModeCool, Fan: FanAuto}
			frame, err := p.Encode(want, previous)
			require.NoError(t, err)
			byKeys, code, err := p.Decode(Frame{Remote: "HALL", Keys: frame.Keys})
			require.NoError(t, err)
			require.Equal(t, want, byKeys)
			require.Equal(t, frame.Code, code)
			heard := jitter(random, frame)
			byPulses, code, err := p.Decode(heard)
			require.NoError(t, err)
			require.Equal(t, want, byPulses)
			require.Equal(t, frame.Code, code)
			heard.Pulses = append(heard.Pulses, 125_000)
			byPulses, _, err = p.Decode(heard)
			require.NoError(t, err, "with the silence after it")
			require.Equal(t, want, byPulses)
		}
	}
	off, err := p.Encode(State{}, nil)
	require.NoError(t, err)
	state, code, err := p.Decode(jitter(random, off))
	require.NoError(t, err)
	require.Equal(t, State{}, state)
	require.Equal(t, Code("POWER_OFF"), code)
}

func TestNamedDoesNotUnderstand(t *testing.T) {
	p, err := Named("hall-ac", "HALL", withOn(t, learned(t, 18, 30)))
	require.NoError(t, err)
	on := withOn(t, map[string]Frame{})[KeyPowerOn]
	foreign, err := Mitsubishi{}.Encode(State{Power: true, Setpoint: 24, Mode: ModeHeat}, nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		heard Frame
		says  string
	}{
		"switched on by its key":       {Frame{Remote: "HALL", Keys: []string{"POWER_ON"}}, "POWER_ON does not tell the setpoint"},
		"switched on by its pulses":    {on, "POWER_ON does not tell the setpoint"},
		"another remote's key":         {Frame{Remote: "TV", Keys: []string{"SET_24"}}, `is of the remote "TV"`},
		"a key that it does not have":  {Frame{Remote: "HALL", Keys: []string{"SET_17"}}, "has no key SET_17"},
		"the hand remote says heating": {foreign, "are like none of its 15 frames"},
		"nothing":                      {Frame{}, "nothing was heard"},
		"half a frame":                 {Frame{Pulses: foreign.Pulses[:100]}, "are like none"},
	} {
		_, _, err := p.Decode(c.heard)
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		require.ErrorContains(t, err, c.says, name)
	}
}

func TestNamedRefusesStates(t *testing.T) {
	frames := learned(t, 18, 30)
	delete(frames, "SET_23")
	p, err := Named("hall-ac", "HALL", frames)
	require.NoError(t, err)
	for says, s := range map[string]State{
		"23 °C has no key SET_23":                 {Power: true, Setpoint: 23},
		"17 °C is outside its 18 to 30 °C":        {Power: true, Setpoint: 17},
		"31 °C is outside its 18 to 30 °C":        {Power: true, Setpoint: 31},
		`mode "dry" is none of cool`:              {Power: true, Setpoint: 24, Mode: ModeDry},
		`hall-ac remote: fan "low" is none of au`: {Power: true, Setpoint: 24, Fan: FanLow},
	} {
		_, err := p.Encode(s, nil)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, says)
	}
}

// What only lircd knows has no pulses.
func TestNamedOfKeysAlone(t *testing.T) {
	p, err := Named("hall-ac", "HALL", map[string]Frame{"POWER_OFF": {}, "POWER_ON": {}, "SET_20": {}, "SET_21": {}, "SWING": {}})
	require.NoError(t, err)
	frame, err := p.Encode(State{Power: true, Setpoint: 21}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"POWER_ON", "SET_21"}, frame.Keys)
	require.Empty(t, frame.Pulses)
	require.NoError(t, frame.Validate())
	_, _, err = p.Decode(Frame{Remote: "HALL", Keys: []string{"SWING"}})
	require.ErrorContains(t, err, "has no key SWING")
}

func TestNamedRefusesRemotes(t *testing.T) {
	without := func(key string) map[string]Frame { f := learned(t, 18, 20); delete(f, key); return f }
	with := func(key string, frame Frame) map[string]Frame { f := learned(t, 18, 20); f[key] = frame; return f }
	lg, err := LG{}.Encode(State{}, nil)
	require.NoError(t, err)
	for says, frames := range map[string]map[string]Frame{
		"hall-ac remote: it has no key POWER_OFF":                  without("POWER_OFF"),
		"it has no key SET_10 to SET_35":                           {"POWER_OFF": {}, "SET_9": {}, "SET_36": {}, "SET_024": {}, "set_24": {}, "SET_2x": {}},
		"SET_18 and SET_19 send the same":                          with("SET_19", learned(t, 18, 18)["SET_18"]),
		"POWER_OFF and POWER_ON send the same":                     with("POWER_ON", learned(t, 18, 18)["POWER_OFF"]),
		"POWER_OFF and SET_20 send the same":                       with("SET_20", learned(t, 18, 18)["POWER_OFF"]),
		"key SET_18: infrared frame: 4 entries":                    with("SET_18", Frame{Pulses: []int{1, 2, 3, 4}}),
		"key SET_20: infrared frame: carrier 5 Hz":                 with("SET_20", Frame{CarrierHz: 5, Pulses: lg.Pulses}),
		"POWER_OFF has a carrier of 38000 Hz, but SET_20 one of 3": with("SET_20", Frame{CarrierHz: 36_000, Pulses: lg.Pulses}),
		"it needs another blaster":                                 with("SET_20", Frame{Pulses: alternating(1001, 300, 1300)}),
	} {
		_, err := Named("hall-ac", "HALL", frames)
		require.ErrorIs(t, err, fault.ErrInvalid, says)
		require.ErrorContains(t, err, says)
	}
	_, err = Named("hall-ac", "", map[string]Frame{"POWER_OFF": {}, "SET_20": {}})
	require.ErrorContains(t, err, "of no remote")
}

// A POWER_ON recorded while the remote said 24 °C is SET_24's frame: it is heard as that, since that tells more.
func TestNamedPowerOnMayBeASet(t *testing.T) {
	frames := learned(t, 18, 30)
	frames[KeyPowerOn] = frames["SET_24"]
	p, err := Named("hall-ac", "HALL", frames)
	require.NoError(t, err)
	state, code, err := p.Decode(frames[KeyPowerOn])
	require.NoError(t, err)
	require.Equal(t, 24, state.Setpoint)
	require.Equal(t, Code("SET_24"), code)
	frame, err := p.Encode(State{Power: true, Setpoint: 20}, nil)
	require.NoError(t, err)
	state, _, err = p.Decode(frame)
	require.NoError(t, err)
	require.Equal(t, 20, state.Setpoint)
}

// The pause is one that the kernel's driver need not send: it lies between two writes.
func TestNamedPauseIsBetweenWrites(t *testing.T) {
	require.Equal(t, 500*time.Millisecond, KeyPause)
	short := map[string]Frame{"POWER_OFF": {Pulses: []int{500, 500, 500}}, "POWER_ON": {Pulses: []int{900, 500, 500}}, "SET_20": {Pulses: []int{500, 500, 900}}}
	p, err := Named("hall-ac", "HALL", short)
	require.NoError(t, err)
	frame, err := p.Encode(State{Power: true, Setpoint: 20}, nil)
	require.NoError(t, err)
	parts, err := frame.Parts()
	require.NoError(t, err)
	require.Equal(t, []Part{{Pulses: []int{900, 500, 500}, Pause: KeyPause}, {Pulses: []int{500, 500, 900}}}, parts)
}

func FuzzNamedDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3}, true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, noise []byte, raw bool) {
		p, err := Named("hall-ac", "HALL", withOn(t, learned(t, 18, 20)))
		require.NoError(t, err)
		frame, err := p.Encode(State{Power: true, Setpoint: 19}, nil)
		require.NoError(t, err)
		pulses := append([]int(nil), frame.Pulses...)
		for i, b := range noise {
			if raw {
				pulses = append(pulses[:0:0], pulses[:len(pulses)-1]...)
				if len(pulses) == 0 {
					break
				}
			}
			pulses[i*7%len(pulses)] += (int(b) - 128) * 9
		}
		state, _, err := p.Decode(Frame{Pulses: pulses})
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		_, err = p.Encode(state, nil)
		require.NoError(t, err)
	})
}
