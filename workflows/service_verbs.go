package workflows

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

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
		workflow.SetQueryHandler(ctx, QueryRevisions, s.revisions),
		workflow.SetQueryHandler(ctx, QueryRunning, s.runs),
		workflow.SetQueryHandler(ctx, QueryKept, s.keptAs),
		update(ctx, s, UpdateApply, "give the service a new specification", s.applied),
		update(ctx, s, UpdateScale, "change the replicas of one function", s.scaled),
		update(ctx, s, UpdateRollback, "bring back a revision that ran before", s.rolledBack),
		update(ctx, s, UpdateDrain, "move the functions off a box, or use it again", s.drainedOf),
		update(ctx, s, UpdateRebalance, "let functions move to better boxes", s.rebalanced),
		update(ctx, s, UpdateRetry, "try the failed revision again", s.retried),
		workflow.SetUpdateHandlerWithOptions(ctx, UpdateShed, s.shed, workflow.UpdateHandlerOptions{
			Description: "shed the heat of a room, or rehearse it",
			Validator: func(_ workflow.Context, request ShedRequest) error {
				_, err := s.sheddable(request)
				return err
			},
		}),
	)
}

// update opens an update that asks for a change. Its validator is the making of the change: what cannot be made is
// refused, and leaves no trace in the history. It makes nothing known until it is queued.
func update[In any](ctx workflow.Context, s *service, name, description string, make func(In) (Change, error)) error {
	validate := func(_ workflow.Context, request In) error {
		if s.down != nil {
			return invalid("%s is being taken down", s.status.Service)
		}
		_, err := make(request)
		return err
	}
	handle := func(ctx workflow.Context, request In) (ApplyAccepted, error) {
		next, err := make(request)
		if err != nil {
			return ApplyAccepted{}, err
		}
		return ApplyAccepted{Revision: s.queue(ctx, next)}, nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, handle, workflow.UpdateHandlerOptions{Validator: validate, Description: description})
}

func (s *service) planMade() (plan.Plan, error) {
	if s.plan == nil {
		return plan.Plan{}, errors.New("no plan has been made yet")
	}
	return *s.plan, nil
}

// runs is what a plan that nobody has asked to carry out starts from.
func (s *service) runs() (Running, error) {
	newest := s.wanted()
	running := Running{Service: newest.Service, Drains: newest.Drains, Images: newest.Images, Absent: s.absent, Revision: s.status.Revision}
	switch {
	case s.running != nil:
		running.Bringing = s.running.Resolved
	case s.status.Failed != nil:
		running.Bringing = s.tried.Resolved
	}
	if s.good != nil {
		running.Before = s.good.Plan.Placements
	}
	if s.changing != nil {
		running.Changing = s.changing.Placements
	}
	return running, nil
}

// checked is a change whose specification is as it must be.
func (s *service) checked(next Change) (Change, error) {
	if next.Service.Name != s.status.Service {
		return Change{}, invalid("this is the service %s; the specification is of %q", s.status.Service, next.Service.Name)
	}
	if err := Check(next.Service); err != nil {
		return Change{}, invalid("the specification of %s is not valid: %s", s.status.Service, err)
	}
	return next, s.sameOrchestrator(next.Service)
}

func (s *service) applied(request ApplyRequest) (Change, error) {
	newest := s.wanted()
	return s.checked(Change{
		Service: tunedAs(request.Service, newest.Service), Drains: stays(newest.Drains, request.Service), PlanHash: request.PlanHash,
		Audit: AuditEntry{Who: request.Who, What: "apply"},
	})
}

func (s *service) scaled(request ScaleRequest) (Change, error) {
	next := s.wanted()
	var err error
	if next.Service, err = scaled(next.Service, request); err != nil {
		return Change{}, err
	}
	next.PlanHash = request.PlanHash
	next.Audit = AuditEntry{Who: request.Who, What: fmt.Sprintf("scale %s to %d", request.Function, request.Replicas), Why: request.Why}
	return s.checked(next)
}

// scaleBySignal is a scale that the tuning of a function asks for. What is so already is no change, and while a change
// of a person waits or runs there is none either: the tuning measures again after it.
func (s *service) scaleBySignal(ctx workflow.Context, request ScaleRequest) {
	if s.down == nil && (s.pending != nil || s.running != nil) {
		return
	}
	next, err := s.scaled(request)
	if err == nil && s.down == nil {
		if next.Tuned = true; !same(next.Service, s.wanted().Service) {
			s.queue(ctx, next)
		}
		return
	}
	reason, _ := explain(err)
	if s.down != nil {
		reason = s.status.Service + " is being taken down"
	}
	what := fmt.Sprintf("scale %s to %d", request.Function, request.Replicas)
	s.record(AuditEntry{At: workflow.Now(ctx), Who: request.Who, What: what, Why: request.Why, Outcome: "refused: " + reason})
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
	if err := outsideTuning(service.Functions[at], request.Replicas); err != nil {
		return spec.Service{}, err
	}
	service.Functions = slices.Clone(service.Functions)
	service.Functions[at].Replicas = request.Replicas
	return service, nil
}

func (s *service) rolledBack(request RollbackRequest) (Change, error) {
	to, err := s.rollbackTo(request.Revision)
	if err != nil {
		return Change{}, err
	}
	what := fmt.Sprintf("rollback to %d", to.Revision.Revision)
	return s.checked(Change{
		Service: tunedAs(to.Service, s.wanted().Service), Images: to.Resolved, Drains: stays(s.wanted().Drains, to.Service),
		PlanHash: request.PlanHash,
		Audit:    AuditEntry{Who: request.Who, Why: request.Why, What: what},
	})
}

func (s *service) drainedOf(request DrainRequest) (Change, error) {
	next := s.wanted()
	known := func(box spec.Box) bool { return box.Name == request.Box }
	if !slices.ContainsFunc(next.Service.Boxes, known) {
		return Change{}, invalid("%s has no box %q", s.status.Service, request.Box)
	}
	next.Drains, next.PlanHash = setDrain(next.Drains, next.Service, request), request.PlanHash
	next.Audit = AuditEntry{Who: request.Who, Why: request.Why, What: "drain " + request.Box}
	if request.Active {
		next.Audit.What = "use " + request.Box + " again"
	}
	return s.checked(next)
}

func (s *service) rebalanced(request RebalanceRequest) (Change, error) {
	if s.good == nil {
		return Change{}, invalid("no revision of %s has run yet", s.status.Service)
	}
	next := s.wanted()
	next.Rebalance, next.PlanHash = true, request.PlanHash
	next.Audit = AuditEntry{Who: request.Who, Why: request.Why, What: "rebalance"}
	return s.checked(next)
}

// retried is the revision that has failed, from where it stood: with the images as they were resolved for it, and with
// the approvals that it has. What it placed is there and is only verified.
func (s *service) retried(request RetryRequest) (Change, error) {
	switch {
	case s.pending != nil || s.running != nil:
		return Change{}, invalid("revision %d of %s is being tried now", s.revision, s.status.Service)
	case s.status.Failed == nil:
		return Change{}, invalid("no revision of %s has failed", s.status.Service)
	}
	again := s.tried
	again.Service, again.Revision = s.newest, s.status.Failed.Revision
	again.PlanHash = cmp.Or(request.PlanHash, again.PlanHash)
	again.Audit = AuditEntry{Who: request.Who, Why: request.Why, What: fmt.Sprintf("retry %d", again.Revision)}
	return s.checked(again)
}
