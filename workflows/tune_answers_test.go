package workflows

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// ask sends an update and keeps what came of it.
func ask[Out any](h *hall, name string, request any) (out *Out, refused *error) {
	out, refused = new(Out), new(error)
	h.updates++
	h.UpdateWorkflow(name, fmt.Sprintf("update-%d", h.updates), &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { *refused = err },
		OnComplete: func(result any, err error) {
			if *refused = err; err == nil {
				*out = result.(Out)
			}
		},
	}, request)
	return out, refused
}

// says is what a person reads of a refused update.
func says(t *testing.T, err error) string {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	return application.Message()
}

func dry(at time.Time) wire.Alert {
	return wire.Alert{ID: "hall/spool/pi-1", Room: "hall", Kind: "spool", Severity: wire.SeverityWarning, BeganMillis: at.UnixMilli(), Evidence: "81 %", Source: "edge"}
}

func (h *hall) answers() (said []string) {
	for _, a := range h.streams.Answers() {
		require.NoError(h.t, a.Validate())
		said = append(said, fmt.Sprintf("%s %s by %s", a.Kind, a.Alert, a.Who))
	}
	return said
}

func TestAnAcknowledgementHoldsUntilItsAlertEnds(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.at(minute(1), func() {
		_, err := ask[AnswerAccepted](h, UpdateAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Ada"})
		h.at(time.Second, func() {
			require.Equal(t, "no alert hall/spool/pi-1 lasts in room hall (none does)", says(t, *err))
			require.Zero(t, h.state().Taken.Answers)
		})
	})
	h.signal(minute(2), SignalAlert, dry(nine))
	h.at(minute(3), func() {
		accepted, err := ask[AnswerAccepted](h, UpdateAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Ada", Why: "on my way"})
		h.at(time.Second, func() {
			require.NoError(t, *err)
			require.Equal(t, AnswerAccepted{Alert: "hall/spool/pi-1", Kind: wire.AnswerAcknowledge, Lasts: true}, *accepted)
			require.Equal(t, "Ada", h.state().Answers[0].Who)
			last := h.state().Audit[len(h.state().Audit)-1]
			require.Equal(t, "acknowledge hall/spool/pi-1", last.What)
			require.Equal(t, "on my way", last.Why)
		})
	})
	h.signal(minute(4), SignalAlert, dry(nine)) // said again: it is the same one
	h.at(minute(5), func() { require.Len(t, h.state().Answers, 1) })
	ended := dry(nine)
	ended.EndedMillis = nine.Add(minute(6)).UnixMilli()
	h.signal(minute(6), SignalAlert, ended)
	h.at(minute(7), func() { require.Empty(t, h.state().Answers) })
	h.signal(minute(8), SignalAlert, dry(nine.Add(minute(8))))
	h.signal(minute(9), SignalAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Bob"})
	h.signal(minute(10), SignalAlert, dry(nine.Add(minute(10)))) // another one, whose forerunner's end nobody saw
	h.at(minute(11), func() { require.Empty(t, h.state().Answers) })
	h.run(coldAisle(), minute(12))
	require.Equal(t, []string{"acknowledge hall/spool/pi-1 by Ada", "acknowledge hall/spool/pi-1 by Bob"}, h.answers())
}

func TestAShelvingEndsByItself(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	shelve := AnswerRequest{Alert: "hall/sensor/3", For: spec.Duration(2 * time.Hour), Who: "Ada", Why: "new sensor"}
	h.signal(minute(1), SignalShelve, shelve)
	h.at(minute(2), func() {
		require.Equal(t, nine.Add(minute(121)), h.state().Answers[0].Until.UTC())
		require.Equal(t, nine.Add(minute(121)).UnixMilli(), h.streams.Answers()[0].UntilMillis)
	})
	h.at(minute(3), func() { // the newest word holds
		longer := shelve
		longer.For = spec.Duration(3 * time.Hour)
		accepted, _ := ask[AnswerAccepted](h, UpdateShelve, longer)
		h.at(time.Second, func() {
			require.Equal(t, wire.AnswerShelve, accepted.Instead)
			require.False(t, accepted.Lasts)
			require.Len(t, h.state().Answers, 1)
		})
	})
	h.at(minute(182), func() { require.Len(t, h.state().Answers, 1) })
	h.at(minute(184), func() {
		require.Empty(t, h.state().Answers)
		require.Equal(t, "ended: its time is over", h.state().Audit[len(h.state().Audit)-1].Outcome)
	})
	h.signal(minute(190), SignalShelve, shelve)
	h.signal(minute(191), SignalUnshelve, AnswerRequest{Alert: "hall/sensor/3", Who: "Bob"})
	h.signal(minute(192), SignalUnshelve, AnswerRequest{Alert: "hall/sensor/3", Who: "Bob"})
	h.at(minute(193), func() {
		require.Empty(t, h.state().Answers)
		require.Equal(t, "alert hall/sensor/3 is neither shelved nor acknowledged", h.state().Rejected[0].Reason)
	})
	h.run(coldAisle(), minute(194))
	require.Equal(t, []string{"shelve hall/sensor/3 by Ada", "shelve hall/sensor/3 by Ada", "shelve hall/sensor/3 by Ada", "unshelve hall/sensor/3 by Bob"}, h.answers())
}

// Whoever reads the topic a day back must find the answers that hold; the newest to each alert is told when the broker
// is back, and no other.
func TestAnswersReachABrokerThatWasAwayAndAreSaidAgain(t *testing.T) {
	h := newHall(t)
	h.obey(time.Second, "ac1", "ac2")
	h.signal(minute(1), SignalAlert, dry(nine))
	down := true
	h.streams.Before(fakes.Call{Method: "Answer"}, func(context.Context, fakes.Call) error {
		if down {
			return fmt.Errorf("kafka: %w", fault.ErrUnreachable)
		}
		return nil
	})
	h.signal(minute(2), SignalShelve, AnswerRequest{Alert: "hall/sensor/3", For: spec.Duration(30 * time.Hour), Who: "Ada"})
	h.signal(minute(3), SignalUnshelve, AnswerRequest{Alert: "hall/sensor/3", Who: "Ada"})
	h.signal(minute(4), SignalShelve, AnswerRequest{Alert: "hall/sensor/3", For: spec.Duration(20 * time.Hour), Who: "Bob"})
	h.signal(minute(5), SignalAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Ada"})
	h.at(minute(6), func() { require.Len(t, h.state().Unsaid, 2); down = false })
	h.at(minute(8), func() { require.Empty(t, h.state().Unsaid) })
	h.run(coldAisle(), 13*time.Hour)
	said := h.answers()
	require.ElementsMatch(t, []string{"shelve hall/sensor/3 by Bob", "acknowledge hall/spool/pi-1 by Ada"}, said[:2])
	require.ElementsMatch(t, said[:2], said[2:], "with the intent, after 12 hours")
	require.Equal(t, 2, countOf(h.streams.Answers(), h.streams.Answers()[0]), "the very same record")
}

func countOf(list []wire.Answer, one wire.Answer) (n int) {
	for _, a := range list {
		if a == one {
			n++
		}
	}
	return n
}

func TestAnswersThatCannotBeAreRefused(t *testing.T) {
	in := coldAisle()
	s := newTuneState(in, nine)
	require.NoError(t, s.takeAlert(dry(nine)))
	for reason, c := range map[string]struct {
		kind string
		AnswerRequest
	}{
		"alert must be given; who must be given":                                       {UpdateAcknowledge, AnswerRequest{}},
		`alert "attic/warm" is none of room hall: its ID begins with "hall/"`:          {UpdateShelve, AnswerRequest{Alert: "attic/warm", For: spec.Duration(time.Hour), Who: "Ada"}},
		"no alert hall/warm lasts in room hall (there are hall/spool/pi-1)":            {UpdateAcknowledge, AnswerRequest{Alert: "hall/warm", Who: "Ada"}},
		"for 0s must be from 1s to 336h0m0s":                                           {UpdateShelve, AnswerRequest{Alert: "hall/warm", Who: "Ada"}},
		"for 400h0m0s must be from 1s to 336h0m0s":                                     {UpdateShelve, AnswerRequest{Alert: "hall/warm", Who: "Ada", For: spec.Duration(400 * time.Hour)}},
		"for is only of shelve":                                                        {UpdateAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Ada", For: spec.Duration(time.Hour)}},
		"alert hall/spool/pi-1 is neither shelved nor acknowledged; who must be given": {UpdateUnshelve, AnswerRequest{Alert: "hall/spool/pi-1", Who: " "}},
		"who holds control characters":                                                 {UpdateAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "A\nda"}},
	} {
		_, err := s.takeAnswer(nine, c.kind, c.AnswerRequest)
		require.EqualError(t, err, reason)
	}
	require.Empty(t, s.Answers)
	require.Empty(t, s.Unsaid)
	for i := range mostAnswers {
		_, err := s.takeAnswer(nine, UpdateShelve, AnswerRequest{Alert: fmt.Sprintf("hall/sensor/%d", i), For: spec.Duration(time.Hour), Who: "Ada"})
		require.NoError(t, err)
	}
	_, err := s.takeAnswer(nine, UpdateAcknowledge, AnswerRequest{Alert: "hall/spool/pi-1", Who: "Ada"})
	require.EqualError(t, err, "100 alerts are shelved or acknowledged already, unshelve one first")
}
