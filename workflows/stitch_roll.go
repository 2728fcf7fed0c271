package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// roll is the update of one function: its containers are replaced a few at a time, each batch after the one before
// has stayed up. A revert (undo) is no update: it goes through all it has to bring back and is never reverted.
type roll struct {
	update  spec.Update
	members []int // the placements, in the plan's order
	open    int   // how many of them may begin
	ended   int
	failed  int
}

// monitorDefault is how long a replaced container must stay up, as in a Swarm.
const monitorDefault = 5 * time.Second

func monitorOf(service spec.Service, name string) time.Duration {
	return cmp.Or(updateOf(service, name).Monitor.D(), monitorDefault)
}

func updateOf(service spec.Service, name string) spec.Update {
	if update := function(service, name).Update; update != nil {
		return *update
	}
	return spec.Update{}
}

// updates says that a placement replaces what was specified otherwise, and does not just repair what was to run.
func updates(in StitchInput, placement plan.Placement) bool {
	return placement.Action == plan.ActionReplace && !slices.ContainsFunc(in.Before, func(before plan.Placement) bool {
		return before.Box == placement.Box && before.Container == placement.Container && before.SpecHash == placement.SpecHash
	})
}

// planRolls are the functions that have something to be replaced, or perhaps (new secrets) to be.
func (s *stitch) planRolls() []*roll {
	var rolls []*roll
	byFunction := map[string]*roll{}
	for i, placement := range s.in.Plan.Placements {
		if !updates(s.in, placement) && !s.renews(placement) {
			continue
		}
		one := byFunction[placement.Function]
		if one == nil {
			one = &roll{update: updateOf(s.in.Service, placement.Function)}
			one.open = one.batch()
			byFunction[placement.Function] = one
			rolls = append(rolls, one)
		}
		one.members = append(one.members, i)
	}
	return rolls
}

func (s *stitch) rollOf(i int) *roll {
	for _, one := range s.rolls {
		if slices.Contains(one.members, i) {
			return one
		}
	}
	return nil
}

func (r *roll) batch() int { return max(r.update.Parallelism, 1) }

// turn waits until a member's batch may begin.
func (r *roll) turn(ctx workflow.Context, i int) error {
	return workflow.Await(ctx, func() bool { return slices.Index(r.members, i) < r.open })
}

// end counts a member that is done with; the last one of a batch opens the next after the delay.
func (r *roll) end(ctx workflow.Context) error {
	r.ended++
	if r.ended < r.open || r.open >= len(r.members) {
		return nil
	}
	if delay := r.update.Delay.D(); delay > 0 {
		if err := sleep(ctx, delay, "update_config.delay before the next batch"); err != nil {
			return err
		}
	}
	r.open += r.batch()
	return nil
}

// judge decides what becomes of an update after one member's try: it goes on, the member is tried again when a
// person says so, or the update has failed.
func (s *stitch) judge(ctx workflow.Context, r *roll, i int, err error) (again bool, fatal error) {
	if err == nil || temporal.IsCanceledError(err) {
		return false, err
	}
	placement := s.in.Plan.Placements[i]
	within := float64(r.failed+1) <= r.update.MaxFailureRatio*float64(len(r.members))
	switch {
	case within, r.update.FailureAction == spec.FailureContinue:
		r.failed++
		s.failed[i], s.started[i], s.settled[i] = true, true, true
		s.states[i].Status = StateFailed
		return false, nil
	case r.update.FailureAction == spec.FailurePause:
		sentence, _ := explain(err)
		why := fmt.Sprintf("the update of %s is paused, approve to try again: %s", placement.Function, sentence)
		return true, s.approved.ask(ctx, s.progress, "start/"+placement.Function, "stitch", why)
	}
	return false, err
}
