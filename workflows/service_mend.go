package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
)

// repair brings back what the revision stitched last says: with the images resolved then, since a tag that has moved
// is a new revision, and without asking for approvals again.
type repair struct {
	good     *Deployed // what it brings back
	began    time.Time
	why      string // what it has found
	cancel   workflow.CancelFunc
	stitches bool // no longer to be given up: undoing would take away what it has healed
	partial  bool // it stitches beside a change's stitch that waits for a person
}

// mend starts the loop of repairs, beside the loop of changes: an update that hangs in a pull or waits for a person
// keeps nobody from bringing back what has crashed. One repair runs at a time.
func (s *service) mend(ctx workflow.Context) {
	ctx, s.endMend = workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for s.awaitRepair(ctx) == nil && s.rest(ctx) == nil {
			if !s.mayMend() {
				continue
			}
			within, cancel := workflow.WithCancel(ctx)
			s.reconcile, s.looked, s.mendAgain = false, workflow.Now(ctx), time.Time{}
			s.repair = &repair{good: s.good, began: s.looked, cancel: cancel}
			err := s.heal(within, s.repair)
			if within.Err() == nil {
				s.healed(within, s.repair, err)
			}
			s.repair, s.status.Repairs = nil, nil
			cancel()
		}
	})
}

// awaitRepair returns when the good revision is to be looked at: somebody asked, or a time has come. Its error is the
// end of the service.
func (s *service) awaitRepair(ctx workflow.Context) error {
	for {
		due := s.due()
		asked := func() bool { return s.reconcile && s.mayMend() }
		if due.IsZero() {
			if err := workflow.Await(ctx, func() bool { return asked() || !s.due().IsZero() }); err != nil || asked() {
				return err
			}
			continue
		}
		if wait := due.Sub(workflow.Now(ctx)); wait > 0 {
			told, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "next repair"}}, func() bool { return asked() || !s.due().Equal(due) })
			if err != nil || told && asked() {
				return err
			}
			if told {
				continue
			}
		}
		s.reconcile = true
		if err := workflow.Await(ctx, asked); err != nil {
			return err
		}
		return nil
	}
}

// rest holds the next repair back while a change, which may wait for a person for weeks, keeps a history that has grown
// long from being continued as new. A repair is some 30 events and Temporal ends a workflow at 51,200; with a minute
// between two for each 1,000 events that there are, the last is reached after a month.
func (s *service) rest(ctx workflow.Context) error {
	if s.running == nil || !suggested(ctx) {
		return nil
	}
	pause := time.Duration(workflow.GetInfo(ctx).GetCurrentHistoryLength()/1000) * time.Minute
	wait := s.looked.Add(pause).Sub(workflow.Now(ctx))
	if wait <= 0 {
		return nil
	}
	_, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: "before another repair beside a change"},
	}, func() bool { return s.running == nil })
	return err
}

// mayMend says whether a repair may begin: there is something to hold, no heat is being shed, and no change of the same revision is under
// way, which does just that and has the children's names.
func (s *service) mayMend() bool {
	return s.down == nil && s.good != nil && len(s.status.Held) == 0 && (s.running == nil || s.running.Revision != s.good.Revision)
}

// heal looks at the world, places what is missing, and stitches it when no change stitches.
func (s *service) heal(ctx workflow.Context, r *repair) error {
	seen := s.stitched
	deployed, err := s.deployRepair(ctx, r)
	if err != nil {
		return err
	}
	s.found(ctx, r, deployed.Match)
	made := graced(deployed.Match.Plan, r.good.Revision, workflow.Now(ctx))
	if s.stitching.IsLocked() {
		return s.healBeside(ctx, r, made)
	}
	if s.good != r.good || seen != s.stitched { // of a world that is no more
		s.reconcile = true
		return nil
	}
	if err := s.stitching.Lock(ctx); err != nil {
		return err
	}
	defer s.stitching.Unlock()
	r.stitches = true
	if r.why != "" && s.running == nil {
		s.status.Steps = MergeSteps(s.status.Steps, deployed.Steps...)
		s.phase(ctx, PhaseStitching)
	}
	stitched, err := s.stitchRepair(ctx, r, made)
	if made.Changes() > 0 {
		s.stitched++
	}
	if err != nil {
		return err
	}
	s.status.Functions, s.status.Looked = stitched.Functions, workflow.Now(ctx)
	if r.why != "" && s.running == nil {
		s.status.Steps = MergeSteps(s.status.Steps, stitched.Steps...)
	}
	held := *r.good
	held.Plan, held.Images = deployed.Match.Plan, deployed.Match.Images
	s.good = &held
	return s.tune(ctx)
}

// deployRepair matches and places the good revision.
func (s *service) deployRepair(ctx workflow.Context, r *repair) (DeployResult, error) {
	name, revision := s.status.Service, r.good.Revision
	in := s.deployInput(revision, drained(r.good.Service, r.good.Drains))
	in.Heal, in.Images, in.Approved = true, r.good.Images, allApproved(r.good)
	if s.running != nil {
		s.status.Repairs = []string{DeployID(name, revision), MatchID(name, revision), PlaceID(name, revision)}
	}
	return result[DeployResult](ctx, child(ctx, DeployID(name, revision), "repair: match and place", DeployWorkflow, in))
}

// stitchRepair starts and proves a plan of the good revision.
func (s *service) stitchRepair(ctx workflow.Context, r *repair, made plan.Plan) (StitchResult, error) {
	id := StitchID(s.status.Service, r.good.Revision)
	in := s.stitchInput(r.good.Revision, drained(r.good.Service, r.good.Drains), made)
	in.Approved, in.Heal = allApproved(r.good), true
	switch {
	case s.running != nil:
		s.status.Repairs = append(s.status.Repairs, id)
	case r.why != "":
		s.children(id)
	}
	return result[StitchResult](ctx, child(ctx, id, "repair: start, connect and prove", StitchWorkflow, in))
}

// allApproved are the approvals of a repair: it asks nobody, what it starts was approved when its revision was stitched.
func allApproved(good *Deployed) []ApproveRequest {
	given := make([]ApproveRequest, 0, len(good.Service.Approvals))
	for _, step := range good.Service.Approvals {
		given = append(given, ApproveRequest{Step: step, Who: "the revision that is healed"})
	}
	return given
}

// found takes in what a repair's matching has found. Once is enough: it is told early, by the child, and at its end.
func (s *service) found(ctx workflow.Context, r *repair, match MatchResult) {
	s.seen(match, r.began)
	made := graced(match.Plan, r.good.Revision, workflow.Now(ctx))
	if r.why != "" || made.Changes() == 0 {
		return
	}
	if r.why = causes(made); s.running != nil {
		return // the screen is the change's
	}
	s.plan, s.status.PlanHash = &match.Plan, match.Plan.Hash
	s.status.Steps, s.status.Children = slices.Clone(match.Steps), nil
	name, revision := s.status.Service, r.good.Revision
	s.children(DeployID(name, revision), MatchID(name, revision), PlaceID(name, revision))
	s.phase(ctx, PhasePlacing)
}

// healed notes how a repair ended. One that was given up has not ended.
func (s *service) healed(ctx workflow.Context, r *repair, err error) {
	entry := AuditEntry{At: r.began, What: auditReconcile, Why: r.why, Outcome: "accepted", Revision: r.good.Revision}
	if err != nil {
		s.unhealed(ctx, r, err, &entry)
	} else if s.failures = 0; s.running == nil {
		s.status.Revision = s.good.Revision
		s.phase(ctx, PhaseTuning)
	}
	if err != nil || entry.Why != "" {
		s.record(entry)
	}
}

// unhealed notes why a repair failed. It is never given up: without a schedule that would try again it does so by
// itself, at first soon, then each five minutes.
func (s *service) unhealed(ctx workflow.Context, r *repair, err error, entry *AuditEntry) {
	fault, kind := explain(err)
	entry.Outcome = "failed: " + fault
	if s.running == nil {
		s.status.Fault, s.status.FaultType = fault, kind
		s.status.Steps = MergeSteps(s.status.Steps, stepsOf(err)...)
		s.phase(ctx, PhaseFailed)
	}
	if s.failures++; r.good.Service.Schedule == 0 {
		s.mendAgain = workflow.Now(ctx).Add(mendPause(s.failures))
	}
}

// supersede gives up the repair of a revision that has just been replaced, or is tried again, unless it stitches.
func (s *service) supersede() {
	if s.repair != nil && !s.repair.stitches {
		s.repair.cancel()
	}
}

// alone waits until no repair of a revision runs, whose children have the same names as the change's: of a revision that
// was stitched, but failed in what comes after. None begins while the change runs (see mayMend).
func (s *service) alone(ctx workflow.Context, revision int) error {
	mended := func() bool { return s.repair != nil && s.repair.good.Revision == revision }
	if !mended() {
		return nil
	}
	s.supersede()
	return workflow.Await(ctx, func() bool { return !mended() })
}

// isRepair says whether a notice is of the repair's child.
func (s *service) isRepair(notice Notice) bool {
	return s.repair != nil && slices.Contains([]string{
		DeployID(s.status.Service, s.repair.good.Revision), StitchID(s.status.Service, s.repair.good.Revision),
	}, notice.From)
}

// ended waits until no repair runs: what is swept stays swept.
func (s *service) ended(ctx workflow.Context) {
	if err := workflow.Await(ctx, func() bool { return s.repair == nil }); err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Error("a repair did not end", "error", err)
	}
}
