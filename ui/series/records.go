package series

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/workflows"
)

// record is the fields of one stored event.
type record struct {
	measurement string
	at          int64
	series      *history.Series
	values      map[string]history.Value
}

type recordKey struct {
	measurement, tags string
	at                int64
}

// records puts the fields of events together; several queries may fill it at once.
type records struct {
	mu   sync.Mutex
	by   map[recordKey]*record
	last *history.Series
	tags string
}

func newRecords() *records { return &records{by: map[recordKey]*record{}} }

func (r *records) take(s history.Sample) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.Series != r.last {
		r.last, r.tags = s.Series, fmt.Sprint(s.Series.Tags)
	}
	k := recordKey{s.Series.Measurement, r.tags, s.At}
	if r.by[k] == nil {
		r.by[k] = &record{s.Series.Measurement, s.At, s.Series, map[string]history.Value{}}
	}
	r.by[k].values[s.Series.Field] = s.Value
	return nil
}

// sorted are the records, the oldest first.
func (r *records) sorted() []*record {
	all := make([]*record, 0, len(r.by))
	for _, one := range r.by {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *record) int { return cmp.Compare(a.at, b.at) })
	return all
}

// newest are the newest records by air conditioner.
func (r *records) newest() map[string]*record {
	all := map[string]*record{}
	for _, one := range r.sorted() {
		all[one.series.Tag("ac")] = one
	}
	return all
}

// events tells the records, those of commands by what changed from one to the next of a machine up to covered, from when
// on the audit tells more; before are the commands before them.
func (r *records) events(before map[string]*record, covered int64) []Event {
	var events []Event
	for _, one := range r.sorted() {
		switch one.measurement {
		case "alert":
			events = append(events, one.alert())
		case "answer":
			events = append(events, one.answer())
		case "command":
			ac := one.series.Tag("ac")
			events = append(events, one.command(before[ac], covered)...)
			before[ac] = one
		}
	}
	return events
}

func (r *record) text(field string) string { return r.values[field].Text }

func (r *record) alert() Event {
	e := Event{At: r.at, Kind: AlertBegan, Severity: r.series.Tag("severity"), Text: r.text("evidence"), Alert: r.series.Tag("alert")}
	kind := r.series.Tag("kind")
	switch active := r.values["active"].Int != 0; {
	case !active:
		e.Kind = AlertEnded
	case kind == control.KindShort:
		e.Kind = Failover
	}
	e.Text = cmp.Or(e.Text, kind)
	return e
}

func (r *record) answer() Event {
	kinds := map[string]string{"acknowledge": AlertAcknowledged, "shelve": AlertShelved, "unshelve": AlertUnshelved}
	kind := r.series.Tag("kind")
	return Event{
		At: r.at, Kind: cmp.Or(kinds[kind], "alert_"+kind), Text: r.text("why"), Who: r.text("who"), Alert: r.series.Tag("alert"),
		Until: r.values["until"].Int,
	}
}

// overridden is how the reason of a command begins that a person's override holds; see control.Merge.
const overridden = "override by "

func (r *record) command(before *record, covered int64) []Event {
	was := ""
	emergency := false
	if before != nil {
		was, emergency = before.text("reason"), before.values["emergency"].Int != 0
	}
	reason, now := r.text("reason"), r.values["emergency"].Int != 0
	e := Event{At: r.at, Text: reason, AC: r.series.Tag("ac"), Setpoint: int(r.values["setpoint"].Int)}
	var all []Event
	tell := func(kind string) { e.Kind = kind; all = append(all, e) }
	if strings.HasSuffix(reason, ": fail cold") && !strings.HasSuffix(was, ": fail cold") {
		tell(FailCold)
	}
	if r.at >= covered {
		return all
	}
	switch {
	case now && !emergency:
		tell(EmergencyBegan)
	case emergency && !now:
		tell(EmergencyEnded)
	}
	switch held, holds := strings.HasPrefix(was, overridden), strings.HasPrefix(reason, overridden); {
	case holds && reason != was:
		e.Who, e.Why, e.Until = overrider(reason, r.at)
		tell(OverrideBegan)
	case held && !holds:
		e.Who, e.Why, e.Until = "", "", 0
		tell(OverrideEnded)
	}
	return all
}

// overrider reads who, why and until when of "override by kim until 2 Jan 15:04Z: why"; the year is the one of at or the
// next.
func overrider(reason string, at int64) (who, why string, until int64) {
	rest := strings.TrimPrefix(reason, overridden)
	who, rest, found := strings.Cut(rest, " until ")
	when, why, whole := strings.Cut(rest, "Z: ")
	parsed, err := time.Parse("2 Jan 15:04", when)
	if !found || !whole || err != nil {
		return who, "", 0
	}
	begin := time.UnixMilli(at).UTC()
	end := parsed.AddDate(begin.Year(), 0, 0)
	if end.Before(begin.Add(-time.Minute)) {
		end = end.AddDate(1, 0, 0)
	}
	return who, why, end.UnixMilli()
}

// audited are the events of the audit between two times.
func audited(audit []workflows.AuditEntry, from, to time.Time) []Event {
	var all []Event
	for _, entry := range audit {
		if entry.At.Before(from) || !entry.At.Before(to) || strings.HasPrefix(entry.Outcome, "refused") {
			continue
		}
		if e, tells := fromAudit(entry); tells {
			all = append(all, e)
		}
	}
	return all
}

// fromAudit reads an entry as the tuning writes it; what is in InfluxDB anyway, as answers are, is left out.
func fromAudit(entry workflows.AuditEntry) (Event, bool) {
	e := Event{At: entry.At.UnixMilli(), Who: entry.Who, Why: entry.Why, Text: entry.What}
	if !entry.Until.IsZero() {
		e.Until = entry.Until.UnixMilli()
	}
	what, resumed := strings.CutPrefix(entry.What, "resume: ")
	switch {
	case strings.HasPrefix(what, "override "):
		e.Kind = OverrideBegan
		if resumed || strings.HasPrefix(entry.Outcome, "ended") {
			e.Kind = OverrideEnded
			if over, found := strings.CutPrefix(entry.Outcome, "ended: "); found {
				e.Text += ": " + over
			}
		}
		if _, err := fmt.Sscanf(what, "override %s to %d °C", &e.AC, &e.Setpoint); err != nil {
			e.AC = ""
		}
	case strings.HasPrefix(what, "emergency of "):
		e.Kind, e.AC = EmergencyBegan, strings.TrimPrefix(what, "emergency of ")
		if entry.Outcome == "ended" {
			e.Kind = EmergencyEnded
		}
	case what == "policy" || strings.HasPrefix(what, "policy,") || what == "room":
		e.Kind = PolicyChanged
		e.Text = strings.TrimPrefix(entry.Outcome, "accepted: ")
	default:
		return Event{}, false
	}
	return e, true
}
