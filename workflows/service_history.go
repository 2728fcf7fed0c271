package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/history"
)

// keepHistory sees to it that the readings of a service with rooms are rolled up by a schedule, which knows InfluxDB by
// where the plan has placed it; and that a service which no longer wants that has none. It makes no change fail: the next
// repair tries again.
func (s *service) keepHistory(ctx workflow.Context) {
	place, wanted := history.Find(s.good.Service, s.good.Plan.Placements)
	if !wanted && s.archive == nil {
		return
	}
	// Runs that began before there was history go on without; their next run has it.
	if workflow.GetVersion(ctx, "history", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	if !wanted {
		if s.endHistory(ctx) == nil {
			s.archive = nil
		}
		return
	}
	in := activities.HistoryInput{Service: s.status.Service, Place: place, Keep: s.good.Service.History}
	if s.archive != nil && same(*s.archive, in) {
		return
	}
	var schedules *activities.Schedules
	if err := act(ctx, as(quick(), "history", "roll up readings at "+place.URL), schedules.EnsureHistory, in); err != nil {
		workflow.GetLogger(ctx).Warn("readings will not be rolled up", "error", err)
		in = activities.HistoryInput{} // the schedule may be there all the same
	}
	s.archive = &in
}

// endHistory removes the schedule, when there may be one.
func (s *service) endHistory(ctx workflow.Context) error {
	if s.archive == nil {
		return nil
	}
	var schedules *activities.Schedules
	in := activities.ReconcileInput{Service: s.status.Service}
	return act(ctx, as(quick(), "history", "no more history"), schedules.DeleteHistory, in)
}
