package workflows

import (
	"time"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// RevisionsKept is how many stitched revisions a service keeps for rollback; Kamal, too, keeps five.
const RevisionsKept = 5

// RollbackRequest brings back a revision that was stitched, with the images as they were resolved for it.
type RollbackRequest struct {
	Revision int `json:"revision,omitempty"` // zero is the one before the running one
	// PlanHash, when set, refuses unless the plan still has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// DrainRequest empties a box, or takes it into use again.
type DrainRequest struct {
	Box    string `json:"box"`
	Active bool   `json:"active,omitempty"` // into use again
	// PlanHash, when set, refuses unless the plan still has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// RebalanceRequest lets functions move to better boxes.
type RebalanceRequest struct {
	// PlanHash, when set, refuses unless the plan still has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// RetryRequest tries the failed revision again.
type RetryRequest struct {
	// PlanHash, when set, refuses unless the plan has this hash; else the one that the failed change was asked with counts.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// Revision is one that was stitched and can be rolled back to.
type Revision struct {
	Revision int       `json:"revision"`
	At       time.Time `json:"at"` // when it was proven
	Who      string    `json:"who,omitempty"`
	What     string    `json:"what"` // apply, scale sink to 2, rollback to 3, …
	PlanHash string    `json:"plan_hash"`
	Running  bool      `json:"running,omitempty"`
	// Images are what ran, each once.
	Images []RevisionImage `json:"images"`
}

// RevisionImage is one image of a revision.
type RevisionImage struct {
	Image  string `json:"image"`
	Digest string `json:"digest"` // of the index
	// Manifests are the digests of its platforms.
	Manifests []string `json:"manifests,omitempty"`
}

// Running is what a service wants and has: a preview matches as its next change would.
type Running struct {
	Revision int          `json:"revision"`
	Service  spec.Service `json:"service"` // as it was asked for
	Drains   []Drain      `json:"drains,omitempty"`
	Images   []plan.Image `json:"images,omitempty"`
	Absent   []Absence    `json:"absent,omitempty"`
	// Bringing are the images of the change that runs, as far as they are resolved, or of the one that has failed, which
	// a retry takes.
	Bringing []plan.Image `json:"bringing,omitempty"`
	// Before are the placements that run, Changing those of a change that is being stitched.
	Before   []plan.Placement `json:"before,omitempty"`
	Changing []plan.Placement `json:"changing,omitempty"`
}

// ScaleRequest changes the number of replicas of one function.
type ScaleRequest struct {
	Function string `json:"function"`
	Replicas int    `json:"replicas"`
	// PlanHash, when set, refuses unless the plan still has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// DownRequest tears the service down.
type DownRequest struct {
	Volumes bool   `json:"volumes,omitempty"` // remove the data too
	Who     string `json:"who,omitempty"`
	Why     string `json:"why,omitempty"`
}

// DownReport is the result of a service that was taken down.
type DownReport struct {
	Removed []string `json:"removed"`
	Stayed  []string `json:"stayed,omitempty"` // with the reason
}
