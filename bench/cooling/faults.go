package main

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/room"
)

// fault is one line of the reference's list (3.5).
type fault struct {
	name string
	// limit is how soon somebody must hear of it, or it must have been put right; zero: nobody must hear of it at all.
	limit time.Duration
	from  string // where the limit comes from
	// kinds are the alerts that count, by the beginning of their kind; empty: any.
	kinds []string
	lasts time.Duration // how long the fault is watched

	begin func(w *world) error
	sense func(w *world, s *sensor, said *plausible.Said) bool // false: no answer
	// right says that it has been put right without anybody.
	right func(w *world) bool
	delay time.Duration // of the first sensor's readings
	loss  float64       // of frames
	deaf  bool          // the first machine does not hear, the receiver near it does
	load  float64       // times the servers' power
	least int           // machines that a room must have
}

// faults are all of them.
func faults() []fault {
	first := func(w *world, s *sensor) bool { return s == w.sensors[0] }
	only := func(change func(w *world, said *plausible.Said) bool) func(*world, *sensor, *plausible.Said) bool {
		return func(w *world, s *sensor, said *plausible.Said) bool { return !first(w, s) || change(w, said) }
	}
	told := func(w *world) bool {
		a, v := w.model.Peek().AirConditioners[0], w.units[0].machine.View()
		return v.Wanted != nil && a.Power == v.Wanted.Power && a.Setpoint == v.Wanted.Setpoint
	}
	hand := func(t room.Told) func(*world) error {
		return func(w *world) error { return w.model.Tell(w.units[0].name, t) }
	}
	const evidence = "3.5: a hidden change within 15 min"
	return []fault{
		{name: "all machines fail", limit: 90 * time.Second, from: "3.4: 60 to 90 s", lasts: 2 * time.Hour, begin: func(w *world) error { return w.fail(len(w.units)) }},
		{name: "one machine fails", limit: 15 * time.Minute, from: evidence, lasts: 3 * time.Hour, least: 2, begin: func(w *world) error { return w.fail(1) }},
		{name: "frames lost, p 0.05", lasts: 6 * time.Hour, from: "ordinary", loss: 0.05},
		{name: "all frames lost", limit: 21 * time.Minute, from: "a refresh each 20 min, four tries", lasts: 3 * time.Hour, loss: 1, kinds: []string{"infrared"}},
		{
			name: "machine deaf and switched off", limit: 15 * time.Minute, from: evidence, lasts: 3 * time.Hour, deaf: true,
			begin: hand(room.Told{}),
		},
		{
			name: "power cut: back with its own 28 °C", limit: 20 * time.Minute, from: "a refresh each 20 min", lasts: 3 * time.Hour,
			begin: hand(room.Told{Power: true, Setpoint: 28}), right: told,
		},
		{name: "hidden remote: off", limit: 15 * time.Minute, from: "3.5", lasts: 3 * time.Hour, begin: hand(room.Told{}), right: told},
		{name: "hidden remote: 30 °C", limit: 15 * time.Minute, from: "3.5", lasts: 3 * time.Hour, begin: hand(room.Told{Power: true, Setpoint: 30}), right: told},
		{
			name: "sensor dead", limit: 4 * time.Minute, from: "stale after 90 s, twice", lasts: time.Hour, kinds: []string{"sensor", "stale"},
			sense: only(func(*world, *plausible.Said) bool { return false }),
		},
		{
			name: "sensor stuck", limit: 6 * time.Hour, from: "2.4: 30 min while others moved 0.5 K", lasts: 12 * time.Hour, kinds: []string{"sensor"},
			sense: only(func(_ *world, said *plausible.Said) bool { said.Celsius, said.Humidity = 25.1, 40; return true }),
		},
		{
			name: "sensor jumps +3 K", limit: time.Hour, from: "ours", lasts: 6 * time.Hour, kinds: []string{"sensor", "out-of-family", "hot-spot"},
			sense: only(func(_ *world, said *plausible.Said) bool { said.Celsius += 3; return true }),
		},
		{
			name: "sensor drifts 0.5 K/h", limit: 12 * time.Hour, from: "ours", lasts: 24 * time.Hour, kinds: []string{"sensor", "out-of-family", "hot-spot"},
			sense: only(func(w *world, said *plausible.Said) bool {
				said.Celsius += 0.5 * (w.now - w.since).Hours()
				return true
			}),
		},
		{
			name: "sensor says 85.0", limit: 4 * time.Minute, from: "stale after 90 s, twice", lasts: time.Hour, kinds: []string{"sensor", "stale"},
			sense: only(func(_ *world, said *plausible.Said) bool { said.Celsius = 85; return true }),
		},
		{
			name: "sensor says NaN", limit: 4 * time.Minute, from: "stale after 90 s, twice", lasts: time.Hour, kinds: []string{"sensor", "stale"},
			sense: only(func(_ *world, said *plausible.Said) bool { said.Celsius = math.NaN(); return true }),
		},
		{name: "two sensors swapped", lasts: 6 * time.Hour, from: "harmless: nothing grave may be said", sense: swapped, kinds: []string{"high", "critical", "stale", "no-effect", "capacity"}},
		{name: "sensor 10 min late", limit: 4 * time.Minute, from: "stale after 90 s, twice", lasts: time.Hour, delay: 10 * time.Minute, kinds: []string{"sensor", "stale"}},
		{
			name: "edge clock -1 h", limit: 4 * time.Minute, from: "stale after 90 s, twice", lasts: time.Hour, kinds: []string{"sensor", "stale"},
			begin: func(w *world) error { w.jump = -time.Hour; return nil },
		},
		{name: "edge clock +1 h", lasts: time.Hour, from: "the broker's time bounds it", begin: func(w *world) error { w.jump = time.Hour; return nil }},
		{name: "load +40 %", lasts: 4 * time.Hour, from: "no device is broken", load: 1.4, kinds: []string{"sensor", "out-of-family", "no-effect", "infrared", "stale"}},
	}
}

// fail breaks the first n machines.
func (w *world) fail(n int) error {
	for _, u := range w.units[:n] {
		if err := w.model.Fail(u.name, true); err != nil {
			return err
		}
	}
	return nil
}

// swapped exchanges the first two sensors.
func swapped(w *world, s *sensor, said *plausible.Said) bool {
	for i := range 2 {
		if s == w.sensors[i] {
			c, h, err := w.model.Read(w.sensors[1-i].id)
			said.Celsius, said.Humidity = c, h
			return err == nil
		}
	}
	return true
}
