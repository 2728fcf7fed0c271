package notify

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// candidate is what is to be told of one alert, and from when on.
type candidate struct {
	*matter
	event string
	ready time.Time
}

// due is the notice to be sent now, nil if there is none, and when to ask again at the latest. It is the same notice
// until the channel's answer is known.
func (l *ledger) due(now time.Time) (*wire.Notice, time.Time) {
	if n := l.trying; n != nil {
		if now.Sub(time.UnixMilli(n.TimeMillis)) < tryingMost {
			return n, now
		}
		l.trying = nil
	}
	next := now.Add(time.Minute)
	var all []candidate
	ready := false
	for _, m := range l.matters {
		event, at := l.event(m, now)
		if event == "" {
			if at.After(now) && at.Before(next) {
				next = at
			}
			continue
		}
		c := candidate{m, event, l.gathered(m, event, at)}
		if c.ready.Before(next) {
			next = c.ready
		}
		ready = ready || !c.ready.After(now)
		if !at.After(now.Add(gather)) {
			all = append(all, c)
		}
	}
	opening := l.opening
	l.opening = false
	if !ready {
		return nil, next
	}
	chosen := choose(all, now, opening)
	n := l.compose(chosen, now)
	l.trying = &n
	return &n, now
}

// event is what is to be told of a matter next, empty for nothing, and from when on.
func (l *ledger) event(m *matter, now time.Time) (string, time.Time) {
	severity := rank(m.alert.Severity)
	switch {
	case !m.known, !m.told && severity < rank(l.rules.From):
		return "", now
	case m.shelved != nil && now.UnixMilli() < m.shelved.UntilMillis:
		return "", m.unshelved()
	case m.flapping:
		return l.flaps(m, now)
	case !m.lasts && m.over && !m.told && now.Sub(m.changed) > staleAfter:
		m.over = false // it began and ended while nobody could be told, and is no news any more
		return "", now
	case !m.lasts && m.over:
		return EventEnded, l.waits(m, m.changed.Add(l.rules.gatherFor(m.alert.Severity)))
	case !m.lasts:
		return "", now
	case !m.told:
		return EventBegan, l.waits(m, latest(m.changed.Add(l.rules.gatherFor(m.alert.Severity)), m.unshelved()))
	case severity > m.severity:
		return EventWorse, now
	case m.acked != nil:
		return "", now
	}
	return l.reminder(m)
}

// reminder is told to people who have not answered; a critical one, after a while, to more of them.
func (l *ledger) reminder(m *matter) (string, time.Time) {
	again := latest(m.last.Add(l.rules.again(m.alert.Severity)), m.unshelved())
	if m.alert.Severity == wire.SeverityCritical && l.rules.Escalate > 0 {
		if m.escalated {
			return EventEscalated, again
		}
		if at := m.first.Add(l.rules.Escalate); at.Before(again) {
			return EventEscalated, at
		}
	}
	return EventLasts, l.waits(m, again)
}

// flaps: it is told once, then as a reminder, and its end when it has been quiet.
func (l *ledger) flaps(m *matter, now time.Time) (string, time.Time) {
	severity := rank(m.alert.Severity)
	calm := m.changed.Add(l.rules.FlapQuiet)
	switch {
	case !m.flapTold:
		return EventFlapping, l.waits(m, m.changed.Add(l.rules.gatherFor(m.alert.Severity)))
	case m.lasts && severity > m.severity:
		return EventWorse, now
	case !m.lasts && !now.Before(calm):
		return EventEnded, l.waits(m, now)
	case m.lasts && !now.Before(calm):
		m.flapping = false // it is an ordinary alert that lasts
		return EventLasts, now
	case m.acked != nil:
		return "", calm
	}
	event, at := l.reminder(m)
	if calm.Before(at) {
		return "", calm // to be looked at again then
	}
	return event, at
}

// unshelved is when the matter's shelving ends or ended.
func (m *matter) unshelved() time.Time {
	if m.shelved == nil {
		return time.Time{}
	}
	return time.UnixMilli(m.shelved.UntilMillis)
}

// waits lets warnings wait for the end of the quiet hours.
func (l *ledger) waits(m *matter, at time.Time) time.Time {
	if m.alert.Severity == wire.SeverityWarning {
		return l.rules.Quiet.over(at)
	}
	return at
}

// gathered lets a room's next notice wait for others that may come, unless it is critical.
func (l *ledger) gathered(m *matter, event string, at time.Time) time.Time {
	last, told := l.flushed[m.alert.Room]
	if !told || event != EventEnded && m.alert.Severity == wire.SeverityCritical {
		return at
	}
	return latest(at, last.Add(l.rules.gatherFor(wire.SeverityWarning)))
}

// choose takes the most severe of those that are ready, and what goes with it: all of its room, and all of its kind if
// they stand in several rooms.
func choose(all []candidate, now time.Time, everything bool) []candidate {
	slices.SortFunc(all, byWeight)
	lead := slices.IndexFunc(all, func(c candidate) bool { return !c.ready.After(now) })
	of := all[lead].alert
	rooms := map[string]bool{}
	for _, c := range all {
		if c.alert.Kind == of.Kind {
			rooms[c.alert.Room] = true
		}
	}
	wide := len(rooms) >= causeRooms
	chosen := []candidate{all[lead]}
	for i, c := range all {
		goes := everything || c.alert.Room == of.Room || wide && c.alert.Kind == of.Kind
		if goes && i != lead && len(chosen) < wire.MostMatters {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// byWeight puts what matters most first: what is not over, the more severe, the older.
func byWeight(a, b candidate) int {
	over := func(c candidate) int {
		if c.event == EventEnded {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(over(a), over(b)), cmp.Compare(rank(b.alert.Severity), rank(a.alert.Severity)),
		cmp.Compare(a.alert.BeganMillis, b.alert.BeganMillis), strings.Compare(a.alert.ID, b.alert.ID))
}

func (l *ledger) compose(chosen []candidate, now time.Time) wire.Notice {
	n := wire.Notice{Channel: l.channel, State: wire.NoticeTrying, TimeMillis: now.UnixMilli()}
	for _, c := range chosen {
		n.Matters = append(n.Matters, wire.NoticeMatter{
			Alert: c.alert.ID, BeganMillis: c.alert.BeganMillis, Event: c.event, Severity: c.alert.Severity,
		})
	}
	lead := chosen[0]
	n.ID = fmt.Sprintf("%s-%d-%s", lead.alert.ID, lead.alert.BeganMillis, lead.event)
	if lead.times > 0 && lead.event != EventEnded {
		n.ID += fmt.Sprintf("-%d", lead.times)
	}
	if len(chosen) > 1 {
		n.ID += "-and-" + digest(n.Matters)
	}
	if len(n.ID) > mostID {
		n.ID = strings.ToValidUTF8(n.ID[:mostID-17], "") + "~" + digest(n.ID)
	}
	return n
}

// mostID is the longest name that wire takes, bytes.
const mostID = 128

func digest(of any) string {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%v", of)
	return fmt.Sprintf("%016x", sum.Sum64())
}

func latest(times ...time.Time) time.Time {
	var newest time.Time
	for _, t := range times {
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}
