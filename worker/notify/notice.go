package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Notice is an alert in words.
type Notice struct {
	Service string     `json:"service,omitempty"`
	Event   string     `json:"event"` // EventBegan or EventEnded
	Subject string     `json:"subject"`
	Text    string     `json:"text"` // chat services show this key
	Alert   wire.Alert `json:"alert"`
	// ID is the same whenever the same notice is sent again.
	ID string `json:"id"`
}

// The events.
const (
	EventBegan = "began"
	EventEnded = "ended"
)

func newNotice(service string, a wire.Alert) Notice {
	n := Notice{Service: service, Event: EventBegan, Alert: a}
	at, state := a.BeganMillis, a.Severity
	if a.EndedMillis != 0 {
		n.Event, at, state = EventEnded, a.EndedMillis, "ended"
	}
	n.ID = fmt.Sprintf("%s-%s-%d", a.ID, state, at)
	n.Subject = fmt.Sprintf("%s: %s in %s", strings.ToUpper(state), a.Kind, a.Room)
	if service != "" {
		n.Subject = "[" + service + "] " + n.Subject
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", n.Subject)
	if a.Evidence != "" {
		fmt.Fprintf(&b, "%s\n", a.Evidence)
	}
	began := time.UnixMilli(a.BeganMillis).UTC()
	fmt.Fprintf(&b, "\nBegan: %s\n", began.Format("2006-01-02 15:04:05 UTC"))
	if a.EndedMillis != 0 {
		ended := time.UnixMilli(a.EndedMillis).UTC()
		fmt.Fprintf(&b, "Ended: %s, after %s\n", ended.Format("2006-01-02 15:04:05 UTC"), ended.Sub(began).Round(time.Second))
	}
	fmt.Fprintf(&b, "Alert: %s (%s, from the %s)\n", a.ID, a.Severity, a.Source)
	n.Text = b.String()
	return n
}
