package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Kept is a revision that ran before the running one. Its placements are not kept: boxes come and go, so a rollback
// matches anew, with the images as they were resolved then.
type Kept struct {
	Revision
	Service spec.Service `json:"service"`
	// Resolved are the references as they were resolved for it.
	Resolved []plan.Image `json:"resolved"`
}

// CarryMost bounds what one run of ServiceWorkflow hands to the next, bytes of JSON: Temporal refuses inputs above
// 2 MiB, and a stitch needs the same things once more beside its own.
const CarryMost = 3 << 19 // 1.5 MiB

// keep makes a change the running revision, and the one before it one to roll back to: unless both say the same, or
// only a tuning's replicas differ.
func (s *service) keep(ctx workflow.Context, next Change, match MatchResult) {
	before := s.good
	s.good = &Deployed{
		Revision: next.Revision, At: workflow.Now(ctx), Who: next.Audit.Who, What: next.Audit.What,
		Service: next.Service, Drains: next.Drains, Plan: match.Plan, Images: match.Images,
	}
	now := s.good.kept()
	if before != nil && !next.Tuned {
		s.kept = slices.Insert(s.kept, 0, before.kept())
	}
	s.kept = slices.DeleteFunc(s.kept, func(old Kept) bool { return old.says(now) })
	s.drop(min(len(s.kept), RevisionsKept-1))
	for size := s.size(ctx); size > CarryMost && len(s.kept) > 0; size = s.size(ctx) {
		oldest := s.kept[len(s.kept)-1].Revision.Revision
		s.drop(len(s.kept) - 1)
		s.record(AuditEntry{
			At: workflow.Now(ctx), What: fmt.Sprintf("forget revision %d", oldest), Outcome: "accepted",
			Why: fmt.Sprintf("%d KiB is more than the %d KiB that a service can remember", size>>10, CarryMost>>10),
		})
	}
}

// drop forgets the oldest revisions beyond a number; their images are collected (see collect).
func (s *service) drop(most int) {
	for _, old := range s.kept[most:] {
		s.dropped = append(s.dropped, old.Images...)
	}
	s.kept = s.kept[:most]
}

// size is how long the next run's input would be, bytes of JSON.
func (s *service) size(ctx workflow.Context) int { return length(s.next(ctx)) }

// next is the input of the next run. Should it be too long, the newest change's steps go: they are the one part that
// only shows what was.
func (s *service) next(workflow.Context) ServiceInput {
	carry := ServiceCarry{
		Revision: s.revision, Status: s.status, Kept: s.kept, Tried: s.tried, Approved: s.approved,
		Told: s.told, Left: s.left, Scheduled: s.scheduled, Archive: s.archive, Dropped: s.dropped,
		Absent: s.absent, Looked: s.looked, Failures: s.failures, MendAgain: s.mendAgain,
	}
	carry.Tried.Service = spec.Service{}
	if s.good != nil {
		good := *s.good
		good.Plan.Choices = nil // they may be as long as all the rest, and the next plan explains itself anew
		carry.Good = &good
	}
	in := ServiceInput{Service: s.newest, PlanHash: s.hash, Carry: &carry}
	if len(s.kept) == 0 && length(in) > CarryMost {
		carry.Status.Steps = nil
	}
	return in
}

// kept is a running revision as it is kept.
func (d *Deployed) kept() Kept {
	return Kept{Service: d.Service, Resolved: d.Images, Revision: Revision{
		Revision: d.Revision, At: d.At, Who: d.Who, What: d.What, PlanHash: d.Plan.Hash, Images: ran(d.Plan, d.Images),
	}}
}

// ran are the images that a plan brings to boxes, each once.
func ran(made plan.Plan, resolved []plan.Image) []RevisionImage {
	var all []RevisionImage
	add := func(ref, digest string) {
		at := slices.IndexFunc(resolved, func(i plan.Image) bool { return i.Ref == ref })
		one := RevisionImage{Image: ref, Digest: digest}
		if at >= 0 {
			for _, platform := range resolved[at].Platforms {
				one.Manifests = append(one.Manifests, platform.Digest)
			}
		}
		if !slices.ContainsFunc(all, func(i RevisionImage) bool { return i.Image == ref && i.Digest == digest }) {
			all = append(all, one)
		}
	}
	for _, placement := range made.Placements {
		add(placement.Image, placement.Digest)
	}
	for _, pull := range made.Pulls { // the probe's too
		add(pull.Image, pull.Digest)
	}
	return all
}

// says whether two revisions have the same content, images included.
func (k Kept) says(other Kept) bool {
	return same(k.Images, other.Images) && same(k.Service, other.Service)
}

// revisions are those that a rollback can bring back, the running one first.
func (s *service) revisions() ([]Revision, error) {
	var all []Revision
	if s.good != nil {
		running := s.good.kept().Revision
		running.Running = true
		all = append(all, running)
	}
	for _, old := range s.kept {
		all = append(all, old.Revision)
	}
	return all, nil
}

// keptAs is a revision that could be brought back, or the failed one that could be tried again, with the drains that it
// was asked with. It answers questions; nothing is changed.
func (s *service) keptAs(revision int) (Kept, error) {
	if failed := s.status.Failed; failed != nil && failed.Revision == revision {
		images := s.tried.Resolved
		if len(images) == 0 {
			images = s.tried.Images
		}
		return Kept{
			Service: drained(s.newest, s.tried.Drains), Resolved: images,
			Revision: Revision{Revision: revision, What: s.tried.Audit.What},
		}, nil
	}
	return s.rollbackTo(revision)
}

// rollbackTo finds the revision that a rollback brings back. The running one may be asked for while something else is
// being tried, or has failed.
func (s *service) rollbackTo(revision int) (Kept, error) {
	switch {
	case s.good == nil:
		return Kept{}, invalid("no revision of %s has run yet", s.status.Service)
	case revision == 0 && len(s.kept) > 0:
		return s.kept[0], nil
	case revision == 0:
		return Kept{}, invalid("revision %d of %s is the only one that is kept", s.good.Revision, s.status.Service)
	case revision == s.good.Revision && (s.running != nil || s.pending != nil || s.status.Failed != nil):
		return s.good.kept(), nil
	case revision == s.good.Revision:
		return Kept{}, invalid("revision %d of %s is the one that runs", revision, s.status.Service)
	}
	var there []string
	for _, old := range s.kept {
		if old.Revision.Revision == revision {
			return old, nil
		}
		there = append(there, fmt.Sprint(old.Revision.Revision))
	}
	if len(there) == 0 {
		return Kept{}, invalid("revision %d of %s is not kept; only revision %d is, which runs", revision, s.status.Service, s.good.Revision)
	}
	return Kept{}, invalid("revision %d of %s is not kept; there are: %s", revision, s.status.Service, strings.Join(there, ", "))
}
