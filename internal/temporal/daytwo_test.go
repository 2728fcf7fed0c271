package temporal

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// canary is the value of a secret, which no history, log or answer may hold.
const canary = "canary-3f9a1c77"

func commanded(command string) spec.Service {
	s := service()
	s.Schedule = 0
	s.Functions[0].Command = []string{command}
	return s
}

func (l *lab) reaches(t *testing.T, revision int) workflows.Status {
	t.Helper()
	return l.await(t, func(s workflows.Status) bool { return tuning(s) && s.Revision == revision })
}

func TestTheVerbsOfDayTwo(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	const name = "smart-energy"
	_, err := l.Rollback(ctx, name, workflows.RollbackRequest{})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = l.StartService(ctx, commanded("--one"))
	require.NoError(t, err)
	l.reaches(t, 1)
	_, err = l.StartService(ctx, commanded("--two"))
	require.NoError(t, err)
	l.reaches(t, 2)

	accepted, err := l.Rollback(ctx, name, workflows.RollbackRequest{Who: "ann", Why: "two is worse"})
	require.NoError(t, err)
	require.Equal(t, 3, accepted.Revision)
	status := l.reaches(t, 3)
	revisions, err := l.Revisions(ctx, name)
	require.NoError(t, err)
	require.Len(t, revisions, 2)
	require.True(t, revisions[0].Running)
	require.Equal(t, "rollback to 1", revisions[0].What)
	require.Equal(t, status.Functions[0].Digest, revisions[0].Images[0].Digest)

	for what, ask := range map[string]func() error{
		"revision 9 of smart-energy is not kept; there are: 2": func() error {
			_, err := l.Rollback(ctx, name, workflows.RollbackRequest{Revision: 9})
			return err
		},
		"no revision of smart-energy has failed": func() error {
			_, err := l.Retry(ctx, name, workflows.RetryRequest{})
			return err
		},
		`smart-energy has no box "rack-9"`: func() error {
			_, err := l.Drain(ctx, name, workflows.DrainRequest{Box: "rack-9"})
			return err
		},
	} {
		err := ask()
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.EqualError(t, err, what)
	}

	accepted, err = l.Drain(ctx, name, workflows.DrainRequest{Box: "rack-1", Who: "ann"})
	require.NoError(t, err)
	status = l.await(t, func(s workflows.Status) bool { return s.Failed != nil })
	require.Equal(t, accepted.Revision, status.Failed.Revision, "there is no other box")
	require.Equal(t, activities.TypeNoBox, status.Failed.FaultType)
	accepted, err = l.Retry(ctx, name, workflows.RetryRequest{Who: "ann"})
	require.NoError(t, err)
	require.Equal(t, 4, accepted.Revision)
	l.await(t, func(s workflows.Status) bool { return s.Audit[len(s.Audit)-1].What == "retry 4" })

	match, err := l.PreviewRebalance(ctx, name)
	require.NoError(t, err)
	require.Zero(t, match.Plan.Changes())
	accepted, err = l.Rebalance(ctx, name, workflows.RebalanceRequest{PlanHash: match.Plan.Hash})
	require.NoError(t, err)
	l.reaches(t, accepted.Revision)
	revisions, err = l.Revisions(ctx, name)
	require.NoError(t, err)
	require.Len(t, revisions, 2, "the same content is the same revision to go back to")
	l.sweeps(t)
}

// sweeps looks for what a service does not want, and what nobody does.
func (l *lab) sweeps(t *testing.T) {
	ctx, old := t.Context(), time.Now().Add(-time.Hour).Unix()
	l.engines.Put("rack-1", plan.Container{ID: "o", Name: "smart-energy-old-1", Service: "smart-energy", State: "running", Created: old})
	l.engines.Put("rack-1", plan.Container{ID: "g", Name: "gone-web-1", Service: "gone", State: "running", Created: old})
	report, err := l.Sweep(ctx, workflows.SweepInput{Service: "smart-energy", DryRun: true})
	require.NoError(t, err)
	require.Len(t, report.Items, 1)
	require.Equal(t, "smart-energy-old-1", report.Items[0].Name)
	report, err = l.Sweep(ctx, workflows.SweepInput{Boxes: service().Boxes})
	require.NoError(t, err)
	require.Len(t, report.Items, 1)
	require.True(t, report.Items[0].Gone)
	require.Equal(t, "gone-web-1", report.Items[0].Name)
	_, err = l.Sweep(ctx, workflows.SweepInput{Service: "gone"})
	require.ErrorContains(t, err, "no service gone is running")

	require.Eventually(t, func() bool { // the list follows within a second or so
		named, err := Services{Client: l.Client}.Named(ctx)
		return err == nil && len(named) > 0
	}, 10*time.Second, 50*time.Millisecond)
}

// events are all events of all workflows so far.
func (l *lab) events(t *testing.T) (all []*historypb.HistoryEvent, byID map[string]int) {
	t.Helper()
	byID = map[string]int{}
	answer, err := l.SDK().ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: "default", PageSize: 1000})
	require.NoError(t, err)
	for _, one := range answer.GetExecutions() {
		id := one.GetExecution().GetWorkflowId()
		history := l.SDK().GetWorkflowHistory(t.Context(), id, one.GetExecution().GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(t, err)
			all, byID[id] = append(all, event), byID[id]+1
		}
	}
	return all, byID
}

// sink is a log that many write.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(line)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A secret's value is in no history, no log and no answer, also when a container writes it and dies of it.
func TestNoSecretLeavesTheWorker(t *testing.T) {
	l := newLab(t)
	var log sink
	loud, err := Dial(Options{Address: l.address, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	t.Cleanup(loud.Close)
	l.Client = loud
	l.work(t)
	s := commanded("--one")
	s.Secrets = []spec.Secret{{Name: "password", From: "env:CANARY"}}
	s.Functions[0].Secrets = []spec.SecretUse{{Name: "password", Target: "/run/secrets/password"}}
	_, err = l.StartService(t.Context(), s)
	require.NoError(t, err)
	l.reaches(t, 1)
	require.Equal(t, map[string][]byte{"/run/secrets/password": []byte(canary)}, l.engines.Secrets("rack-1", "smart-energy-kafka-1"))

	l.engines.SetLogs("kafka", "wrong password "+canary)
	l.engines.Script("kafka", activities.ContainerState{Status: "exited", ExitCode: 1})
	s.Functions[0].Command = []string{"--two"}
	_, err = l.StartService(t.Context(), s)
	require.NoError(t, err)
	status := l.await(t, func(s workflows.Status) bool { return s.Failed != nil })
	require.Contains(t, status.Fault, "wrong password [secret password]", "else the log was not read at all")

	revisions, err := l.Revisions(t.Context(), "smart-energy")
	require.NoError(t, err)
	made, err := l.Plan(t.Context(), "smart-energy")
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%+v %+v %+v", status, revisions, made), canary)
	require.Eventually(t, func() bool { _, byID := l.events(t); return byID["stitch/smart-energy/2"] > 0 }, 10*time.Second, 50*time.Millisecond)
	all, _ := l.events(t)
	for _, event := range all {
		raw, err := event.Marshal()
		require.NoError(t, err)
		require.NotContains(t, string(raw), canary, event.GetEventType())
	}
	require.NotEmpty(t, log.String())
	require.NotContains(t, log.String(), canary)
}

// quietEvents bounds the history of a service that has nothing to do, for each reconcile: at one each 30 s that is a
// new run (some 4,000 events) after an hour or so, far from the 51,200 that end a workflow.
const quietEvents = 40

func TestAQuietServiceCostsFewEvents(t *testing.T) {
	l := newLab(t)
	l.work(t)
	ctx := t.Context()
	_, err := l.StartService(ctx, commanded("--one"))
	require.NoError(t, err)
	l.reaches(t, 1)
	count := func() (service, children int) {
		all, byID := l.events(t)
		service = byID["service/smart-energy"]
		return service, len(all) - service
	}
	service, children := count()
	const times = 5
	for n := range times {
		begun := l.engines.Count("observe rack-1")
		require.NoError(t, l.Reconcile(ctx, "smart-energy"), n)
		require.Eventually(t, func() bool { return l.engines.Count("observe rack-1") > begun && l.stitched(ctx, n+2) }, 10*time.Second, 20*time.Millisecond)
	}
	more, moreChildren := count()
	t.Logf("a quiet reconcile costs %d events of the service and %d of its children", (more-service)/times, (moreChildren-children)/times)
	require.LessOrEqual(t, (more-service)/times, quietEvents)
}

// stitched says whether so many stitches have ended.
func (l *lab) stitched(ctx context.Context, times int) bool {
	answer, err := l.SDK().CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: "default", Query: `WorkflowType = "StitchWorkflow" AND ExecutionStatus = "Completed"`,
	})
	return err == nil && answer.GetCount() >= int64(times)
}

var _ activities.Services = (*fakes.Services)(nil)
