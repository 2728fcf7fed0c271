package workflows

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func (w *world) match(in MatchInput) (MatchResult, error) {
	w.t.Helper()
	w.SetStartWorkflowOptions(startAs(MatchID(in.Service.Name, 1)))
	w.ExecuteWorkflow(MatchWorkflow, in)
	require.True(w.t, w.IsWorkflowCompleted())
	var result MatchResult
	if err := w.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, w.GetWorkflowResult(&result)
}

// anywhere is the chain without constraints and volumes.
func anywhere() spec.Service {
	service := chain()
	for i := range service.Functions {
		service.Functions[i].Constraints, service.Functions[i].Mounts = nil, nil
	}
	service.Volumes = nil
	return service
}

// Whoever keeps count of a box that is away hands over since when, and gets it back; a box that is new to it is away
// since this match began.
func TestABoxThatDoesNotAnswerIsCounted(t *testing.T) {
	w := newWorld(t)
	w.engines.Lose("rack-2")
	began := w.Now()
	fresh, err := w.match(MatchInput{Service: anywhere(), Revision: 1})
	require.NoError(t, err)
	require.Len(t, fresh.Absent, 1)
	require.Equal(t, "rack-2", fresh.Absent[0].Box)
	require.WithinDuration(t, began, fresh.Absent[0].Since, time.Minute)

	again := newWorld(t)
	again.engines.Lose("rack-2")
	known := []Absence{{Box: "rack-2", Since: again.Now().Add(-time.Hour)}, {Box: "rack-1", Since: again.Now().Add(-time.Hour)}}
	next, err := again.match(MatchInput{Service: anywhere(), Revision: 1, Absent: known})
	require.NoError(t, err)
	require.Equal(t, known[0].Since.UTC(), next.Absent[0].Since.UTC())
	require.Len(t, next.Absent, 1, "rack-1 is back")

	whole, err := newWorld(t).match(MatchInput{Service: anywhere(), Revision: 1, Absent: known})
	require.NoError(t, err)
	require.Empty(t, whole.Absent)
}

// A lost box keeps its functions until it was away for long enough: the plan is told how long, and what ran there.
func TestThePlanIsToldForHowLongABoxIsAway(t *testing.T) {
	before := []plan.Placement{
		{Function: "kafka", Replica: 1, Box: "rack-2", Container: "smart-energy-kafka-1"},
		{Function: "sink", Replica: 1, Box: "rack-2", Container: "smart-energy-sink-1"},
		{Function: "ui", Replica: 1, Box: "rack-2", Container: "smart-energy-ui-1"},
	}
	for away, want := range map[time.Duration]string{10 * time.Second: "rack-2", time.Hour: "rack-1"} {
		w := newWorld(t)
		w.engines.Lose("rack-2")
		result, err := w.match(MatchInput{
			Service: anywhere(), Revision: 1, Before: before, Absent: []Absence{{Box: "rack-2", Since: w.Now().Add(-away)}},
		})
		require.NoError(t, err)
		for _, placement := range result.Plan.Placements {
			require.Equal(t, want, placement.Box, "away for %s", away)
		}
	}
}

// A box without an engine that may have one gets it, and is looked at again; one that cannot have any is a box that
// does not answer, with both reasons.
func TestABoxWithoutAnEngineGetsOne(t *testing.T) {
	for name, c := range map[string]struct {
		works, healing, allowed, preview bool
		installs                         int
	}{
		"it works":                 {works: true, allowed: true, installs: 1},
		"it does not":              {allowed: true, installs: 1},
		"nobody allowed it":        {works: true},
		"healing gives no engines": {works: true, allowed: true, healing: true},
		"a plan changes nothing":   {works: true, allowed: true, preview: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.engines.Lose("rack-2")
			installs := 0
			w.RegisterActivityWithOptions(func(_ context.Context, in activities.InstallInput) (activities.InstallResult, error) {
				installs++
				if !c.works {
					return activities.InstallResult{}, temporal.NewNonRetryableApplicationError("no key fits", activities.TypeUnauthorised, nil)
				}
				w.engines.Find(in.Box.Name)
				return activities.InstallResult{Box: in.Box.Name}, nil
			}, activity.RegisterOptions{Name: "InstallEngine"})
			service := anywhere()
			service.Boxes[1].Install, service.Boxes[1].SSH = c.allowed, "root@rack-2"
			revision := 1
			if c.preview {
				revision = 0
			}
			result, err := w.match(MatchInput{Service: service, Revision: revision, Heal: c.healing})
			require.NoError(t, err)
			require.Equal(t, c.installs, installs)
			installed := c.installs == 1 && c.works
			require.Equal(t, installed, result.Boxes[1].Reachable)
			if c.installs == 1 && !c.works {
				require.Contains(t, result.Boxes[1].Fault, "connection refused")
				require.Contains(t, result.Boxes[1].Fault, "; no key fits")
			}
		})
	}
}

// One look at a box asks for its disk, since images will come; the sweeps of a teardown do not.
func TestAMatchAsksForTheDisk(t *testing.T) {
	w := newWorld(t)
	asked := w.count(fakes.Call{Method: "FreeDisk"})
	_, err := w.match(MatchInput{Service: anywhere(), Revision: 1})
	require.NoError(t, err)
	require.Zero(t, asked(), "Observe knew it")

	elsewhere := newWorld(t)
	elsewhere.engines = fakes.NewEngines(plan.Box{Name: "rack-1", FreeDisk: -1}, plan.Box{Name: "rack-2"})
	elsewhere.RegisterActivityWithOptions((&activities.Boxes{Engines: elsewhere.engines}).Observe, activity.RegisterOptions{
		Name: "Observe", DisableAlreadyRegisteredCheck: true,
	})
	asked = elsewhere.count(fakes.Call{Method: "FreeDisk"})
	_, err = elsewhere.match(MatchInput{Service: anywhere(), Revision: 1})
	require.NoError(t, err)
	require.Equal(t, 1, asked())
}

// A deploy waits for a registry that is down; whoever only asks for the plan is told.
func TestAQuestionDoesNotWaitForARegistry(t *testing.T) {
	for question, want := range map[bool]int32{true: 3, false: 26} {
		w := newWorld(t)
		var asked atomic.Int32
		w.registry.Before(fakes.Call{Method: "Resolve"}, func(context.Context, fakes.Call) error {
			asked.Add(1)
			return fmt.Errorf("connection refused: %w", fault.ErrUnreachable)
		})
		service := anywhere()
		service.Functions = service.Functions[:1]
		service.Functions[0].Consumes, service.Functions[0].DependsOn, service.ProbeImage = nil, nil, ""
		_, err := w.match(MatchInput{Service: service, Revision: 1, Question: question})
		require.ErrorContains(t, err, "connection refused")
		require.Equal(t, want, asked.Load())
	}
}
