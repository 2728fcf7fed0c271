package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	past "github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/wire"
)

// shelf answers queries with what it holds of a measurement, once.
type shelf struct {
	samples map[string][]past.Sample
	queries []string
	err     error
}

func (s *shelf) Rows(_ context.Context, query string, take func(past.Sample) error) error {
	s.queries = append(s.queries, query)
	if s.err != nil {
		return s.err
	}
	for measurement, samples := range s.samples {
		if strings.Contains(query, `"`+measurement+`"`) {
			delete(s.samples, measurement)
			for _, sample := range samples {
				if err := take(sample); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func sample(at int64, measurement, field string, value past.Value, tags ...past.Tag) past.Sample {
	return past.Sample{At: at, Value: value, Series: &past.Series{Measurement: measurement, Field: field, Tags: tags}}
}

func TestStoredAlertsAndAnswersBecomeWhatTheyWere(t *testing.T) {
	at := time.UnixMilli(1_790_000_000_000)
	text := func(s string) past.Value { return past.Value{Kind: past.Text, Text: s} }
	began := []past.Tag{{Name: "alert", Value: "lab/warm"}, {Name: "kind", Value: "warm"}, {Name: "room", Value: "lab"}, {Name: "severity", Value: "high"}}
	said := []past.Tag{{Name: "alert", Value: "lab/warm"}, {Name: "kind", Value: "shelve"}, {Name: "room", Value: "lab"}}
	ms := at.UnixMilli()
	stored := &shelf{samples: map[string][]past.Sample{
		"alert": {
			sample(ms, "alert", "active", past.Value{Kind: past.Bool, Int: 1}, began...), sample(ms, "alert", "evidence", text("inlet 30 °C"), began...),
			sample(ms+5, "alert", "active", past.Value{Kind: past.Bool}, began...), sample(ms+5, "alert", "evidence", text("inlet 26 °C"), began...),
		},
		"answer": {
			sample(ms+1, "answer", "who", text("kim"), said...), sample(ms+1, "answer", "why", text("work"), said...),
			sample(ms+1, "answer", "until", past.Value{Kind: past.Int, Int: ms + 9}, said...),
		},
	}}
	alerts, answers, err := alertHistory{stored, "overcloud/autogen"}.Alerts(t.Context(), "lab", at.Add(-time.Minute), at.Add(time.Minute))
	require.NoError(t, err)
	a := wire.Alert{ID: "lab/warm", Room: "lab", Kind: "warm", Severity: "high"}
	a.BeganMillis, a.Evidence = ms, "inlet 30 °C"
	b := a
	b.BeganMillis, b.EndedMillis, b.Evidence = 0, ms+5, "inlet 26 °C"
	require.Equal(t, []wire.Alert{a, b}, alerts)
	require.Equal(t, []wire.Answer{{Room: "lab", Alert: "lab/warm", Kind: "shelve", Who: "kim", Why: "work", TimeMillis: ms + 1, UntilMillis: ms + 9}}, answers)
	require.Contains(t, strings.Join(stored.queries, "\n"), `"lab"`, "of this room only")
}

func TestAHistoryThatIsEmptyOrAway(t *testing.T) {
	at := time.Now()
	ask := func(err error) error {
		alerts, _, err := alertHistory{&shelf{err: err}, "b"}.Alerts(t.Context(), "", at.Add(-time.Hour), at)
		require.Empty(t, alerts)
		return err
	}
	require.NoError(t, ask(fault.ErrNotFound), "nothing was ever stored")
	require.ErrorIs(t, ask(fault.ErrUnreachable), fault.ErrUnreachable)
	wrong := errors.New("nonsense")
	require.ErrorIs(t, ask(wrong), wrong)
	s := sheet[wire.Alert]{read: alertOf, table: past.Table{What: "alerts"}, all: make([]wire.Alert, mostAlerts)}
	require.ErrorIs(t, s.Write(make([]past.Row, 1)), fault.ErrInvalid)
}
