package agent

import (
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// lasting remembers the alerts of this edge that have begun and not ended, over restarts: otherwise a crash
// would leave them standing for ever.
type lasting struct {
	path string

	mu     sync.Mutex
	alerts map[string]wire.Alert // by ID
}

// loadLasting reads what an earlier process left. An unreadable file is forgotten, and logged.
func loadLasting(path string) *lasting {
	l := &lasting{path: path, alerts: map[string]wire.Alert{}}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &l.alerts)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		slog.Warn("the alerts of an earlier run are forgotten", "error", err)
	}
	if l.alerts == nil {
		l.alerts = map[string]wire.Alert{}
	}
	return l
}

// note takes an alert's beginning or end.
func (l *lasting) note(a wire.Alert) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.EndedMillis == 0 {
		l.alerts[a.ID] = a
	} else {
		delete(l.alerts, a.ID)
	}
	data, err := json.Marshal(l.alerts)
	if err != nil {
		return err
	}
	return replace(l.path, data)
}

// left are the alerts that last.
func (l *lasting) left() []wire.Alert {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []wire.Alert
	for _, a := range l.alerts {
		out = append(out, a)
	}
	return out
}

// alert queues the beginning or the end of an alert.
func (o *outbox) alert(a wire.Alert) {
	o.tally.alert(a)
	o.put(wire.TopicAlert, spool.Record{Key: []byte(a.Room), Value: wire.Encode(a)})
	if err := o.lasting.note(a); err != nil {
		slog.Error("an alert cannot be remembered over a restart", "id", a.ID, "error", err)
	}
}

// endEarlier ends what an earlier process left. What still lasts begins again by itself.
func (o *outbox) endEarlier(now time.Time) {
	for _, a := range o.lasting.left() {
		a.EndedMillis = max(now.UnixMilli(), a.BeganMillis)
		a.Evidence = "the edge was restarted; the alert begins again if it lasts"
		o.alert(a)
	}
}
