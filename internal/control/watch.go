package control

import (
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Watch is the memory of one alert.
type Watch struct {
	ID         string
	Kind       string
	HoldsSince time.Time // its condition holds, without the delay
	ClearSince time.Time // it has cleared, without the delay
	Began      time.Time // zero: not raised
	Said       time.Time // when it was last said; zero: by somebody else
	Severity   string
}

// condition is what one kind of alert sees now.
type condition struct {
	kind, item, severity  string
	holds, clears         bool
	holdsFor, clearsAfter time.Duration
	evidence, over        func() string // called only when there is something to say
}

// watch raises and ends the room's alerts.
func watch(in Input, seen sight, d *Decision) {
	all := conditions(&in, &seen, &d.Next)
	var kept []Watch
	for _, c := range all {
		w := c.known(in)
		since(&w.HoldsSince, c.holds, in.Now)
		since(&w.ClearSince, c.clears, in.Now)
		switch {
		case w.Began.IsZero() && lasted(w.HoldsSince, in.Now, c.holdsFor):
			w.Began, w.Said, w.Severity = in.Now, in.Now, c.severity
			d.Began = append(d.Began, w.alert(in, time.Time{}, c.evidence()))
		case !w.Began.IsZero() && lasted(w.ClearSince, in.Now, c.clearsAfter):
			d.Ended = append(d.Ended, w.alert(in, in.Now, c.over()))
			w.Began = time.Time{}
		case !w.Began.IsZero() && w.Said.IsZero():
			w.Said = in.Now
		case !w.Began.IsZero() && c.holds && lasted(w.Said, in.Now, again(in, w.Severity)):
			w.Said = in.Now
			d.Began = append(d.Began, w.alert(in, time.Time{}, c.evidence()))
		}
		if !w.Began.IsZero() || !w.HoldsSince.IsZero() { // nothing else is worth remembering
			kept = append(kept, w)
		}
	}
	// What the room no longer has (a sensor, say) cannot go on being in trouble.
	for _, w := range in.State.Alerts {
		if gone := !slices.ContainsFunc(all, func(c condition) bool { return c.is(w) }); gone && !w.Began.IsZero() {
			d.Ended = append(d.Ended, w.alert(in, in.Now, "no longer part of the room"))
		}
	}
	d.Next.Alerts = kept
}

// is says whether a memory is of this condition's alert.
func (c condition) is(w Watch) bool {
	return w.Kind == c.kind && (c.item == "" || strings.HasSuffix(w.ID, "/"+c.item))
}

// known is what is remembered of a condition's alert, or a new one if there is something to remember.
func (c condition) known(in Input) Watch {
	for _, w := range in.State.Alerts {
		if c.is(w) {
			return w
		}
	}
	w := Watch{Kind: c.kind, Severity: c.severity}
	if c.holds {
		w.ID = in.Room + "/" + c.kind
		if c.item != "" {
			w.ID += "/" + c.item
		}
	}
	return w
}

func (w Watch) alert(in Input, ended time.Time, evidence string) wire.Alert {
	a := wire.Alert{
		ID: w.ID, Room: in.Room, Kind: w.Kind, Severity: w.Severity,
		BeganMillis: w.Began.UnixMilli(), Evidence: evidence, Source: Source,
	}
	if !ended.IsZero() {
		a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
	}
	return a
}

// again is how long an alert that lasts is left unsaid: whoever missed it, or dealt with it and forgot, hears of it with
// what is seen now.
func again(in Input, severity string) time.Duration {
	if severity == wire.SeverityWarning {
		return in.Policy.SayWarningAgain.D()
	}
	return in.Policy.SayAgain.D()
}

// Recall puts alerts that were raised before a restart back into the memory, so that they can end.
func (s *State) Recall(raised []wire.Alert) {
	for _, a := range raised {
		if a.Source != Source || a.EndedMillis != 0 {
			continue
		}
		at := slices.IndexFunc(s.Alerts, func(w Watch) bool { return w.ID == a.ID })
		if at < 0 {
			at = len(s.Alerts)
			s.Alerts = append(s.Alerts, Watch{ID: a.ID, Kind: a.Kind})
		}
		if w := &s.Alerts[at]; w.Began.IsZero() {
			w.Began, w.Severity = time.UnixMilli(a.BeganMillis), a.Severity
		}
	}
}
