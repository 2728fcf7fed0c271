package notify

import (
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// A repeated alert is told again after quietFor at the earliest; what is older than staleAfter is not told at
// all: a notifier that starts late, or whose mail server was away for hours, must not send a week of alerts.
const (
	quietFor   = 10 * time.Minute
	staleAfter = time.Hour
	// rememberFor bounds the memory; an alert is told anew after it.
	rememberFor = 24 * time.Hour
)

// told remembers what people were told last of each alert.
type told map[string]telling

type telling struct {
	at       time.Time
	ended    bool
	severity string
}

// silence is why an alert need not be told; empty when it must.
func (t told) silence(a wire.Alert, arrived, now time.Time) string {
	if now.Sub(arrived) > staleAfter {
		return "it is older than " + staleAfter.String()
	}
	last, known := t[a.ID]
	ended := a.EndedMillis != 0
	switch {
	case !known || last.ended != ended:
		// The first word of it, or a change. An end is told also when its beginning was told before a restart.
		return ""
	case now.Sub(last.at) >= quietFor && !ended:
		return "" // it still lasts, and somebody says so again
	case !ended && severity(a.Severity) > severity(last.severity):
		return ""
	case ended:
		return "its end was told"
	}
	return "it was told less than " + quietFor.String() + " ago"
}

func (t told) tell(a wire.Alert, now time.Time) {
	for id, last := range t {
		if now.Sub(last.at) > rememberFor {
			delete(t, id)
		}
	}
	t[a.ID] = telling{at: now, ended: a.EndedMillis != 0, severity: a.Severity}
}

func severity(s string) int {
	return slices.Index([]string{wire.SeverityWarning, wire.SeverityHigh, wire.SeverityCritical}, s)
}
