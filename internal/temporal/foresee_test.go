package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/workflows"
)

// What is foreseen is what is then done: the plan of the change has the hash that the question was answered with.
func TestWhatIsForeseenIsWhatIsDone(t *testing.T) {
	l := newLab(t)
	l.work(t)
	l.foreseesWhatItDoes(t)
	l.tellsOfEarlierDeploys(t)
	l.saysWhatCannotBe(t)
	l.refusesAnotherPlan(t)
	g, err := l.Graph(t.Context(), foreseen)
	require.NoError(t, err)
	require.Equal(t, "kafka", g.Wanted[0].Function)
	require.Contains(t, g.Runs[len(g.Runs)-1].Workflow, "service/smart-energy")
	require.NoError(t, l.AskDown(t.Context(), foreseen, workflows.DownRequest{Who: "ann"}))
	require.Eventually(t, func() bool { _, err := l.Status(t.Context(), foreseen); return err != nil }, 20*time.Second, 20*time.Millisecond)
}

// foreseen is the service whose changes are asked about.
const foreseen = "smart-energy"

// foreseesWhatItDoes applies twice, scales and rolls back: revisions 1 to 4.
func (l *lab) foreseesWhatItDoes(t *testing.T) {
	ctx, name := t.Context(), foreseen
	one, two := commanded("--one"), commanded("--two")
	_, err := l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskRebalance})
	require.ErrorIs(t, err, fault.ErrNotFound)
	seen, err := l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskApply, Service: &one})
	require.NoError(t, err, "a service that does not run would be started")
	require.Equal(t, plan.ActionCreate, seen.Plan.Placements[0].Action)
	_, err = l.Apply(ctx, workflows.ApplyRequest{Service: one, PlanHash: seen.Plan.Hash})
	require.NoError(t, err)
	require.Equal(t, seen.Plan.Hash, l.reaches(t, 1).PlanHash)

	seen, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskApply, Service: &two})
	require.NoError(t, err)
	require.Equal(t, plan.ActionReplace, seen.Plan.Placements[0].Action)
	require.Equal(t, 1, seen.Revision)
	_, err = l.Apply(ctx, workflows.ApplyRequest{Service: two, PlanHash: seen.Plan.Hash})
	require.NoError(t, err)
	require.Equal(t, seen.Plan.Hash, l.reaches(t, 2).PlanHash)

	seen, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskScale, Function: "kafka", Replicas: 2})
	require.NoError(t, err)
	require.Len(t, seen.Plan.Placements, 2)
	require.Len(t, seen.Before, 1)
	_, err = l.Scale(ctx, name, workflows.ScaleRequest{Function: "kafka", Replicas: 2, PlanHash: seen.Plan.Hash})
	require.NoError(t, err)
	require.Equal(t, seen.Plan.Hash, l.reaches(t, 3).PlanHash)

	_, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskRollback, Revision: 9})
	require.ErrorContains(t, err, "revision 9 of smart-energy is not kept")
	seen, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskRollback, Revision: 1})
	require.NoError(t, err)
	require.Len(t, seen.Plan.Removals, 1)
	_, err = l.Rollback(ctx, name, workflows.RollbackRequest{Revision: 1, PlanHash: seen.Plan.Hash})
	require.NoError(t, err)
	require.Equal(t, seen.Plan.Hash, l.reaches(t, 4).PlanHash)
}

// tellsOfEarlierDeploys: they are still in their histories.
func (l *lab) tellsOfEarlierDeploys(t *testing.T) {
	ctx, name := t.Context(), foreseen
	first, err := l.Deploy(ctx, name, 1)
	require.NoError(t, err)
	require.Equal(t, "create smart-energy-kafka-1 on rack-1", step(t, first, "start/kafka/1").Title)
	require.Equal(t, "stitch/smart-energy/1", step(t, first, "start/kafka/1").Workflow)
	require.Positive(t, step(t, first, "start/kafka/1").Event)
	require.Len(t, first.Runs, 4)
	require.NotEmpty(t, first.Critical)
	_, err = l.Deploy(ctx, name, 77)
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.EqualError(t, err, "nothing is known of revision 77 of smart-energy")
}

// saysWhatCannotBe with all reasons; and what failed can be asked about again.
func (l *lab) saysWhatCannotBe(t *testing.T) {
	ctx, name := t.Context(), foreseen
	_, err := l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskDrain, Box: "rack-1"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "rack-1")
	_, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskRetry})
	require.EqualError(t, err, "no revision of smart-energy has failed")
	_, err = l.Drain(ctx, name, workflows.DrainRequest{Box: "rack-1"})
	require.NoError(t, err)
	l.await(t, func(s workflows.Status) bool { return s.Failed != nil })
	_, err = l.Foresee(ctx, name, workflows.Question{Kind: workflows.AskRetry})
	require.ErrorContains(t, err, "rack-1", "the failed drain is asked about, not what runs")
}

// refusesAnotherPlan: a change is made only as it was shown.
func (l *lab) refusesAnotherPlan(t *testing.T) {
	ctx, name := t.Context(), foreseen
	_, err := l.Scale(ctx, name, workflows.ScaleRequest{Function: "kafka", Replicas: 2, PlanHash: "0000"})
	require.NoError(t, err)
	status := l.await(t, func(s workflows.Status) bool {
		return s.Failed != nil && s.Failed.FaultType == workflows.TypePlanChanged
	})
	require.Contains(t, status.Fault, "no longer 0000")
}
