package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// ServiceWorkflow is a service for as long as it lives: it matches, places and stitches what the specification
// says, keeps it tuned and healed, takes new specifications by the update `apply`, and ends by the signal
// `down` with a report of what was removed. It runs one change at a time; a change that fails leaves the
// service alive, in phase failed, with what ran before.
//
// The revision that was stitched last is what reconciling holds, also while a change is under way: repairs run
// beside it (see mend), and only stitching is done by one of them at a time. A change that failed must be applied
// or retried. Until a first one has been stitched, reconciling tries the newest again, unless its plan was refused:
// that is for a person to look at.
func ServiceWorkflow(ctx workflow.Context, in ServiceInput) (DownReport, error) {
	s := newService(ctx, in)
	if in.Carry == nil {
		if fault := verdict(ctx, in.Service); fault != "" {
			return DownReport{}, invalid("the specification of %q is not valid: %s", in.Name, fault)
		}
		s.queue(ctx, Change{Service: in.Service, PlanHash: in.PlanHash, Audit: AuditEntry{Who: in.Who, What: "start"}})
	}
	if err := s.listen(ctx); err != nil {
		return DownReport{}, err
	}
	s.mend(ctx)
	for {
		if err := workflow.Await(ctx, func() bool { return s.busy() || suggested(ctx) && s.still() }); err != nil {
			s.stop(ctx, DownRequest{Why: "the workflow was cancelled"})
		}
		switch {
		case s.down != nil:
			return s.takeDown(ctx), nil
		case s.pending != nil:
			next := *s.pending
			s.pending = nil
			s.carryOut(ctx, next)
		case s.reconcile && s.good == nil:
			s.reconcile = false
			if !s.refused() {
				s.carryOut(ctx, s.newestAgain(ctx))
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
	revision int                     // the highest given out
	newest   spec.Service            // the last one tried, as it was asked for
	hash     string                  // that the plan of newest must have; empty: any
	tried    Change                  // the newest change, without its specification
	told     []spec.Room             // as their tunings know them
	watched  []activities.WatchInput // functions as their tunings know them; of this run
	left     []spec.Box              // of specifications before, which may still run something of ours
	// scheduled says that a reconciling schedule may be there.
	scheduled bool
	archive   *activities.HistoryInput // as the schedule of its history has it; nil: there is none
	good      *Deployed                // the last one stitched; nil before the first
	dropped   []RevisionImage          // of revisions that are no longer kept, to be collected
	kept      []Kept                   // those stitched before it, newest first
	absent    []Absence                // boxes that do not answer
	looked    time.Time                // when the newest repair began to look at the boxes
	plan      *plan.Plan               // the last one that a change made, or a repair while there was none

	pending   *Change // waits for the running one; the last one wins
	running   *Change
	repair    *repair // that runs
	reconcile bool
	down      *DownRequest
	cancel    workflow.CancelFunc // of the running change
	endMend   workflow.CancelFunc // of all repairs

	stitching workflow.Mutex // held by the change or the repair that stitches
	stitched  int            // stitches of this run that changed something
	changing  *plan.Plan     // that the running change stitches
	failures  int            // of repairs in a row
	mendAgain time.Time      // when a repair that failed is tried again by itself

	approved []ApproveRequest             // of the newest revision
	waiting  []string                     // steps that wait for an approval, oldest first
	indexed  attributes                   // as the index has them
	memo     [2]any                       // phase and revision as the memo has them
	child    workflow.ChildWorkflowFuture // of the change, that runs; nil between changes
}

func newService(ctx workflow.Context, in ServiceInput) *service {
	s := &service{newest: in.Service, hash: in.PlanHash, stitching: workflow.NewMutex(ctx)}
	s.status = Status{Service: in.Name, Phase: PhaseMatching, Since: workflow.Now(ctx)}
	if carry := in.Carry; carry != nil {
		s.status, s.revision, s.good, s.kept = carry.Status, carry.Revision, carry.Good, carry.Kept
		s.told, s.left, s.scheduled, s.archive = carry.Told, carry.Left, carry.Scheduled, carry.Archive
		s.tried, s.approved, s.absent, s.looked = carry.Tried, carry.Approved, carry.Absent, carry.Looked
		s.failures, s.mendAgain, s.dropped = carry.Failures, carry.MendAgain, carry.Dropped
		if s.good != nil {
			s.plan = &s.good.Plan
		}
		s.indexed = s.attributes() // they are carried from run to run
	}
	return s
}

// busy says that the loop of changes has something to do; repairs have a loop of their own.
func (s *service) busy() bool {
	return s.down != nil || s.pending != nil || s.reconcile && s.good == nil
}

// still says that no repair runs or is asked for.
func (s *service) still() bool { return s.repair == nil && !s.reconcile }

func suggested(ctx workflow.Context) bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }

// again continues as new when nothing is under way: all handlers finished and every signal taken in.
func (s *service) again(ctx workflow.Context) (bool, error) {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return false, nil // cancelled: the loop sees it
	}
	s.drain(ctx)
	if s.busy() || !s.still() {
		return false, nil
	}
	return true, workflow.NewContinueAsNewError(ctx, ServiceWorkflow, s.next(ctx))
}

// stop asks for the end of the service: what runs is cancelled, the loop does the rest.
func (s *service) stop(ctx workflow.Context, request DownRequest) {
	if s.down != nil {
		return
	}
	s.down = &request
	s.record(AuditEntry{At: workflow.Now(ctx), Who: request.Who, What: "down", Why: request.Why, Outcome: "accepted"})
	s.endMend()
	if s.cancel != nil {
		s.cancel()
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
	if memo := [2]any{phase, s.status.Revision}; memo != s.memo { // else a quiet repair would write it each time
		s.memo = memo
		if err := workflow.UpsertMemo(ctx, map[string]any{MemoPhase: phase, MemoRevision: s.status.Revision}); err != nil {
			workflow.GetLogger(ctx).Warn("the memo could not be written", "error", err)
		}
	}
	s.index(ctx)
	details := "**" + phase + "** since " + s.status.Since.UTC().Format(time.RFC3339)
	if s.status.Fault != "" {
		details += ": " + s.status.Fault
	}
	if len(s.status.Steps) > 0 {
		details += "\n\n" + table(s.status.Steps)
	}
	workflow.SetCurrentDetails(ctx, details)
}

// The memo of a ServiceWorkflow: what a list of services shows without asking each.
const (
	MemoPhase    = "phase"    // string
	MemoRevision = "revision" // int
)
