package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// bring starts one placement when its time has come and waits for its health.
func (s *stitch) bring(ctx workflow.Context, i int) error {
	placement := s.in.Plan.Placements[i]
	if placement.Action == plan.ActionHold {
		s.hold(ctx, i)
		return nil
	}
	if err := workflow.Await(ctx, func() bool { return s.ready(placement) }); err != nil {
		return err
	}
	if placement.Action != plan.ActionKeep {
		if err := s.approved.wait(ctx, s.progress, "start/"+placement.Function, "stitch"); err != nil {
			return err
		}
	}
	rolled := s.rollOf(i)
	if rolled == nil {
		return s.once(ctx, i)
	}
	if err := rolled.turn(ctx, i); err != nil {
		return err
	}
	for {
		err := s.once(ctx, i)
		again, err := s.judge(ctx, rolled, i, err)
		if err != nil {
			return err
		}
		if !again {
			return rolled.end(ctx)
		}
	}
}

// hold takes a replica for started whose box does not answer: it is held only because it ran before, nobody can do
// anything about it, and those that depend on it either run already or find out by their own checks.
func (s *stitch) hold(ctx workflow.Context, i int) {
	placement := s.in.Plan.Placements[i]
	s.started[i], s.settled[i] = true, true
	s.states[i] = activities.ContainerState{Status: StateHeld}
	s.begin(ctx, startID(placement))
	s.end(ctx, startID(placement), "held: "+placement.Cause, nil)
}

// once tries one placement once: it starts, becomes healthy, and, when it has replaced another, stays so for a while.
// The slot is free again for others during that while, and those that depend on it may start.
func (s *stitch) once(ctx workflow.Context, i int) error {
	placement := s.in.Plan.Placements[i]
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	held := true
	release := func() {
		if held {
			s.slots.Release(1)
		}
		held = false
	}
	defer release()
	return s.run(ctx, startID(placement), func() (string, error) {
		made, err := s.start(ctx, placement)
		if err != nil {
			return "", err
		}
		s.started[i] = true
		if made.State != nil {
			s.states[i] = *made.State
		} else {
			s.states[i], err = s.await(ctx, placement, made.ID, time.Time{})
		}
		if err == nil && startsFirst(placement) {
			err = s.finish(ctx, placement)
		}
		if err != nil {
			return "", err
		}
		s.settled[i] = true
		release()
		cause := placement.Cause
		if placement.Action == plan.ActionKeep && made.Created {
			cause = "its secrets have changed"
		}
		if !updates(s.in, placement) && cause == placement.Cause {
			return cause, nil
		}
		return cause, s.monitor(ctx, i)
	})
}

// start makes sure of one placement's container. One that is kept is only looked at: whether its secrets are still
// the same, and whether its ports are passed on into the namespace that it has now.
func (s *stitch) start(ctx workflow.Context, placement plan.Placement) (activities.StartResult, error) {
	box, err := boxOf(s.in.Service, placement.Box)
	if err != nil {
		return activities.StartResult{}, err
	}
	var boxes *activities.Boxes
	summary := placement.Container + " on " + placement.Box
	if placement.Action == plan.ActionKeep && !s.renews(placement) {
		if len(placement.Forwards) == 0 || completes(s.in.Service, placement.Function) {
			return activities.StartResult{}, nil
		}
		in := activities.ForwardInput{Box: box, Service: s.in.Service.Name, Placement: placement, ProbeImage: s.in.Service.ProbeImage}
		return activities.StartResult{}, act(ctx, as(start(), startID(placement), "ports of "+summary), boxes.Forward, in)
	}
	s.register(placement)
	in := s.startInput(box, placement)
	// Without a check there is only a moment to wait for, which is not worth an activity of its own.
	in.Settle = !checked(placement.Healthcheck) && !completes(s.in.Service, placement.Function) && !startsFirst(placement)
	return call(ctx, as(starting(placement.StopGrace), startID(placement), summary), boxes.Start, in)
}

func (s *stitch) startInput(box spec.Box, placement plan.Placement) activities.StartInput {
	placement.Reconciled = s.in.Service.Schedule > 0
	return activities.StartInput{
		Box: box, Service: s.in.Service.Name, Placement: placement, Secrets: s.in.Service.Secrets,
		Revision: s.in.Revision, ProbeImage: s.in.Service.ProbeImage,
	}
}

// renews says that a placement which is kept is compared with its secrets, as they are now: on an apply, and not when
// healing, which must not depend on where the secrets come from.
func (s *stitch) renews(placement plan.Placement) bool {
	return placement.Action == plan.ActionKeep && len(placement.Secrets) > 0 && !s.in.Heal && !completes(s.in.Service, placement.Function)
}

func startsFirst(placement plan.Placement) bool {
	return placement.Action == plan.ActionReplace && placement.Order == spec.OrderStartFirst
}

// finish takes away what a healthy replacement ran beside, and gives it its name.
func (s *stitch) finish(ctx workflow.Context, placement plan.Placement) error {
	box, err := boxOf(s.in.Service, placement.Box)
	if err != nil {
		return err
	}
	placement.Order = ""
	var boxes *activities.Boxes
	id := "finish" + startID(placement)[len("start"):]
	s.doing(startID(placement), id)
	_, err = call(ctx, as(starting(placement.StopGrace), id, "stop the one before "+placement.Container), boxes.Start, s.startInput(box, placement))
	return err
}

// monitor waits as long as a replaced container must stay up, and looks whether it has: the same run, and well.
func (s *stitch) monitor(ctx workflow.Context, i int) error {
	placement := s.in.Plan.Placements[i]
	if completes(s.in.Service, placement.Function) {
		return nil // it has ended well, which is all that is asked
	}
	if err := sleep(ctx, monitorOf(s.in.Service, placement.Function), placement.Container+" must stay up"); err != nil {
		return err
	}
	_, err := s.await(ctx, placement, s.states[i].ID, s.states[i].Started)
	if err != nil && !temporal.IsCanceledError(err) {
		s.settled[i] = false
	}
	return err
}
