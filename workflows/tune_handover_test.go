package workflows

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/internal/wire"
)

// stage is a real server with a worker that tunes rooms over fake streams.
type stage struct {
	t       *testing.T
	server  *testsuite.DevServer
	client  client.Client
	streams *fakes.Streams
	id      string
	updates atomic.Int64
	again   atomic.Int64 // updates that were sent again
}

func newStage(t *testing.T, in TuneInput) *stage {
	t.Helper()
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error", SearchAttributes: searchAttributes(), ClientOptions: &client.Options{Logger: quietLog()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	s := &stage{t: t, server: server, client: server.Client(), streams: &fakes.Streams{}, id: TuneID(in.Service, in.Room.Name)}
	w := worker.New(s.client, TaskQueue, WorkerOptions())
	w.RegisterWorkflow(TuneWorkflow)
	w.RegisterActivity(&activities.Cooling{Streams: s.streams})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	_, err = s.client.ExecuteWorkflow(t.Context(), startAs(s.id), TuneWorkflow, in)
	require.NoError(t, err)
	return s
}

func (s *stage) signal(ctx context.Context, name string, payload any) error {
	return s.client.SignalWorkflow(ctx, s.id, "", name, payload)
}

// update is sent as package temporal sends it: again, under the same ID, when Temporal says that it was not taken.
func (s *stage) update(ctx context.Context, name string, payload any) error {
	options := client.UpdateWorkflowOptions{
		UpdateID: fmt.Sprint("update-", s.updates.Add(1)), WorkflowID: s.id, UpdateName: name, Args: []any{payload}, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	for {
		handle, err := s.client.UpdateWorkflow(ctx, options)
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		var notTaken *serviceerror.WorkflowNotReady
		if !errors.As(err, &notTaken) {
			return err
		}
		s.again.Add(1)
	}
}

func (s *stage) state() (state TuneState, err error) {
	value, err := s.client.QueryWorkflow(s.t.Context(), s.id, "", QueryState)
	if err == nil {
		err = value.Get(&state)
	}
	return state, err
}

func (s *stage) await(reached func(TuneState) bool) (state TuneState) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		var err error
		state, err = s.state()
		return err == nil && reached(state)
	}, time.Minute, 20*time.Millisecond)
	return state
}

func (s *stage) events() int64 {
	s.t.Helper()
	described, err := s.client.DescribeWorkflowExecution(s.t.Context(), s.id, "")
	require.NoError(s.t, err)
	return described.GetWorkflowExecutionInfo().GetHistoryLength()
}

// sum is every message that was taken or refused.
func (n Taken) sum() int64 {
	return n.Overrides + n.Resumes + n.Policies + n.Rooms + n.Answers + n.Recommendations + n.Acks + n.Alerts + n.Refused
}

// TestAThousandMessagesThroughHandOvers sends signals and updates from four sides at once while the room's runs hand over
// to each other, and finds each of them exactly once.
func TestAThousandMessagesThroughHandOvers(t *testing.T) {
	in := coldAisle()
	in.MaxEvents = 150
	s := newStage(t, in)
	const each = 250
	pair := func(i int, do func(int) error, undo func(int) error) error {
		if i%2 == 0 {
			return do(i)
		}
		return undo(i - 1)
	}
	shelved := func(i int) string { return fmt.Sprintf("hall/sensor/%d", i) }
	alert := func(i int, ended bool) wire.Alert {
		a := dry(nine)
		if a.ID = fmt.Sprintf("hall/spool/pi-%d", i); ended {
			a.EndedMillis = a.BeganMillis + 1
		}
		return a
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	sides := []func(i int) error{
		func(i int) error { // a person by updates
			return pair(i, func(i int) error {
				return s.update(ctx, UpdateOverride, ranked(fmt.Sprint("u", i), []string{"low", "normal", "high"}[i%3], 18+i%9, 60))
			}, func(i int) error {
				return s.update(ctx, UpdateResume, ResumeRequest{ID: fmt.Sprint("u", i), Who: "Ada"})
			})
		},
		func(i int) error { // an edge, which confirms
			return s.signal(ctx, SignalAck, wire.Ack{
				Room: "hall", AC: "ac2", State: wire.AckConfirmed, Power: true, Setpoint: 24, Source: ackHandRemote, TimeMillis: time.Now().UnixMilli(),
			})
		},
		func(i int) error { // and raises alerts
			return s.signal(ctx, SignalAlert, alert(i-i%2, i%2 == 1))
		},
		func(i int) error { // and answers
			return pair(i, func(i int) error {
				return s.update(ctx, UpdateShelve, AnswerRequest{Alert: shelved(i), For: spec.Duration(time.Hour), Who: "Ada"})
			}, func(i int) error {
				return s.signal(ctx, SignalUnshelve, AnswerRequest{Alert: shelved(i), Who: "Ada"})
			})
		},
	}
	var wg sync.WaitGroup
	faults := make([]error, len(sides))
	for n, side := range sides {
		wg.Go(func() {
			for i := range each {
				if err := side(i); err != nil {
					faults[n] = fmt.Errorf("message %d of side %d: %w", i, n, err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(faults...))

	const sent = int64(each * 4)
	state := s.await(func(state TuneState) bool {
		return state.Taken.sum() >= sent && state.Told == state.Revision && len(state.Unsaid) == 0
	})
	require.Equal(t, sent, state.Taken.sum(), "each once: %+v", state.Taken)
	require.GreaterOrEqual(t, state.Taken.Runs, int64(20))
	require.EqualValues(t, each, state.Taken.Alerts)
	require.EqualValues(t, each, state.Taken.Answers)
	require.EqualValues(t, each, state.Taken.Acks)
	require.EqualValues(t, each/2, state.Taken.Overrides)
	require.EqualValues(t, each/2, state.Taken.Resumes)
	require.Zero(t, state.Taken.Refused, "%+v", state.Rejected)
	require.Empty(t, state.find("ac1").Overrides)
	require.Empty(t, state.Answers)
	require.Empty(t, state.Alerts)
	last := map[string]wire.Answer{}
	for _, a := range s.streams.Answers() {
		if a.TimeMillis >= last[a.Alert].TimeMillis {
			last[a.Alert] = a
		}
	}
	require.Len(t, last, each/2)
	for _, a := range last {
		require.Equal(t, wire.AnswerUnshelve, a.Kind, "the newest word to each alert reached the broker")
	}
	t.Logf("%+v; %d commands, %d updates sent again", state.Taken, len(s.streams.Commands()), s.again.Load())
}

// TestAQuietDayIsShort counts the events of a room on a quiet day on a real server: a few steps of the rules, each
// obeyed, and an alert. The intent's two further publications of a day are added, since nobody waits 12 hours here.
func TestAQuietDayIsShort(t *testing.T) {
	in := coldAisle()
	p := &in.Room.Policy
	p.UpEvery, p.DownEvery = spec.Duration(time.Second), spec.Duration(time.Second)
	s := newStage(t, in)
	ctx := t.Context()
	obey := func(ac string) {
		state := s.await(func(state TuneState) bool {
			return state.find(ac).Told == state.find(ac).Revision && state.Told == state.Revision
		})
		told := state.find(ac)
		ack := wire.Ack{
			ID: told.CommandID, Revision: told.Revision, Room: "hall", AC: ac, State: wire.AckSent, Power: true,
			Setpoint: told.Desired, Source: "command", TimeMillis: time.Now().UnixMilli(),
		}
		require.NoError(t, s.signal(ctx, SignalAck, ack))
		s.await(func(state TuneState) bool { return state.find(ac).Sent != nil })
		ack.State = wire.AckConfirmed
		require.NoError(t, s.signal(ctx, SignalAck, ack))
		s.await(func(state TuneState) bool { return state.find(ac).obeys() })
	}
	obey("ac1")
	obey("ac2")
	began := s.events()
	const moves = 8
	for i := range moves {
		ac := []string{"ac1", "ac2"}[i%2]
		setpoint := 24 + 1 - i/2%2
		require.NoError(t, s.signal(ctx, SignalRecommend, Recommendation{AC: ac, Setpoint: setpoint, Inlet: 26, Reason: "a step"}))
		s.await(func(state TuneState) bool { return state.find(ac).Desired == setpoint })
		obey(ac)
	}
	steps := s.events() - began
	require.NoError(t, s.signal(ctx, SignalAlert, dry(nine)))
	s.await(func(state TuneState) bool { return len(state.Alerts) == 1 })
	ended := dry(nine)
	ended.EndedMillis = ended.BeganMillis + 1
	require.NoError(t, s.signal(ctx, SignalAlert, ended))
	s.await(func(state TuneState) bool { return len(state.Alerts) == 0 })
	// A publication of the intent: its timer is started and fires, an activity, and a workflow task after each.
	const intents = 2 * (2 + 3 + 3 + 3)
	day := s.events() - began + intents
	t.Logf("%d events a day: %d for %d steps (%.1f each), %d for the intent", day, steps, moves, float64(steps)/moves, intents)
	require.Less(t, day, int64(200))
}
