package series

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/workflows"
)

// event stores the fields of one event.
func (s *shelf) event(bucket, measurement string, tags []history.Tag, at time.Time, fields map[string]any) {
	for name, v := range fields {
		var value history.Value
		switch v := v.(type) {
		case string:
			value = history.Value{Kind: history.Text, Text: v}
		case bool:
			value.Kind = history.Bool
			if v {
				value.Int = 1
			}
		case int:
			value = history.Value{Kind: history.Int, Int: int64(v)}
		}
		series := &history.Series{Measurement: measurement, Field: name, Tags: tags}
		for known := range s.samples[bucket] {
			if known.Measurement == measurement && known.Field == name && fmt.Sprint(known.Tags) == fmt.Sprint(tags) {
				series = known
			}
		}
		s.put(bucket, series, at, 0)
		s.samples[bucket][series] = append(s.samples[bucket][series], history.Sample{At: at.UnixMilli(), Value: value})
	}
}

func (s *shelf) command(at time.Time, setpoint int, reason string, emergency bool) {
	s.event(raw, "command", []history.Tag{{Name: "ac", Value: "ac1"}, {Name: "room", Value: "lab"}}, at,
		map[string]any{"setpoint": setpoint, "power": true, "reason": reason, "emergency": emergency})
}

func (s *shelf) alert(bucket string, at time.Time, kind string, active bool, evidence string) {
	s.event(bucket, "alert", []history.Tag{{Name: "alert", Value: "lab/" + kind}, {Name: "kind", Value: kind}, {Name: "room", Value: "lab"}, {Name: "severity", Value: "high"}}, at,
		map[string]any{"active": active, "evidence": evidence})
}

func texts(events []Event) []string {
	var all []string
	for _, e := range events {
		text := fmt.Sprintf("%s %s %s", time.UnixMilli(e.At).UTC().Format("15:04"), e.Kind, e.Text)
		if e.Why != "" && e.Why != text {
			text += " (" + e.Why + ")"
		}
		if e.AC != "" {
			text += fmt.Sprintf(" [%s %d]", e.AC, e.Setpoint)
		}
		if e.Who != "" {
			text += " by " + e.Who
		}
		if e.Until > 0 {
			text += " until " + time.UnixMilli(e.Until).UTC().Format("15:04")
		}
		all = append(all, text)
	}
	return all
}

func TestEventsAreToldFromWhatIsStored(t *testing.T) {
	s := &shelf{}
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	s.command(at(0), 24, "start", false)
	s.command(at(1), 20, "override by kim until 20 Nov 13:01Z: too warm", false)
	s.command(at(2), 20, "override by kim until 20 Nov 13:01Z: too warm", false) // sent again
	s.command(at(5), 18, "inlet 32.1 °C is at or above 32.0, critical", true)
	s.command(at(9), 24, "raise", false)
	s.command(at(12), 22, "no good reading for 2m0s: fail cold", false)
	s.alert(raw, at(3), "critical", true, "inlet 32.1 °C")
	s.alert(raw, at(8), "critical", false, "inlet 29 °C")
	s.alert(raw, at(4), "short-handed", true, "ac2 does not do what it is told")
	s.event(raw, "answer", []history.Tag{{Name: "alert", Value: "lab/critical"}, {Name: "kind", Value: "acknowledge"}, {Name: "room", Value: "lab"}}, at(6),
		map[string]any{"who": "lee", "why": "on my way"})
	page, err := New(s, raw).Events(t.Context(), EventsRequest{Room: "lab", From: at(2), To: at(3), Now: at(60), Limit: 100})
	require.NoError(t, err)
	require.Empty(t, page.Items, "the override had begun before")
	page, err = New(s, raw).Events(t.Context(), EventsRequest{Room: "lab", From: noon, To: at(60), Now: at(60), Limit: 100})
	require.NoError(t, err)
	require.Equal(t, []string{
		"12:12 fail_cold no good reading for 2m0s: fail cold [ac1 22]",
		"12:09 emergency_ended raise [ac1 24]",
		"12:08 alert_ended inlet 29 °C",
		"12:06 alert_acknowledged on my way by lee",
		"12:05 emergency_began inlet 32.1 °C is at or above 32.0, critical [ac1 18]",
		"12:05 override_ended inlet 32.1 °C is at or above 32.0, critical [ac1 18]",
		"12:04 failover ac2 does not do what it is told",
		"12:03 alert_began inlet 32.1 °C",
		"12:01 override_began override by kim until 20 Nov 13:01Z: too warm (too warm) [ac1 20] by kim until 13:01",
	}, texts(page.Items))
	require.Equal(t, "high", page.Items[7].Severity)
	require.Empty(t, page.Next)
}

func TestTheAuditTellsMoreThanCommands(t *testing.T) {
	s := &shelf{}
	s.command(noon, 24, "start", false)
	s.command(noon.Add(time.Minute), 20, "override by kim until 20 Nov 13:01Z: old", false)
	s.command(noon.Add(10*time.Minute), 21, "override by kim until 20 Nov 13:10Z: warm", false)
	entry := func(minutes int, what, outcome string) workflows.AuditEntry {
		return workflows.AuditEntry{At: noon.Add(time.Duration(minutes) * time.Minute), Who: "kim", What: what, Outcome: outcome}
	}
	began := entry(10, "override ac1 to 21 °C for 1h0m0s, high priority", "accepted as o2")
	began.Why, began.Until = "warm", noon.Add(70*time.Minute)
	audit := []workflows.AuditEntry{
		entry(9, "policy", "accepted: warn 27 °C -> 28 °C"),
		began,
		entry(11, "override ac1 to 40 °C for 1h0m0s", "refused: 40 °C is outside the limits"),
		entry(12, "acknowledge lab/warm", "accepted"),
		entry(20, "resume: override ac1 to 21 °C for 1h0m0s", "accepted, o2 ended"),
		entry(30, "override ac2 to 22 °C for 10m0s", "ended: its time is over"),
		entry(31, "emergency of ac1", "began"),
		entry(32, "emergency of ac1", "ended"),
	}
	page, err := New(s, raw).Events(t.Context(), EventsRequest{Room: "lab", From: noon, To: noon.Add(time.Hour), Now: noon, Limit: 100, Audit: audit})
	require.NoError(t, err)
	require.Equal(t, []string{
		"12:32 emergency_ended emergency of ac1 [ac1 0] by kim",
		"12:31 emergency_began emergency of ac1 [ac1 0] by kim",
		"12:30 override_ended override ac2 to 22 °C for 10m0s: its time is over [ac2 22] by kim",
		"12:20 override_ended resume: override ac1 to 21 °C for 1h0m0s [ac1 21] by kim",
		"12:10 override_began override ac1 to 21 °C for 1h0m0s, high priority (warm) [ac1 21] by kim until 13:10",
		"12:09 policy_changed warn 27 °C -> 28 °C by kim",
		"12:01 override_began override by kim until 20 Nov 13:01Z: old (old) [ac1 20] by kim until 13:01",
	}, texts(page.Items))
}

func TestPagesTogetherAreTheWhole(t *testing.T) {
	s := &shelf{}
	s.rolled(noon.Add(-24 * time.Hour))
	for i := range 60 { // three at the same ms each, over 60 days
		at := noon.Add(-time.Duration(i) * 24 * time.Hour).Add(-time.Hour)
		bucket := "o/hours"
		if at.After(noon.Add(-24 * time.Hour)) {
			bucket = raw
		}
		for _, kind := range []string{"a", "b", "c"} {
			s.alert(bucket, at, kind, true, fmt.Sprintf("%s %d", kind, i))
		}
	}
	stored := New(s, raw)
	r := EventsRequest{Room: "lab", From: noon.Add(-90 * 24 * time.Hour), To: noon, Now: noon, Limit: 500}
	whole, err := stored.Events(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, whole.Items, 180)
	require.Empty(t, whole.Next)
	for _, limit := range []int{1, 2, 7, 180} {
		var all []Event
		r.Limit, r.After = limit, ""
		for {
			page, err := stored.Events(t.Context(), r)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Items), limit)
			all = append(all, page.Items...)
			if r.After = page.Next; page.Next == "" {
				break
			}
		}
		require.Equal(t, whole.Items, all, "pages of %d", limit)
	}
	for _, after := range []string{"x", "12", "12-", "12-0", "-3", "99999999999999-1", "12-3"} {
		r.After = after
		_, err := stored.Events(t.Context(), r)
		require.ErrorIs(t, err, fault.ErrInvalid, after)
	}
	r.After, r.Limit = "", 501
	_, err = stored.Events(t.Context(), r)
	require.ErrorContains(t, err, "from 1 to 500")
}

func TestAnOverrideOverNewYearEndsInTheNextOne(t *testing.T) {
	at := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	who, _, until := overrider("override by kim until lee until 1 Jan 00:30Z: x", at.UnixMilli())
	require.Equal(t, "kim", who, "a name that reads like a time is cut, no more")
	require.Zero(t, until)
	who, why, until := overrider("override by kim until 1 Jan 00:30Z: x", at.UnixMilli())
	require.Equal(t, "kim", who)
	require.Equal(t, []any{at.Add(time.Hour).UnixMilli(), "x"}, []any{until, why})
	_, _, until = overrider("override by kim", at.UnixMilli())
	require.Zero(t, until)
}
