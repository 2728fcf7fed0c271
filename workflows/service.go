package workflows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// ServiceWorkflow is a service for as long as it lives: it matches, places and stitches what the specification
// says, keeps it tuned and healed, takes new specifications by the update `apply`, and ends by the signal
// `down` with a report of what was removed. It runs one change at a time; a change that fails leaves the
// service alive, in phase failed, with what ran before.
//
// The revision that was stitched last is what reconciling holds; a change that failed must be applied again.
// Until a first one has been stitched, reconciling tries the newest again, unless its plan was refused: that is
// for a person to look at.
func ServiceWorkflow(ctx workflow.Context, in ServiceInput) (DownReport, error) {
	s := newService(ctx, in)
	if in.Carry == nil {
		if fault := verdict(ctx, in.Service); fault != "" {
			return DownReport{}, invalid("the specification of %q is not valid: %s", in.Name, fault)
		}
		s.queue(ctx, in.Service, in.PlanHash, in.Who, "start")
	}
	if err := s.listen(ctx); err != nil {
		return DownReport{}, err
	}
	for {
		if err := workflow.Await(ctx, func() bool { return s.busy() || suggested(ctx) }); err != nil {
			s.stop(ctx, DownRequest{Why: "the workflow was cancelled"})
		}
		switch {
		case s.down != nil:
			return s.takeDown(ctx), nil
		case s.pending != nil:
			next := *s.pending
			s.pending = nil
			s.carryOut(ctx, next)
		case s.reconcile:
			s.reconcile = false
			if !s.refused() {
				s.carryOut(ctx, s.healing(ctx))
			}
		default:
			if again, err := s.again(ctx); again {
				return DownReport{}, err
			}
		}
	}
}

// service is the state of one run of ServiceWorkflow.
type service struct {
	status   Status
	revision int          // the highest given out
	newest   spec.Service // the last one tried
	hash     string       // that the plan of newest must have; empty: any
	told     []spec.Room  // as their tunings know them
	left     []spec.Box   // of specifications before, which may still run something of ours
	// scheduled says that a reconciling schedule may be there.
	scheduled bool
	good      *Deployed  // the last one stitched; nil before the first
	plan      *plan.Plan // the last one made

	pending   *change // waits for the running one; the last one wins
	running   *change
	reconcile bool
	down      *DownRequest
	cancel    workflow.CancelFunc // of the running change

	approved []ApproveRequest             // of the newest revision
	waiting  []string                     // steps that wait for an approval, oldest first
	child    workflow.ChildWorkflowFuture // that runs; nil between changes
	quiet    bool                         // a reconcile that has found nothing to do: no steps to show
}

// change is one thing to carry out: a new revision, or the healing of the one that runs.
type change struct {
	revision int
	service  spec.Service
	planHash string
	heal     bool
	audit    AuditEntry
}

func newService(ctx workflow.Context, in ServiceInput) *service {
	s := &service{newest: in.Service, hash: in.PlanHash}
	s.status = Status{Service: in.Name, Phase: PhaseMatching, Since: workflow.Now(ctx)}
	if in.Carry != nil {
		s.status, s.revision, s.good = in.Carry.Status, in.Carry.Revision, in.Carry.Good
		s.told, s.left, s.scheduled = in.Carry.Told, in.Carry.Left, in.Carry.Scheduled
		if s.good != nil {
			s.plan = &s.good.Plan
		}
	}
	return s
}

func (s *service) busy() bool { return s.down != nil || s.pending != nil || s.reconcile }

func suggested(ctx workflow.Context) bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }

// again continues as new when nothing is under way: all handlers finished and every signal taken in.
func (s *service) again(ctx workflow.Context) (bool, error) {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return false, nil // cancelled: the loop sees it
	}
	s.drain(ctx)
	if s.busy() {
		return false, nil
	}
	carry := ServiceCarry{Revision: s.revision, Status: s.status, Told: s.told, Left: s.left, Scheduled: s.scheduled}
	if s.good != nil {
		good := *s.good
		good.Plan.Choices = nil // they may be as long as all the rest, and the next plan explains itself anew
		carry.Good = &good
	}
	return true, workflow.NewContinueAsNewError(ctx, ServiceWorkflow, ServiceInput{Service: s.newest, PlanHash: s.hash, Carry: &carry})
}

// wanted is the newest specification that anybody asked for: what `scale` changes.
func (s *service) wanted() spec.Service {
	switch {
	case s.pending != nil:
		return s.pending.service
	case s.running != nil && !s.running.heal:
		return s.running.service
	case s.good != nil:
		return s.good.Service
	}
	return s.newest
}

// queue gives a specification its revision and puts it next in line; the same one twice stays one change.
func (s *service) queue(ctx workflow.Context, wanted spec.Service, planHash, who, what string) int {
	if p := s.pending; p != nil && same(p.service, wanted) {
		p.planHash, p.audit.Who = cmp.Or(planHash, p.planHash), cmp.Or(p.audit.Who, who)
		return p.revision
	}
	if r := s.running; r != nil && s.pending == nil && !r.heal && r.planHash == planHash && same(r.service, wanted) {
		return r.revision
	}
	if s.pending != nil {
		entry := s.pending.audit
		entry.Outcome = "superseded before it began"
		s.record(entry)
	}
	s.revision++
	s.pending = &change{
		revision: s.revision, service: wanted, planHash: planHash,
		audit: AuditEntry{At: workflow.Now(ctx), Who: who, What: what},
	}
	return s.revision
}

// same says whether two values are written the same: what a specification says, not how it is held in memory.
func same(a, b any) bool {
	one, err := json.Marshal(a)
	if err != nil {
		return false // no specification that came as JSON
	}
	other, err := json.Marshal(b)
	return err == nil && bytes.Equal(one, other)
}

// stop asks for the end of the service: the running change is cancelled, the loop does the rest.
func (s *service) stop(ctx workflow.Context, request DownRequest) {
	if s.down != nil {
		return
	}
	s.down = &request
	s.record(AuditEntry{At: workflow.Now(ctx), Who: request.Who, What: "down", Why: request.Why, Outcome: "accepted"})
	if s.cancel != nil {
		s.cancel()
	}
}

// auditMost bounds the audit; the history of the workflow has them all.
const (
	auditMost      = 50
	auditReconcile = "reconcile"
)

// record notes what was asked for. A reconcile that fails as the one before did is noted once, with the time of
// the last: else a night of them would push out all that people did.
func (s *service) record(entry AuditEntry) {
	if n := len(s.status.Audit); n > 0 && entry.What == auditReconcile {
		last := &s.status.Audit[n-1]
		if last.What == entry.What && last.Why == entry.Why && last.Outcome == entry.Outcome {
			last.At = entry.At
			return
		}
	}
	s.status.Audit = append(s.status.Audit, entry)
	if extra := len(s.status.Audit) - auditMost; extra > 0 {
		s.status.Audit = slices.Delete(s.status.Audit, 0, extra)
	}
}

// phase moves the service on, for the query, for the list of workflows (memo) and for the Web UI.
func (s *service) phase(ctx workflow.Context, phase string) {
	if s.status.Phase != phase {
		s.status.Phase, s.status.Since = phase, workflow.Now(ctx)
	}
	if phase != PhaseFailed {
		s.status.Fault, s.status.FaultType = "", ""
	}
	memo := map[string]any{MemoPhase: phase, MemoRevision: s.status.Revision}
	if err := workflow.UpsertMemo(ctx, memo); err != nil {
		workflow.GetLogger(ctx).Warn("the memo could not be written", "error", err)
	}
	details := "**" + phase + "** since " + s.status.Since.UTC().Format(time.RFC3339)
	if s.status.Fault != "" {
		details += ": " + s.status.Fault
	}
	workflow.SetCurrentDetails(ctx, details)
}

// The memo of a ServiceWorkflow: what a list of services shows without asking each.
const (
	MemoPhase    = "phase"    // string
	MemoRevision = "revision" // int
)
