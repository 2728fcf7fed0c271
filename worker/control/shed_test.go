package control

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/spec"
)

func defended() *room {
	s := hall()
	s.Shed = &spec.Shed{Within: spec.Duration(10 * time.Minute)}
	return newRoom(s, "me", time.Now())
}

// warming is a room that gains 0.4 K/min from 27 °C on, with its machine at the coldest; it returns what is told.
func warming(r *room, minutes int, answer func(*threat)) (told []*threat) {
	start := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for i := range minutes * 6 {
		in := rules.Input{
			Now: start.Add(time.Duration(i) * 10 * time.Second), Policy: spec.DefaultPolicy(),
			ACs: []rules.AC{{Name: "ac1", Limits: rules.Limits{Min: 18, Max: 27}, Desired: 18}},
		}
		if t := r.threatened(in, rules.Decision{Inlet: 27 + 0.4*float64(i)/6, Fresh: 2}); t != nil {
			told = append(told, t)
			answer(t)
		}
	}
	return told
}

func TestAThreatIsToldWhileItPresses(t *testing.T) {
	t.Parallel()
	r := defended()
	first := warming(r, 1, func(*threat) { r.defence.quiet.Store(true) })
	require.Len(t, first, 1, "after a start it asks once whether a shedding runs")
	require.False(t, first[0].begin)

	r = defended()
	r.defence.quiet.Store(true)
	told := warming(r, 12, func(*threat) { r.defence.quiet.Store(false) })
	require.True(t, told[0].begin, told[0].word.Reason)
	require.GreaterOrEqual(t, len(told), 16, "each half minute from the third minute on")
	for i := range told[1:] {
		require.Equal(t, threatEvery, told[i+1].word.At.Sub(told[i].word.At))
	}

	bare := newRoom(hall(), "me", time.Now())
	require.Empty(t, warming(bare, 12, func(*threat) {}), "a room that states no `shed` is left alone")
}

// defenders is a Temporal that is away at first, then runs a shedding that ends.
type defenders struct {
	mu     sync.Mutex
	begins []bool
}

func (d *defenders) Threaten(_ context.Context, _, _ string, _ shed.Threat, begin bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begins = append(d.begins, begin)
	switch len(d.begins) {
	case 1:
		return fmt.Errorf("away: %w", fault.ErrUnreachable)
	case 3:
		return fmt.Errorf("no shedding runs: %w", fault.ErrNotFound)
	}
	return nil
}

func TestThreatsArriveAfterTemporalWasAway(t *testing.T) {
	t.Parallel()
	l := newLoop(Config{Service: "s", Rooms: []spec.Room{hall()}, Log: slog.New(slog.DiscardHandler)})
	r, d := defended(), &defenders{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.defend(ctx, d) }()
	heard := func(n int) func() bool {
		return func() bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			return len(d.begins) == n
		}
	}
	l.threats.put("hall", threat{room: r, begin: true}, true)
	require.Eventually(t, heard(2), 10*time.Second, 10*time.Millisecond, "it is told again")
	require.False(t, r.defence.quiet.Load())
	l.threats.put("hall", threat{room: r}, false)
	require.Eventually(t, heard(3), 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, r.defence.quiet.Load, time.Second, time.Millisecond, "it has ended: no more words")
	cancel()
	require.NoError(t, <-done)
}
