package notify

import (
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// The events of an alert that people are told of.
const (
	EventBegan     = "began"
	EventWorse     = "worse"     // it lasts, and is more severe than what was told
	EventLasts     = "lasts"     // nobody has acknowledged it
	EventEscalated = "escalated" // the same, told to more people
	EventFlapping  = "flapping"  // it begins and ends again and again
	EventEnded     = "ended"
	EventTest      = wire.NoticeTestEvent // somebody wants to know whether notices arrive
)

// ledger is what one channel's people know of each alert, and what they must be told. It is pure: what is said on the
// streams goes in with its time, notices come out. Saying the same twice changes nothing, so it can be rebuilt from
// the streams at any moment.
type ledger struct {
	rules   Rules
	channel string
	matters map[string]*matter // by alert ID
	// trying is the notice that is on its way: whether it arrived is not known until its channel says so.
	trying  *wire.Notice
	flushed map[string]time.Time // when each room's last notice was told
	applied map[string]time.Time // notices that were told or lost, by ID
	// opening holds until the first notice after a start: then all that is to be told goes into one.
	opening bool
	quiet   int // changes of which nobody was told
}

// matter is one alert, from its first beginning until it is forgotten.
type matter struct {
	alert   wire.Alert // its newest word
	known   bool       // false while only an answer was heard
	lasts   bool
	changed time.Time // when it last began or ended
	turns   []time.Time
	// What people know.
	told       bool // that it began
	severity   int  // rank of what they were told
	first      time.Time
	last       time.Time // when they last heard of it
	times      int
	thread     string // ID of the notice by which they heard first
	escalated  bool
	flapping   bool
	flapTold   bool
	flapBegan  time.Time
	flapCount  int
	over       bool // its end is to be told
	acked      *wire.Answer
	shelved    *wire.Answer
	answeredAt time.Time
}

func newLedger(channel string, rules Rules) *ledger {
	return &ledger{
		rules: rules.defaults(), channel: channel, matters: map[string]*matter{}, flushed: map[string]time.Time{},
		applied: map[string]time.Time{}, opening: true,
	}
}

func (l *ledger) of(id string) *matter {
	m := l.matters[id]
	if m == nil {
		m = &matter{}
		l.matters[id] = m
	}
	return m
}

// alert takes the beginning, the repetition or the end of an alert; at is when it was said.
func (l *ledger) alert(a wire.Alert, at time.Time) {
	m := l.of(a.ID)
	before := m.alert
	// A beginning far before the last one is of a clock that was set back, and not late.
	earlier := before.BeganMillis - a.BeganMillis
	late := m.known && earlier > 0 && earlier < time.Hour.Milliseconds()
	again := m.known && !m.lasts && a.EndedMillis == 0 && earlier == 0
	switch {
	case late && (!m.lasts || a.EndedMillis != 0), again:
		return // the word of an episode that is over
	case a.EndedMillis == 0 && m.lasts:
		l.quiet++
		began := before.BeganMillis // another process may have begun it anew: to people it is the same one
		m.alert, m.alert.BeganMillis = a, began
	case a.EndedMillis == 0:
		m.begin(a, at, l.rules)
	case !m.known || m.lasts:
		if m.end(a, at); !m.over {
			l.quiet++
		}
	}
}

func (m *matter) begin(a wire.Alert, at time.Time, rules Rules) {
	if !m.flapping {
		if m.over {
			// Its end was not told yet: to people it never ended.
			m.over = false
		} else {
			m.forgetEpisode()
		}
	}
	m.alert, m.known, m.lasts, m.changed = a, true, true, at
	m.turns = append(m.turns, at)
	for len(m.turns) > 0 && at.Sub(m.turns[0]) > time.Hour {
		m.turns = m.turns[1:]
	}
	if m.flapping {
		m.flapCount++
	} else if len(m.turns) > rules.FlapMost {
		m.flapping, m.flapBegan, m.flapCount = true, m.turns[0], len(m.turns)
	}
}

// forgetEpisode drops what was known of the one before: an acknowledgement ends with its alert, a shelving does not.
func (m *matter) forgetEpisode() {
	m.told, m.severity, m.times, m.thread, m.escalated, m.acked = false, 0, 0, "", false, nil
	m.first, m.last = time.Time{}, time.Time{}
	m.flapping, m.flapTold, m.flapCount = false, false, 0
}

func (m *matter) end(a wire.Alert, at time.Time) {
	stranger := !m.known
	if m.known {
		a.BeganMillis = m.alert.BeganMillis
		a.EndedMillis = max(a.EndedMillis, a.BeganMillis)
	}
	m.alert, m.known, m.lasts, m.changed = a, true, false, at
	// The end of what was told before anybody remembers is told too; of what began and ended before anybody could be
	// told, only what is high or worse.
	m.over = m.told || stranger || m.flapping || rank(a.Severity) >= rank(wire.SeverityHigh)
	if m.shelved != nil && at.UnixMilli() < m.shelved.UntilMillis {
		m.over = m.told // told when the shelving ends; what came and went meanwhile is not told
	}
}

// answer takes what a person said. The newest answer to an alert holds, alone, as in the room's state.
func (l *ledger) answer(a wire.Answer, at time.Time) {
	if a.Kind == wire.AnswerAcknowledge && l.matters[a.Alert] == nil {
		return
	}
	m := l.of(a.Alert)
	said := time.UnixMilli(a.TimeMillis)
	if said.Before(m.answeredAt) {
		return
	}
	m.answeredAt = said
	switch a.Kind {
	case wire.AnswerAcknowledge:
		// One that was said before it began is of the episode before.
		if m.lasts && !at.Before(m.changed) || m.flapping {
			m.acked, m.shelved = &a, nil
		}
	case wire.AnswerShelve:
		m.acked, m.shelved = nil, &a
	case wire.AnswerUnshelve:
		if m.acked != nil || m.shelved != nil {
			m.acked, m.shelved = nil, nil
			m.last = at // it is told again in its time, not at once
		}
	}
}

// notice takes the journal's word on a notice of this channel.
func (l *ledger) notice(n wire.Notice, at time.Time) {
	if n.Channel != l.channel || len(n.Matters) > 0 && n.Matters[0].Event == EventTest {
		return // a test tells of no alert
	}
	if _, done := l.applied[n.ID]; done {
		return
	}
	if n.State == wire.NoticeTrying {
		l.trying = &n
		return
	}
	if l.trying != nil && l.trying.ID == n.ID {
		l.trying = nil
	}
	l.applied[n.ID] = at
	for _, told := range n.Matters {
		if m := l.matters[told.Alert]; m != nil && m.known {
			m.hear(told, n.ID, at)
			l.flushed[m.alert.Room] = at
		}
	}
}

// hear notes that people were told.
func (m *matter) hear(told wire.NoticeMatter, id string, at time.Time) {
	if told.BeganMillis != m.alert.BeganMillis && !m.flapping {
		return // it ended and began anew meanwhile
	}
	if told.Event == EventEnded {
		if !m.lasts {
			m.over, m.thread = false, id
			m.forgetEpisode()
		}
		return
	}
	if !m.told {
		m.first, m.thread = at, id
	}
	m.told, m.last, m.severity = true, at, rank(told.Severity)
	m.times++
	switch told.Event {
	case EventWorse:
		m.acked = nil // who took it on took on less
	case EventEscalated:
		m.escalated = true
	case EventFlapping:
		m.flapTold = true
	}
	if !m.lasts {
		m.over = true // it ended while they were being told
	}
}

// forget drops what has been over for long.
func (l *ledger) forget(now time.Time) {
	for id, m := range l.matters {
		shelved := m.shelved != nil && now.UnixMilli() < m.shelved.UntilMillis
		if !m.lasts && !m.over && !m.flapping && !shelved && now.Sub(m.changed) > rememberFor {
			delete(l.matters, id)
		}
	}
	for id, m := range l.matters {
		if len(l.matters) <= mostRemembered {
			break
		}
		if !m.lasts {
			delete(l.matters, id)
		}
	}
	for id, at := range l.applied {
		if now.Sub(at) > rememberFor {
			delete(l.applied, id)
		}
	}
}

// isOwn says whether an alert is that this channel cannot tell people: it cannot tell that either.
func isOwn(channel string, a wire.Alert) bool {
	return a.Kind == kindNotify && strings.HasSuffix(a.ID, "/"+channel)
}
