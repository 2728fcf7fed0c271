package infrared

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every profile says what the rules order, cool 18 to 30 °C and off, in writes that the kernel takes, and hears it
// again. The table that it prints (go test -v -run EveryProfile) is the one of docs/infrared.md.
func TestEveryProfileSaysWhatTheRulesOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	table := []string{fmt.Sprintf("%-10s %6s %6s %7s %6s %6s  °C", "remote", "mean", "max ms", "entries", "writes", "states")}
	for _, name := range Names() {
		p, err := ByName(name)
		require.NoError(t, err)
		ordered := []State{{}}
		for setpoint := 18; setpoint <= 30; setpoint++ {
			ordered = append(ordered, State{Power: true, Setpoint: setpoint, Mode: ModeCool, Fan: FanAuto})
		}
		for _, want := range ordered {
			for _, previous := range []*State{nil, {}, &ordered[7]} {
				frame, err := p.Encode(want, previous)
				require.NoError(t, err, "%s: %s", name, want)
				got, code, err := p.Decode(jitter(random, sentInParts(t, frame)))
				require.NoError(t, err, "%s: %s", name, want)
				require.Equal(t, want, got, name)
				require.Equal(t, frame.Code, code, name)
			}
		}
		table = append(table, measured(t, name, p))
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// sentInParts is the frame as a transmitter sends it: each write within the kernel's bounds, the pauses between them
// slept by a program that oversleeps by up to 9 ms.
func sentInParts(t *testing.T, frame Frame) Frame {
	t.Helper()
	parts, err := frame.Parts()
	require.NoError(t, err)
	sent := Frame{CarrierHz: frame.CarrierHz}
	for i, part := range parts {
		require.NotZero(t, len(part.Pulses)%2, "a write begins and ends with a mark")
		require.LessOrEqual(t, len(part.Pulses), 1024)
		require.LessOrEqual(t, Frame{Pulses: part.Pulses}.Duration(), 500*time.Millisecond)
		require.NotContains(t, part.Pulses, 0)
		sent.Pulses = append(sent.Pulses, part.Pulses...)
		if i < len(parts)-1 {
			require.GreaterOrEqual(t, part.Pause, 5*time.Millisecond)
			sent.Pulses = append(sent.Pulses, int((part.Pause + 9*time.Millisecond).Microseconds()))
		}
	}
	require.Len(t, sent.Pulses, len(frame.Pulses), "nothing is lost between the writes")
	return sent
}

// measured is the profile's line of the table, over all that it can say to a machine of which nothing is known and to
// one that runs.
func measured(t *testing.T, name string, p Profile) string {
	t.Helper()
	var total, longest time.Duration
	var frames, entries, writes int
	states := everyState(t, p)
	for _, state := range states {
		for _, previous := range []*State{nil, {Power: true, Setpoint: 24, Mode: ModeCool, Fan: FanAuto}} {
			frame, err := p.Encode(state, previous)
			require.NoError(t, err)
			parts, err := frame.Parts()
			require.NoError(t, err)
			total, frames = total+frame.Duration(), frames+1
			longest = max(longest, frame.Duration())
			entries, writes = max(entries, len(frame.Pulses)), max(writes, len(parts))
		}
	}
	ms := func(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
	return fmt.Sprintf("%-10s %6d %6d %7d %6d %6d  %d-%d", name, ms(total/time.Duration(frames)), ms(longest), entries, writes, len(states), p.Min(), p.Max())
}

// A receiver hears all remotes in the room: none but its own profile understands a frame, or one maker's hand remote
// would be taken for another's.
func TestNoProfileUnderstandsAnother(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, speaker := range Names() {
		p, err := ByName(speaker)
		require.NoError(t, err)
		for _, state := range everyState(t, p) {
			frame, err := p.Encode(state, nil)
			require.NoError(t, err)
			heard := jitter(random, frame)
			for _, listener := range Names() {
				other, err := ByName(listener)
				require.NoError(t, err)
				if other == p {
					continue
				}
				_, _, err = other.Decode(heard)
				require.Error(t, err, "%s takes %s's %s for its own", listener, speaker, state)
			}
		}
	}
}
