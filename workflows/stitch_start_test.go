package workflows

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestHeldReplicasAreLeftAlone(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2")
	in := rolling(w, nil)
	in.Service.Boxes = append(in.Service.Boxes, spec.Box{Name: "rack-2", Engine: "tcp://127.0.0.1:2"})
	db := &in.Plan.Placements[0]
	db.Box, db.Action, db.Cause = "rack-2", plan.ActionHold, "rack-2 does not answer since 20s; moves after 1m"
	in.Plan.Networks = []plan.OnBox{{Box: "rack-1", Name: "net"}, {Box: "rack-2", Name: "net"}}
	in.Plan.Probes = nil
	w.engines.Lose("rack-2")
	result, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, StateHeld, result.Functions[0].State)
	require.Equal(t, "held: "+db.Cause, stepIn(t, result.Steps, "start/db/1").Detail)
	require.Equal(t, []string{"w2", "w2", "w2", "w2"}, w.hashes("web"), "what depends on it does not wait")
}

func TestKeptReplicasGetTheirForwardersAndNewSecrets(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, nil)
	w.secrets["env:TOKEN"] = "old"
	in.Service.Secrets = []spec.Secret{{Name: "token", From: "env:TOKEN"}}
	in.Service.ProbeImage = "r/probe:1"
	in.BeforeSecrets = in.Service.Secrets
	for i := range in.Plan.Placements {
		p := &in.Plan.Placements[i]
		p.Action, p.SpecHash, p.Cause = plan.ActionKeep, in.Before[i].SpecHash, "unchanged"
		if p.Function == "web" {
			p.Forwards = []plan.Forward{{Listen: "127.77.0.1:5432", To: "10.0.0.2:20001"}}
		}
	}
	in.Heal = true
	_, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, 4, w.engines.Count("forward "))
	require.Zero(t, w.engines.Count("keep "))

	w = newWorld(t, "rack-1")
	rolling(w, nil)
	w.secrets["env:TOKEN"] = "new"
	in.Heal = false
	for i := range in.Plan.Placements {
		if in.Plan.Placements[i].Function == "web" {
			in.Plan.Placements[i].Secrets = []spec.SecretUse{{Name: "token", Target: "/run/secrets/token"}}
		}
	}
	result, err := w.stitch(in)
	require.NoError(t, err)
	require.Equal(t, 4, w.engines.Count("replace "), "their secrets are others")
	require.Equal(t, "its secrets have changed", stepIn(t, result.Steps, "start/web/3").Detail)
	require.Equal(t, []byte("new"), w.engines.Secrets("rack-1", "shop-web-1")["/run/secrets/token"])
}

func TestStepsThatAnotherFailureStoppedSaySo(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, nil)
	for i := range in.Plan.Placements[1:] {
		in.Plan.Placements[i+1].Action = plan.ActionCreate
	}
	var calls atomic.Int64
	w.engines.Before(fakes.Call{Method: "EnsureContainer", Subject: "web"}, func(ctx context.Context, _ fakes.Call) error {
		if calls.Add(1) == 1 {
			return fmt.Errorf("no such device: %w", fault.ErrRejected)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	_, err := w.stitch(in)
	require.ErrorContains(t, err, "no such device")
	var failed string
	states := map[string]int{}
	for _, step := range stepsOf(err) {
		if strings.HasPrefix(step.ID, "start/web/") {
			states[step.State]++
			if step.State == StepFailed {
				failed = step.Title
			}
		}
	}
	require.Equal(t, map[string]int{StepFailed: 1, StepStopped: 3}, states)
	for _, step := range stepsOf(err) {
		if step.State == StepStopped {
			require.Equal(t, "stopped because "+failed+" failed", step.Detail)
		}
	}
}

func TestOneLookProvesAllConnectionsOfAConsumer(t *testing.T) {
	w := newWorld(t, "rack-1")
	in := rolling(w, nil)
	in.Plan.Probes = append(in.Plan.Probes, plan.Probe{Consumer: "web", Replica: 1, Box: "rack-1", Provider: "db", Address: "db:8000"})
	w.engines.SetLogs("db", "listening on 5432 only\n")
	w.engines.SetLogs("web", "cannot reach db:8000\n")
	w.engines.Fail(fakes.Call{Method: "Dial", Subject: "db:8000"}, 0, fmt.Errorf("10.0.0.1:8000 refused the connection: %w", fault.ErrNotConnected))
	_, err := w.stitch(in)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, activities.TypeNotConnected, application.Type())
	require.Equal(t, "connect shop-web-1 to db:8000 on rack-1: 10.0.0.1:8000 refused the connection"+
		"; last lines of shop-db-1 on rack-1:\nlistening on 5432 only; last lines of shop-web-1 on rack-1:\ncannot reach db:8000", application.Message())
	steps := stepsOf(err)
	require.Equal(t, StepDone, stepIn(t, steps, "probe/web/1/db/db:5432").State, "the other one was made")
	require.Equal(t, StepFailed, stepIn(t, steps, "probe/web/1/db/db:8000").State)
	require.Equal(t, []string{"w1", "w1", "w1", "w1"}, w.hashes("web"))
}
