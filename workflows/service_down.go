package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// takeDown removes everything of the service, images after their time (see CollectWorkflow). It runs on a disconnected
// context, so that nothing stops it half way; it goes on past errors and reports what stayed, with the reason. The
// running change and the running repair have ended before: what is swept stays swept.
func (s *service) takeDown(ctx workflow.Context) DownReport {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	s.phase(ctx, PhaseStopping)
	s.ended(ctx)
	s.unshed(ctx)
	var report DownReport
	var schedules *activities.Schedules
	in := activities.ReconcileInput{Service: s.status.Service}
	if err := act(ctx, as(quick(), "schedule", "no more reconciling"), schedules.DeleteReconcile, in); err != nil {
		reason, _ := explain(err)
		report.Stayed = append(report.Stayed, "schedule "+ReconcileID(s.status.Service)+": "+reason)
	}
	if err := s.endHistory(ctx); err != nil {
		reason, _ := explain(err)
		report.Stayed = append(report.Stayed, "schedule "+HistoryID(s.status.Service)+": "+reason)
	}
	report.Stayed = append(report.Stayed, s.untune(ctx, s.rooms())...)
	report.Stayed = append(report.Stayed, s.untuneFunctions(ctx, s.tunedFunctions())...)
	boxes := s.boxes()
	if s.swarmed() {
		swept := sweepSwarm(ctx, s.status.Service, boxes)
		report.Removed, report.Stayed = append(report.Removed, swept.Removed...), append(report.Stayed, swept.Stayed...)
	}
	for _, swept := range s.sweep(ctx, boxes, s.down.Volumes) {
		report.Removed = append(report.Removed, swept.Removed...)
		report.Stayed = append(report.Stayed, swept.Stayed...)
	}
	s.collectDown(ctx, boxes)
	s.status.Functions, s.status.Rooms, s.status.Tuned = nil, nil, nil
	s.phase(ctx, PhaseDown)
	return report
}

// What stays is swept again: a container that was just stopping, or a box that was just rebooting, has gone or
// come back a few seconds later.
const (
	sweeps     = 3
	sweepPause = 3 * time.Second
)

// sweep removes what is labelled with the service from boxes, side by side. A box that cannot be swept is no
// error: what stayed on it is in its result, with the reason.
func (s *service) sweep(ctx workflow.Context, from []spec.Box, volumes bool) []activities.SweepResult {
	results := make([]activities.SweepResult, len(from))
	err := each(ctx, len(from), from, func(ctx workflow.Context, i int, box spec.Box) error {
		results[i] = s.sweepOne(ctx, box, volumes)
		return nil
	})
	for i := range results {
		if err != nil && len(results[i].Stayed) == 0 { // cancelled, and it may not have begun
			results[i].Stayed = []string{"everything on " + from[i].Name + ": " + err.Error()}
		}
	}
	return results
}

func (s *service) sweepOne(ctx workflow.Context, box spec.Box, volumes bool) (all activities.SweepResult) {
	var boxes *activities.Boxes
	in := activities.SweepInput{Box: box, Service: s.status.Service, Volumes: volumes}
	for try := range sweeps {
		if try > 0 && sleep(ctx, sweepPause, "before another sweep of "+box.Name) != nil {
			return all // cancelled: what stayed is reported
		}
		swept, err := call(ctx, as(sweep(), "sweep/"+box.Name, "sweep "+box.Name), boxes.Sweep, in)
		if err != nil {
			reason, _ := explain(err)
			swept.Stayed = []string{"everything on " + box.Name + ": " + reason}
		}
		all.Removed, all.Stayed = append(all.Removed, swept.Removed...), swept.Stayed
		if len(all.Stayed) == 0 {
			return all
		}
	}
	return all
}

// leave sweeps the boxes that the specification no longer has, data excepted. What stays is for the audit: it
// makes no good revision bad. A box that did not answer is swept again by the next change, and by down. One that
// has only another name, or another address, is not left: the same engine runs what was just started.
func (s *service) leave(ctx workflow.Context) {
	left := slices.DeleteFunc(s.left, func(old spec.Box) bool {
		return slices.ContainsFunc(s.good.Service.Boxes, func(b spec.Box) bool { return b.Name == old.Name || b.Engine == old.Engine })
	})
	s.left = nil
	if len(left) == 0 {
		return
	}
	var stayed []string
	if s.swarmed() {
		stayed = leaveSwarm(ctx, s.status.Service, left, s.good.Service.Boxes).Stayed
	}
	for i, swept := range s.sweep(ctx, left, false) {
		if len(swept.Stayed) > 0 {
			s.left = append(s.left, left[i])
			stayed = append(stayed, swept.Stayed...)
		}
	}
	entry := AuditEntry{At: workflow.Now(ctx), What: fmt.Sprintf("leave %d boxes", len(left)), Outcome: "accepted"}
	if len(stayed) > 0 {
		entry.Outcome = "some stayed: " + strings.Join(stayed, "; ")
	}
	s.record(entry)
}

// boxes are those of every specification that may have started something, sorted by name.
func (s *service) boxes() []spec.Box {
	all := union(s.left, s.newest.Boxes)
	if s.good != nil {
		all = union(all, s.good.Service.Boxes)
	}
	return all
}

// union are the boxes of both, by name and engine, each once.
func union(some, others []spec.Box) []spec.Box {
	order := func(a, b spec.Box) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Engine, b.Engine))
	}
	all := append(slices.Clone(some), others...)
	slices.SortStableFunc(all, order)
	return slices.CompactFunc(all, func(a, b spec.Box) bool { return order(a, b) == 0 })
}

// rooms are those that may be tuned.
func (s *service) rooms() []string {
	var names []string
	for _, room := range s.newest.Rooms {
		names = append(names, room.Name)
	}
	for _, room := range s.told {
		names = append(names, room.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
