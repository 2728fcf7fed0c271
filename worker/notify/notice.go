package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Notice is one alert or several in words.
type Notice struct {
	Service  string     `json:"service,omitempty"`
	Event    string     `json:"event"`    // of the first alert
	Severity string     `json:"severity"` // the highest of those that last; of the first, when all have ended
	Subject  string     `json:"subject"`
	Text     string     `json:"text"` // chat services show this key
	Alert    wire.Alert `json:"alert"`
	Alerts   []Line     `json:"alerts"`
	// ID is the same whenever the same notice is sent again; Thread is that of the first notice of its alert.
	ID        string    `json:"id"`
	Thread    string    `json:"thread,omitempty"`
	Escalated bool      `json:"escalated,omitempty"` // to be told to more people
	At        time.Time `json:"at"`
}

// Line is one alert of a notice.
type Line struct {
	Event string     `json:"event"`
	Alert wire.Alert `json:"alert"`
	Says  string     `json:"says"` // one sentence
}

// mostLines is how many alerts a notice spells out.
const mostLines = 50

// words writes a notice, with what is known of its alerts now.
func (l *ledger) words(service string, n wire.Notice, now time.Time) Notice {
	out := Notice{Service: service, ID: n.ID, At: time.UnixMilli(n.TimeMillis).UTC()}
	for i, told := range n.Matters {
		m := l.matters[told.Alert]
		if m == nil || !m.known {
			m = &matter{alert: wire.Alert{ID: told.Alert, Kind: told.Alert, Severity: told.Severity, BeganMillis: told.BeganMillis}}
		}
		if i == 0 {
			out.Thread = m.thread
		}
		out.Escalated = out.Escalated || told.Event == EventEscalated
		out.Alerts = append(out.Alerts, Line{Event: told.Event, Alert: m.alert, Says: m.says(told.Event, now)})
	}
	return out.write(now)
}

func (n Notice) write(now time.Time) Notice {
	lead := n.Alerts[0]
	n.Event, n.Alert, n.Severity = lead.Event, lead.Alert, lead.Alert.Severity
	n.Subject = headline(lead, now)
	if len(n.Alerts) > 1 {
		n.Subject = n.headlineOfMany()
	}
	if n.Service != "" {
		n.Subject = "[" + n.Service + "] " + n.Subject
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", n.Subject)
	if len(n.Alerts) == 1 {
		n.one(&b, now)
	} else {
		n.many(&b)
	}
	n.Text = b.String()
	return n
}

func headline(of Line, now time.Time) string {
	a := of.Alert
	where := a.Kind + " in " + a.Room
	if item := strings.TrimPrefix(a.ID, a.Room+"/"+a.Kind+"/"); item != a.ID && item != "" {
		where = a.Kind + " " + item + " in " + a.Room
	}
	severity := strings.ToUpper(a.Severity)
	switch of.Event {
	case EventEnded:
		return "ENDED: " + where
	case EventLasts:
		return fmt.Sprintf("STILL %s: %s, for %s", severity, where, lasting(a, now))
	case EventEscalated:
		return fmt.Sprintf("%s AND NOBODY ANSWERS: %s, for %s", severity, where, lasting(a, now))
	case EventFlapping:
		return "FLAPPING: " + where
	case EventTest:
		return "TEST: notices arrive"
	}
	return severity + ": " + where
}

func (n Notice) headlineOfMany() string {
	var rooms, kinds []string
	last := 0
	for _, line := range n.Alerts {
		if !slices.Contains(rooms, line.Alert.Room) {
			rooms = append(rooms, line.Alert.Room)
		}
		if !slices.Contains(kinds, line.Alert.Kind) {
			kinds = append(kinds, line.Alert.Kind)
		}
		if line.Event != EventEnded {
			last++
		}
	}
	state := strings.ToUpper(n.Severity)
	if last == 0 {
		state = "ENDED"
	}
	return fmt.Sprintf("%s: %d alerts in %s (%s)", state, len(n.Alerts), some(rooms, "rooms"), some(kinds, "kinds"))
}

// some names the first few.
func some(names []string, of string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more %s", strings.Join(names[:few], ", "), len(names)-few, of)
}

func (n Notice) one(b *strings.Builder, now time.Time) {
	line := n.Alerts[0]
	a := line.Alert
	fmt.Fprintf(b, "%s\n\n", line.Says)
	began := time.UnixMilli(a.BeganMillis).UTC()
	fmt.Fprintf(b, "Began: %s\n", began.Format(clock))
	if line.Event == EventEnded && a.EndedMillis != 0 {
		fmt.Fprintf(b, "Ended: %s, after %s\n", time.UnixMilli(a.EndedMillis).UTC().Format(clock), lasting(a, now))
	}
	fmt.Fprintf(b, "Alert: %s (%s, from the %s)\n", a.ID, a.Severity, a.Source)
	if line.Event != EventEnded && line.Event != EventTest {
		fmt.Fprintf(b, "\nTo answer: starter acknowledge %s %s, or starter shelve.\n", a.Room, a.ID)
	}
}

const clock = "2006-01-02 15:04:05 UTC"

func (n Notice) many(b *strings.Builder) {
	b.WriteString("\n")
	for i, line := range n.Alerts {
		if i == mostLines {
			fmt.Fprintf(b, "and %d more\n", len(n.Alerts)-mostLines)
			break
		}
		state := strings.ToUpper(line.Alert.Severity)
		if line.Event == EventEnded {
			state = "ended"
		}
		fmt.Fprintf(b, "- %s %s: %s\n  %s, since %s\n", state, cmp.Or(line.Alert.Kind, "alert"), line.Says, line.Alert.ID,
			time.UnixMilli(line.Alert.BeganMillis).UTC().Format(clock))
	}
	fmt.Fprintf(b, "\nTo answer: starter acknowledge ROOM ALERT, or starter shelve.\n")
}

// says is the sentence of an event.
func (m *matter) says(event string, now time.Time) string {
	a := m.alert
	evidence := cmp.Or(a.Evidence, a.Kind)
	switch event {
	case EventEnded:
		switch {
		case m.flapping:
			return fmt.Sprintf("%s (it began %d times in %s, and is quiet since %s)", evidence, m.flapCount,
				short(m.changed.Sub(m.flapBegan)), m.changed.UTC().Format(clock))
		case !m.told:
			return fmt.Sprintf("%s (it began and ended before anybody could be told; it lasted %s)", evidence, lasting(a, now))
		}
		return fmt.Sprintf("%s (it lasted %s)", evidence, lasting(a, now))
	case EventFlapping:
		return fmt.Sprintf("%s (it began %d times since %s: its next beginnings and ends are not told, only when it is quiet)",
			evidence, m.flapCount, m.flapBegan.UTC().Format(clock))
	case EventLasts, EventEscalated:
		if m.flapping {
			return fmt.Sprintf("%s (it is still flapping: it began %d times since %s)", evidence, m.flapCount, m.flapBegan.UTC().Format(clock))
		}
		return fmt.Sprintf("%s (for %s, and nobody has acknowledged it)", evidence, lasting(a, now))
	}
	return evidence
}

// lasting is how long an alert has lasted, or lasted.
func lasting(a wire.Alert, now time.Time) string {
	until := now
	if a.EndedMillis != 0 {
		until = time.UnixMilli(a.EndedMillis)
	}
	return short(until.Sub(time.UnixMilli(a.BeganMillis)))
}

// short is a duration as people say it.
func short(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}
