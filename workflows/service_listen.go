package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// listen opens the queries, updates and signals of ServiceWorkflow.
func (s *service) listen(ctx workflow.Context) error {
	s.hear(ctx)
	return errors.Join(
		workflow.SetQueryHandler(ctx, QueryStatus, func() (Status, error) { return s.status, nil }),
		workflow.SetQueryHandler(ctx, QueryPlan, s.planMade),
		workflow.SetUpdateHandlerWithOptions(ctx, UpdateApply, s.apply, workflow.UpdateHandlerOptions{
			Validator: s.mayApply, Description: "give the service a new specification",
		}),
		workflow.SetUpdateHandlerWithOptions(ctx, UpdateScale, s.scale, workflow.UpdateHandlerOptions{
			Validator: s.mayScale, Description: "change the replicas of one function",
		}),
	)
}

func (s *service) planMade() (plan.Plan, error) {
	if s.plan == nil {
		return plan.Plan{}, errors.New("no plan has been made yet")
	}
	return *s.plan, nil
}

func (s *service) mayApply(_ workflow.Context, request ApplyRequest) error {
	if s.down != nil {
		return invalid("%s is being taken down", s.status.Service)
	}
	if request.Service.Name != s.status.Service {
		return invalid("this is the service %s; the specification is of %q", s.status.Service, request.Service.Name)
	}
	if err := Check(request.Service); err != nil {
		return invalid("the specification of %s is not valid: %s", s.status.Service, err)
	}
	return nil
}

func (s *service) apply(ctx workflow.Context, request ApplyRequest) (ApplyAccepted, error) {
	return ApplyAccepted{Revision: s.queue(ctx, request.Service, request.PlanHash, request.Who, "apply")}, nil
}

func (s *service) mayScale(ctx workflow.Context, request ScaleRequest) error {
	wanted, err := scaled(s.wanted(), request)
	if err != nil {
		return err
	}
	return s.mayApply(ctx, ApplyRequest{Service: wanted})
}

func (s *service) scale(ctx workflow.Context, request ScaleRequest) (ApplyAccepted, error) {
	wanted, err := scaled(s.wanted(), request)
	if err != nil {
		return ApplyAccepted{}, err
	}
	what := fmt.Sprintf("scale %s to %d", request.Function, request.Replicas)
	return ApplyAccepted{Revision: s.queue(ctx, wanted, "", request.Who, what)}, nil
}

// scaled is the specification with another number of replicas for one function.
func scaled(service spec.Service, request ScaleRequest) (spec.Service, error) {
	at := slices.IndexFunc(service.Functions, func(f spec.Function) bool { return f.Name == request.Function })
	switch {
	case at < 0:
		return spec.Service{}, invalid("%s has no function %q", service.Name, request.Function)
	case service.Functions[at].External != "":
		return spec.Service{}, invalid("%s runs elsewhere, at %s, and cannot be scaled from here", request.Function, service.Functions[at].External)
	}
	service.Functions = slices.Clone(service.Functions)
	service.Functions[at].Replicas = request.Replicas
	return service, nil
}

// hear takes signals in as they come, whatever else is under way.
func (s *service) hear(ctx workflow.Context) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		selector := workflow.NewNamedSelector(ctx, "signals")
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalDown), func(workflow.ReceiveChannel, bool) { s.drainDown(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalApprove), func(workflow.ReceiveChannel, bool) { s.drainApprove(ctx) })
		selector.AddReceive(workflow.GetSignalChannel(ctx, SignalReconcile), func(workflow.ReceiveChannel, bool) { s.drainReconcile(ctx) })
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
	case request.Step != "" && !slices.Contains(s.running.service.Approvals, request.Step):
		entry.Outcome = fmt.Sprintf("refused: %q is no step that waits for an approval", request.Step)
	}
	s.record(entry)
	if entry.Outcome != "accepted" {
		return
	}
	for _, step := range steps {
		request.Step = step
		s.approved = append(s.approved, request)
		if s.child == nil {
			continue
		}
		told := s.child.SignalChildWorkflow(ctx, SignalApprove, request)
		workflow.Go(ctx, func(ctx workflow.Context) {
			if err := told.Get(ctx, nil); err != nil {
				workflow.GetLogger(ctx).Warn("an approval reached no child", "step", step, "error", err)
			}
		})
	}
}

// noticed takes in what a child says of itself.
func (s *service) noticed(ctx workflow.Context, notice Notice) {
	if s.running == nil {
		return // of a child that has been given up
	}
	if notice.Waiting != "" {
		s.waiting = append(s.waiting, notice.Waiting)
	}
	s.waiting = slices.DeleteFunc(s.waiting, func(step string) bool { return step == notice.Resumed })
	s.status.Waiting = strings.Join(s.waiting, ", ")
	if notice.Matched != nil {
		s.matched(ctx, *notice.Matched)
	}
}
