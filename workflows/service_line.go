package workflows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Change is one thing to carry out: a specification under a revision.
type Change struct {
	Revision int `json:"revision"`
	// Service is the specification as it was asked for; the drains come on top of it.
	Service spec.Service `json:"service"`
	Drains  []Drain      `json:"drains,omitempty"`
	// PlanHash, when set, refuses the change unless its plan has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	// Images are resolved already: the change is about something else than new bytes.
	Images []plan.Image `json:"images,omitempty"`
	// Rebalance lets running functions move for a better score alone.
	Rebalance bool `json:"rebalance,omitempty"`
	// Tuned says that the tuning of a function asked for it, no person: it is nothing to roll back to by itself.
	Tuned bool       `json:"tuned,omitempty"`
	Audit AuditEntry `json:"audit"`
	// Resolved are the images as its matching resolved them: a retry takes the same bytes.
	Resolved []plan.Image `json:"resolved,omitempty"`
}

// asks says whether another change asks for the same, bytes included: a rollback to what a tag was is no repetition of
// the apply that brings what it is now.
func (c Change) asks(other Change) bool {
	return c.Rebalance == other.Rebalance && same(c.Service, other.Service) && same(c.Drains, other.Drains) && c.sameBytes(other)
}

// sameBytes says whether this change brings the images that another one asks for. One that names none asks for what the
// tags are now.
func (c Change) sameBytes(other Change) bool {
	if len(other.Images) == 0 {
		return len(c.Images) == 0
	}
	brings := slices.Concat(c.Images, c.Resolved)
	return !slices.ContainsFunc(other.Images, func(wanted plan.Image) bool {
		return !slices.ContainsFunc(brings, func(i plan.Image) bool { return i.Ref == wanted.Ref && i.Digest == wanted.Digest })
	})
}

// wanted is the newest content that anybody asked for, to be changed in part: by a scale, a drain, a rebalance. What
// runs keeps its bytes: only an apply asks for new ones.
func (s *service) wanted() Change {
	newest := Change{Service: s.newest, Drains: s.tried.Drains, Images: s.tried.Images}
	switch {
	case s.pending != nil:
		newest = *s.pending
	case s.running != nil:
		newest = *s.running
		newest.Images = slices.Concat(newest.Images, newest.Resolved)
	case s.good != nil:
		newest = Change{Service: s.good.Service, Drains: s.good.Drains, Images: s.good.Images}
	}
	return Change{Service: newest.Service, Drains: newest.Drains, Images: newest.Images}
}

// queue gives a change its revision and puts it next in line; the same one twice stays one change.
func (s *service) queue(ctx workflow.Context, next Change) int {
	if p := s.pending; p != nil && p.asks(next) {
		p.PlanHash, p.Audit.Who = cmp.Or(next.PlanHash, p.PlanHash), cmp.Or(p.Audit.Who, next.Audit.Who)
		return p.Revision
	}
	if r := s.running; r != nil && s.pending == nil && r.PlanHash == next.PlanHash && r.asks(next) {
		return r.Revision
	}
	if s.pending != nil {
		entry := s.pending.Audit
		entry.Outcome = "superseded before it began"
		s.record(entry)
	}
	if next.Revision == 0 { // else a revision that is tried again
		s.revision++
		next.Revision = s.revision
	}
	next.Audit.At, next.Audit.Revision = workflow.Now(ctx), next.Revision
	s.pending = &next
	return next.Revision
}

// newestAgain is the newest specification tried again as if just applied: there is nothing yet to hold on to.
func (s *service) newestAgain(ctx workflow.Context) Change {
	again := s.tried
	again.Service, again.Resolved, again.Revision = s.newest, nil, s.status.Revision
	again.Audit = AuditEntry{At: workflow.Now(ctx), What: auditReconcile, Revision: s.status.Revision}
	return again
}

// refused says that nothing runs because the first plan was not the one that was shown.
func (s *service) refused() bool { return s.good == nil && s.status.FaultType == TypePlanChanged }

// same says whether two values are written the same: what a specification says, not how it is held in memory.
func same(a, b any) bool {
	one, err := json.Marshal(a)
	if err != nil {
		return false // no specification that came as JSON
	}
	other, err := json.Marshal(b)
	return err == nil && bytes.Equal(one, other)
}

// auditMost bounds the audit; the history of the workflow has them all.
const (
	auditMost      = 50
	auditReconcile = "reconcile"
)

// record notes what was asked for, in the order of the asking. A reconcile that fails as the one before did is noted
// once, with the time of the last: else a night of them would push out all that people did.
func (s *service) record(entry AuditEntry) {
	if n := len(s.status.Audit); n > 0 && entry.What == auditReconcile {
		last := &s.status.Audit[n-1]
		if last.What == entry.What && last.Why == entry.Why && last.Outcome == entry.Outcome {
			last.At = entry.At
			return
		}
	}
	s.status.Audit = append(s.status.Audit, entry)
	slices.SortStableFunc(s.status.Audit, func(a, b AuditEntry) int { return a.At.Compare(b.At) })
	if extra := len(s.status.Audit) - auditMost; extra > 0 {
		s.status.Audit = slices.Delete(s.status.Audit, 0, extra)
	}
}
