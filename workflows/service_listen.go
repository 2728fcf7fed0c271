package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"
)

// hear takes signals in as they come, whatever else is under way.
func (s *service) hear(ctx workflow.Context) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		selector := workflow.NewNamedSelector(ctx, "signals")
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalDown), func(workflow.ReceiveChannel, bool) { s.drainDown(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalApprove), func(workflow.ReceiveChannel, bool) { s.drainApprove(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalReconcile), func(workflow.ReceiveChannel, bool) { s.drainReconcile(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalScale), func(workflow.ReceiveChannel, bool) { s.drainScale(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalShed), func(workflow.ReceiveChannel, bool) { s.drainShed(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalRelease), func(workflow.ReceiveChannel, bool) { s.drainRelease(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, signalNotice), func(workflow.ReceiveChannel, bool) { s.drainNotice(ctx) })
		for {
			selector.Select(ctx)
		}
	})
}

// drain takes in what is still in the channels, so that no signal is lost when the run ends.
func (s *service) drain(ctx workflow.Context) {
	s.drainDown(ctx)
	s.drainApprove(ctx)
	s.drainReconcile(ctx)
	s.drainScale(ctx)
	s.drainShed(ctx)
	s.drainRelease(ctx)
	s.drainNotice(ctx)
}

func (s *service) drainDown(ctx workflow.Context) {
	var request DownRequest
	for workflow.GetSignalChannel(ctx, SignalDown).ReceiveAsync(&request) {
		s.stop(ctx, request)
		request = DownRequest{}
	}
}

func (s *service) drainReconcile(ctx workflow.Context) {
	for workflow.GetSignalChannel(ctx, SignalReconcile).ReceiveAsync(nil) {
		s.reconcile = true
	}
}

// drainScale takes in what tunings of functions ask for. One that may not be done shows in the audit.
func (s *service) drainScale(ctx workflow.Context) {
	var request ScaleRequest
	for workflow.GetSignalChannel(ctx, SignalScale).ReceiveAsync(&request) {
		s.scaleBySignal(ctx, request)
		request = ScaleRequest{}
	}
}

func (s *service) drainApprove(ctx workflow.Context) {
	var request ApproveRequest
	for workflow.GetSignalChannel(ctx, SignalApprove).ReceiveAsync(&request) {
		s.approve(ctx, request)
		request = ApproveRequest{}
	}
}

func (s *service) drainNotice(ctx workflow.Context) {
	var notice Notice
	for workflow.GetSignalChannel(ctx, signalNotice).ReceiveAsync(&notice) {
		s.noticed(ctx, notice)
		notice = Notice{}
	}
}

// approve lets waiting steps go on. One that names a step of the running change may come early; one without a
// step is for what waits now.
func (s *service) approve(ctx workflow.Context, request ApproveRequest) {
	steps := []string{request.Step}
	if request.Step == "" {
		steps = slices.Clone(s.waiting)
	}
	entry := AuditEntry{At: workflow.Now(ctx), Who: request.Who, What: "approve " + strings.Join(steps, ", "), Why: request.Why, Outcome: "accepted"}
	switch {
	case s.running == nil || len(steps) == 0:
		entry.Outcome = "refused: nothing waits for an approval"
	case request.Step != "" && !slices.Contains(s.running.Service.Approvals, request.Step) && !slices.Contains(s.waiting, request.Step):
		entry.Outcome = fmt.Sprintf("refused: %q is no step that waits for an approval", request.Step)
	}
	s.record(entry)
	if entry.Outcome != "accepted" {
		return
	}
	for _, step := range steps {
		request.Step = step
		s.approved = append(s.approved, request)
		s.wait("", step) // a repair must not begin with what the child is just being let go on with
		s.tell(ctx, request)
	}
}

// tell passes an approval on to the child that may wait for it, after a repair beside its stitch has ended: until then
// the repair may be starting what is approved.
func (s *service) tell(ctx workflow.Context, request ApproveRequest) {
	told := s.child
	if told == nil {
		return
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.Await(ctx, func() bool { return s.repair == nil || !s.repair.partial })
		if err == nil {
			err = told.SignalChildWorkflow(ctx, SignalApprove, request).Get(ctx, nil)
		}
		if err != nil {
			workflow.GetLogger(ctx).Warn("an approval reached no child", "step", request.Step, "error", err)
		}
	})
}

// noticed takes in what a child says of itself.
func (s *service) noticed(ctx workflow.Context, notice Notice) {
	if notice.Collected != nil {
		s.collected(ctx, *notice.Collected)
		return
	}
	if s.isRepair(notice) {
		if notice.Matched != nil {
			s.found(ctx, s.repair, *notice.Matched)
		}
		return
	}
	if s.running == nil || !slices.Contains(s.status.Children, notice.From) {
		return // of a child that has been given up
	}
	s.wait(notice.Waiting, notice.Resumed)
	if notice.Matched != nil {
		s.matched(ctx, *notice.Matched)
	}
}
