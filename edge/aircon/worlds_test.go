package aircon

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/wire"
)

// watchman holds what must never happen against what a plant does.
type watchman struct {
	*plant
	frames    int
	acks      int
	coldest   *int // sent since nobody orders or nothing is measured
	carried   int64
	setpoints map[string]int // of commands by ID, as first delivered
	forbidden map[string]bool
	emergency map[string]bool

	raisedAt  time.Time
	changedAt time.Time
	memory    Memory
}

func (w *watchman) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf(format+"\n%s", append(args, strings.Join(w.log[max(0, len(w.log)-60):], "\n"))...)
}

func (w *watchman) look() {
	w.t.Helper()
	for _, s := range w.sent[w.frames:] {
		if s.Power && (s.Setpoint < w.config.Min || s.Setpoint > w.config.Max) {
			w.fail("a setpoint outside the limits: %s", s)
		}
		if w.m.safe() {
			if !s.Power || w.coldest != nil && s.Setpoint > *w.coldest {
				w.fail("warmer without orders or readings: %s", s)
			}
			w.coldest = new(s.Setpoint)
		}
	}
	w.frames = len(w.sent)
	for _, a := range w.plant.acks[w.acks:] {
		if a.Source != SourceCommand || a.State != wire.AckSent {
			continue
		}
		if a.Revision < w.carried {
			w.fail("revision %d after %d", a.Revision, w.carried)
		}
		w.carried = a.Revision
		if w.forbidden[a.ID] {
			w.fail("%s had expired", a.ID)
		}
		if s, known := w.setpoints[a.ID]; known && a.Power && a.Setpoint != max(s, w.config.Min) && s != 0 {
			w.fail("%s said %d and was carried out as %d", a.ID, s, a.Setpoint)
		}
	}
	w.acks = len(w.plant.acks)
	w.rates()
}

// rates checks how fast what is ordered rises by the rules, and how soon the machine is made warmer after a change.
func (w *watchman) rates() {
	w.t.Helper()
	memory := w.m.Memory()
	if memory.OrderedRevision < w.memory.OrderedRevision || memory.Revision < w.memory.Revision {
		w.fail("revisions fall: %+v after %+v", memory, w.memory)
	}
	if before, after := w.memory.Ordered, memory.Ordered; memory.OrderedRevision != w.memory.OrderedRevision && before != nil &&
		before.Power && after.Power && after.Setpoint > before.Setpoint && strings.HasPrefix(memory.ID, "rules") {
		step := after.Setpoint - before.Setpoint
		if !w.raisedAt.IsZero() && step > w.config.UpStep*max(1, int((w.now.Sub(w.raisedAt)+leeway)/w.config.UpEvery)) ||
			!w.raisedAt.IsZero() && w.now.Sub(w.raisedAt)+leeway < w.config.UpEvery {
			w.fail("the rules raised by %d K, %s after they last did", step, w.now.Sub(w.raisedAt))
		}
		w.raisedAt = w.now
	}
	if before, after := w.memory.Wanted, memory.Wanted; after != nil && (before == nil || *before != *after) {
		if before != nil && warmer(*after, *before) && !w.emergency[memory.ID] && w.now.Sub(w.changedAt) < w.config.CommandEvery {
			w.fail("warmer %s after a change: %s to %s", w.now.Sub(w.changedAt), *before, *after)
		}
		w.changedAt = w.now
	}
	w.memory = memory
}

// Whatever comes in whatever order, with lost frames, hand remotes, hidden changes, clocks that jump and restarts: no
// setpoint outside the limits is sent, nothing is made warmer without orders and readings, each command is carried out
// once and none after a newer one, nobody is faster than the policy, and what was allowed last is what the machine does
// once frames get through.
func TestWorlds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		var options []option
		if seed%2 == 0 {
			options = append(options, deaf)
		}
		if seed%3 != 0 {
			options = append(options, withSupply)
		}
		if seed%5 == 0 {
			options = append(options, withMeter)
		}
		p := newPlant(t, seed, options...)
		p.loss, p.deafness = 0.3*p.random.Float64(), 0.3*p.random.Float64()
		w := &watchman{plant: p, setpoints: map[string]int{}, forbidden: map[string]bool{}, emergency: map[string]bool{}}
		p.do(p.m.Resume(p.now))
		var revision int64
		for range 250 {
			w.happen(&revision)
			w.look()
			if !p.m.safe() {
				w.coldest = nil
			}
		}
		p.loss, p.deafness = 0, 0
		w.run(time.Second)
		p.do(p.m.Sighted(p.now))
		p.do(p.m.Resume(p.now))
		for range 45 { // a refresh and a pause of the least run
			w.run(time.Minute)
			w.look()
		}
		holds := p.m.memory.Ordered
		if p.m.memory.Manual != nil {
			holds = p.m.memory.Manual
		}
		require.NotNil(t, holds)
		if is := p.ac(); is.Power != holds.Power || is.Power && is.Setpoint != holds.Setpoint {
			w.fail("seed %d: the machine does %t %d, and %s holds", seed, is.Power, is.Setpoint, *holds)
		}
	}
}

// happen lets one thing happen.
func (w *watchman) happen(revision *int64) {
	p := w.plant
	switch p.random.IntN(16) {
	case 0, 1, 2, 3:
		w.anOrder(revision)
	case 4:
		p.do(p.m.FailSafe(p.now, 16+p.random.IntN(8)))
	case 5:
		p.do(p.m.Blind(p.now, 22))
	case 6:
		p.do(p.m.Resume(p.now))
	case 7:
		p.do(p.m.Sighted(p.now))
	case 8:
		p.hand(infrared.State{Power: p.random.IntN(4) > 0, Setpoint: 16 + p.random.IntN(15)}, !p.config.Deaf && p.random.IntN(2) == 0)
	case 9:
		if e, err := p.m.Manual(p.now, p.random.IntN(5) > 0, 16+p.random.IntN(14)); err == nil {
			p.do(e)
		}
	case 10:
		w.again()
	case 11:
		p.do(p.m.Allow(p.now, p.config.Bounds))
	case 12:
		p.run(time.Duration(p.random.IntN(20)) * time.Minute)
	default:
		p.run(time.Duration(p.random.IntN(90)) * time.Second)
	}
}

// anOrder delivers a command: new, old, doubled, expired, of the rules, of people or of an emergency.
func (w *watchman) anOrder(revision *int64) {
	p := w.plant
	r := max(1, *revision+1-int64(p.random.IntN(4)))
	*revision = max(*revision, r)
	c := command(r, 16+p.random.IntN(14))
	c.Origin = []string{wire.OriginRules, wire.OriginRules, wire.OriginPerson, ""}[p.random.IntN(4)]
	c.Power = p.random.IntN(8) > 0
	c.Emergency = c.Power && p.random.IntN(8) == 0
	c.ID = strings.Replace(c.ID, "c", "person", 1)
	if c.Origin == wire.OriginRules {
		c.ID = strings.Replace(c.ID, "person", "rules", 1)
	}
	if last := p.m.Memory().Ordered; c.Origin == wire.OriginRules && last != nil && p.random.IntN(2) == 0 {
		c.Setpoint, c.Power, c.Emergency = last.Setpoint+1, true, false // as the rules would
	}
	c.ID += string(rune('a'+p.random.IntN(26))) + string(rune('a'+p.random.IntN(26)))
	if _, known := w.setpoints[c.ID]; known {
		return // one ID is one command
	}
	w.setpoints[c.ID], w.emergency[c.ID] = c.Setpoint, c.Emergency
	age := time.Duration(p.random.IntN(60)) * time.Second
	switch p.random.IntN(6) {
	case 0:
		age = -1 // a clock that nobody trusts
	case 1:
		age = time.Hour
		w.forbidden[c.ID] = true
	}
	p.say("command %s revision %d: %t %d, %s old", c.ID, c.Revision, c.Power, c.Setpoint, age)
	for range 1 + p.random.IntN(2) {
		p.do(p.m.Order(p.now, c, age))
	}
}

// again kills the process; the next one finds another time of day. What was not saved is lost, as are the reasons for a
// fail-safe: it is noticed anew.
func (w *watchman) again() {
	p := w.plant
	jump := []time.Duration{0, -time.Hour, time.Hour, -20 * time.Second}[p.random.IntN(4)]
	p.now, p.began = p.now.Add(jump), p.began.Add(jump)
	if !w.raisedAt.IsZero() {
		w.raisedAt = w.raisedAt.Add(min(jump, 0)) // ahead it may think that an hour has passed
		if jump > 0 {
			w.raisedAt = time.Time{}
		}
	}
	w.changedAt = w.changedAt.Add(jump)
	if jump > 0 {
		w.changedAt = time.Time{}
	}
	safe, blind := p.m.noOrders, p.m.noReadings
	p.restart()
	w.memory = p.m.Memory()
	if safe {
		p.do(p.m.FailSafe(p.now, 22))
	}
	if blind {
		p.do(p.m.Blind(p.now, 22))
	}
	if p.random.IntN(2) == 0 {
		p.do(p.m.Resume(p.now))
	}
}

// Where only air and power can confirm, what is confirmed is true: of machines that are switched on and off always, of
// setpoints but for one in a hundred. Frames are lost and nobody else touches the machine.
func TestWhatIsConfirmedByResponseIsTrue(t *testing.T) {
	t.Parallel()
	confirmations, wrong, told := 0, 0, 0
	for seed := range uint64(40) {
		options := []option{deaf, withSupply}
		if seed%2 == 0 {
			options = append(options, withMeter)
		}
		p := newPlant(t, 1000+seed, options...)
		p.loss = 0.25
		for revision := int64(1); revision <= 20; revision++ {
			c := command(revision, 19+p.random.IntN(8))
			c.Power = p.random.IntN(6) > 0
			told++
			p.command(c)
			seen := len(p.acks)
			for range 20 + p.random.IntN(40) {
				p.run(time.Minute / 2)
				for _, a := range p.acks[seen:] {
					if a.State != wire.AckConfirmed {
						continue
					}
					confirmations++
					is := p.ac()
					if is.Power != a.Power {
						t.Fatalf("seed %d: confirmed power %t, it is %t\n%s", seed, a.Power, is.Power, strings.Join(p.log[max(0, len(p.log)-30):], "\n"))
					}
					if a.Power && is.Setpoint != a.Setpoint {
						wrong++
						t.Logf("seed %d: confirmed %d, it is %d: %s", seed, a.Setpoint, is.Setpoint, a.Evidence)
					}
				}
				seen = len(p.acks)
			}
		}
	}
	t.Logf("%d orders, %d confirmations, %d of a wrong setpoint", told, confirmations, wrong)
	require.Greater(t, confirmations, told/2, "it does confirm")
	require.LessOrEqual(t, wrong*100, confirmations, "at most 1 in 100")
}

// A hidden change is found by response within a quarter of an hour, and put right.
func TestAHiddenChangeIsFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(18) {
		near := []option{withSupply, withMeter, func(*plant) {}}[seed%3] // the last has the room's inlets alone
		p := newPlant(t, 500+seed, deaf, near)
		p.order(1, 22, "")
		p.run(10*time.Minute + time.Duration(p.random.IntN(40))*time.Minute)
		p.hand(infrared.State{}, false)
		p.until(15*time.Minute, func() bool { return p.ac().Power })
		p.run(15 * time.Minute)
		require.Empty(t, p.alerts, "it ends by itself")
	}
	// One that stays away is an alert within a quarter of an hour, with a receiver too.
	for seed := range uint64(12) {
		p := newPlant(t, 600+seed, withSupply)
		p.order(1, 22, "")
		p.run(30 * time.Minute)
		require.Empty(t, p.alerts)
		require.NoError(t, p.model.Fail("ac1", true))
		p.until(15*time.Minute, p.alerted("no-effect", wire.SeverityWarning))
		p.until(10*time.Minute, p.alerted("no-effect", wire.SeverityHigh))
		require.NoError(t, p.model.Fail("ac1", false))
		p.until(30*time.Minute, func() bool { return len(p.alerts) == 0 })
	}
}

// Rules that go colder every few minutes give a dead machine no new respite.
func TestADeadMachineIsFoundThoughItsOrdersGoOn(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		p := newPlant(t, 700+seed, withSupply, []option{deaf, withMeter, func(*plant) {}}[seed%3])
		p.order(1, 24, "")
		p.run(30 * time.Minute)
		require.Empty(t, p.alerts)
		require.NoError(t, p.model.Fail("ac1", true))
		began, revision, setpoint := p.now, int64(1), 24
		high := p.alerted("no-effect", wire.SeverityHigh)
		for !high() {
			require.Less(t, p.now.Sub(began), 20*time.Minute, "seed %d", seed)
			if setpoint > 18 {
				revision, setpoint = revision+1, setpoint-1
				p.order(revision, setpoint, "")
			}
			p.run(4 * time.Minute)
		}
		require.Equal(t, "no effect", p.m.Standing())
	}
}

// A day of ordinary work raises no alert: evidence is not guessed from noise.
func TestAnOrdinaryDayHasNoFalseAlerts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		options := []option{withSupply}
		if seed%2 == 0 {
			options = append(options, deaf)
		}
		if seed%3 == 0 {
			options = append(options, withMeter)
		}
		p := newPlant(t, 900+seed, options...)
		setpoint := 24
		for revision := range int64(24) {
			p.order(revision+1, setpoint, "")
			p.run(time.Hour)
			setpoint = min(27, max(20, setpoint-1+p.random.IntN(3)))
		}
		for _, line := range p.log {
			require.NotContains(t, line, "ALERT")
		}
	}
}
