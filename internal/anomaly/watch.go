package anomaly

import (
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// watch is the memory of one alert.
type watch struct {
	kind, severity string
	box            string // empty for one that was recalled and whose box has not spoken yet
	holdsSince     time.Time
	clearSince     time.Time
	began          time.Time // zero: not raised
	said           time.Time // zero: by somebody else
}

// condition is what one kind of alert sees now. holds and clears may both be false: between the two thresholds, or
// while nobody knows.
type condition struct {
	kind, box, item, severity string
	holds, clears             bool
	holdsFor, clearsAfter     time.Duration
	evidence, over            func() string // written only for who is told: most never are
}

// watch raises, repeats and ends one alert.
func (s *State) watch(in Input, c condition, kept map[string]*watch, out *Output) {
	id := alertID(in.Room, c.kind, c.box, c.item)
	w := s.watches[id]
	if w == nil {
		if !c.holds {
			return // nothing to remember
		}
		w = &watch{kind: c.kind, severity: c.severity}
	}
	w.box = c.box
	since(&w.holdsSince, c.holds, in.Now)
	since(&w.clearSince, c.clears, in.Now)
	again := in.Limits.SayAgain.D()
	if w.severity == wire.SeverityWarning {
		again = in.Limits.WarnAgain.D()
	}
	raised := !w.began.IsZero()
	worse := c.holds && rank(c.severity) > rank(w.severity)
	switch {
	case !raised && lasted(w.holdsSince, in.Now, c.holdsFor):
		w.began, w.said, w.severity = in.Now, in.Now, c.severity
		out.Began = append(out.Began, w.alert(in, id, time.Time{}, c.evidence()))
	case raised && lasted(w.clearSince, in.Now, c.clearsAfter):
		out.Ended = append(out.Ended, w.alert(in, id, in.Now, c.over()))
		w.began = time.Time{}
		return
	case raised && w.said.IsZero():
		w.said = in.Now // recalled: it was said before the restart
	case raised && (worse || c.holds && lasted(w.said, in.Now, again)):
		w.said = in.Now
		if worse {
			w.severity = c.severity
		}
		out.Began = append(out.Began, w.alert(in, id, time.Time{}, c.evidence()))
	}
	if !raised && w.began.IsZero() && !c.holds {
		return
	}
	kept[id] = w
}

func (w *watch) alert(in Input, id string, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: id, Room: in.Room, Kind: w.kind, Severity: w.severity, BeganMillis: w.began.UnixMilli(), Evidence: evidence, Source: Source,
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}

// Recall puts alerts that were raised before a restart back into the memory, so that they can end. Alerts of others
// are passed over.
func (s *State) Recall(raised []wire.Alert) {
	for _, a := range raised {
		if !Is(a) || a.EndedMillis != 0 {
			continue
		}
		s.ready()
		w := s.watches[a.ID]
		if w == nil {
			w = &watch{kind: a.Kind}
			s.watches[a.ID] = w
		}
		if w.began.IsZero() {
			w.began, w.severity = time.UnixMilli(a.BeganMillis), a.Severity
		}
	}
}

func since(t *time.Time, holds bool, now time.Time) {
	switch {
	case !holds:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

func lasted(t, now time.Time, d time.Duration) bool { return !t.IsZero() && now.Sub(t) >= d }

func rank(severity string) int {
	return slices.Index([]string{wire.SeverityWarning, wire.SeverityHigh, wire.SeverityCritical}, severity)
}
