package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
)

// orphanGrace is how long an unknown container of ours is left alone, Nomad's number: a start may have succeeded while
// its answer was lost, and whoever asked for it is just looking for it.
const orphanGrace = 5 * time.Minute

// graced is a plan without the removals that have to wait. What goes at once: what is in the way of a port, the old
// copy of a replica that is placed elsewhere, what a revision before left behind, and what nobody knows the age of.
func graced(made plan.Plan, revision int, now time.Time) plan.Plan {
	placed := map[string]bool{}
	for _, placement := range made.Placements {
		placed[placement.Container] = true
	}
	made.Removals = slices.DeleteFunc(slices.Clone(made.Removals), func(r plan.Removal) bool {
		known := r.First || placed[r.Container] || r.Revision > 0 && r.Revision < revision || r.Created == 0
		return !known && now.Sub(time.Unix(r.Created, 0)) < orphanGrace
	})
	return made
}

// healBeside waits until the change that stitches has ended, and has the world looked at again. While the change waits
// for a person it heals what the change leaves alone: functions that it keeps, and those that it may not yet start.
func (s *service) healBeside(ctx workflow.Context, r *repair, made plan.Plan) error {
	if inASwarm(&r.good.Service) { // a swarm begins again by itself what ends; and a part of the replicas would be a scale
		err := workflow.Await(ctx, func() bool { return !s.stitching.IsLocked() })
		s.reconcile = true
		return err
	}
	if len(s.waiting) == 0 { // and then the world is to be looked at again: the change has altered it
		err := workflow.Await(ctx, func() bool { return !s.stitching.IsLocked() || len(s.waiting) > 0 })
		s.reconcile = true
		return err
	}
	part := only(made, s.leftAlone)
	if part.Changes() == 0 { // the rest is the change's until it has ended, or until somebody asks again
		err := workflow.Await(ctx, func() bool { return !s.stitching.IsLocked() || s.reconcile })
		s.reconcile = s.reconcile || made.Changes() > 0
		return err
	}
	r.stitches, r.partial = true, true
	stitched, err := s.stitchRepair(ctx, r, part)
	if err != nil {
		return err
	}
	for _, healed := range stitched.Functions {
		at := slices.IndexFunc(s.status.Functions, func(f FunctionStatus) bool {
			return f.Container != "" && f.Container == healed.Container
		})
		if at >= 0 {
			s.status.Functions[at] = healed
		}
	}
	return nil
}

// leftAlone says whether the running change's stitch does not touch a placement: it keeps it as it is, or it waits for
// the approval of its start, which is held back until the repair has ended (see tell).
func (s *service) leftAlone(wanted plan.Placement) bool {
	if s.running == nil || s.changing == nil {
		return false
	}
	step := "start/" + wanted.Function
	if slices.Contains(s.waiting, step) {
		return true
	}
	return slices.ContainsFunc(s.changing.Placements, func(p plan.Placement) bool {
		return p.Action == plan.ActionKeep && p.Box == wanted.Box && p.Container == wanted.Container && p.SpecHash == wanted.SpecHash
	})
}

// only is the part of a plan for some of the placements that have something to be done; it removes nothing.
func only(made plan.Plan, some func(plan.Placement) bool) plan.Plan {
	part := made
	part.Placements, part.Probes, part.Removals, part.Pulls = nil, nil, nil, nil
	type replica struct {
		function string
		number   int
	}
	boxes, replicas := map[string]bool{}, map[replica]bool{}
	for _, placement := range made.Placements {
		if placement.Action != plan.ActionKeep && placement.Action != plan.ActionHold && some(placement) {
			part.Placements = append(part.Placements, placement)
			boxes[placement.Box], replicas[replica{placement.Function, placement.Replica}] = true, true
		}
	}
	for _, link := range made.Probes {
		if replicas[replica{link.Consumer, link.Replica}] {
			part.Probes = append(part.Probes, link)
		}
	}
	elsewhere := func(one plan.OnBox) bool { return !boxes[one.Box] }
	part.Networks = slices.DeleteFunc(slices.Clone(made.Networks), elsewhere)
	part.Volumes = slices.DeleteFunc(slices.Clone(made.Volumes), elsewhere)
	return part
}

// causes are the reasons of what a plan changes, at most three of them.
func causes(p plan.Plan) string {
	var reasons []string
	for _, placement := range p.Placements {
		if placement.Action != plan.ActionKeep && placement.Action != plan.ActionHold {
			reasons = append(reasons, placement.Container+": "+placement.Cause)
		}
	}
	for _, removal := range p.Removals {
		reasons = append(reasons, removal.Container+": "+removal.Cause)
	}
	if len(reasons) > 3 {
		reasons = append(reasons[:3], "…")
	}
	return strings.Join(reasons, "; ")
}
