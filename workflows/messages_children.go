package workflows

import (
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// MatchInput asks for a plan.
type MatchInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	// Heal says that it is a repair: it gives no box an engine.
	Heal bool `json:"heal,omitempty"`
	// Images are resolved already and are not asked for again.
	Images []plan.Image `json:"images,omitempty"`
	// Before are the placements of the revision that was stitched last.
	Before []plan.Placement `json:"before,omitempty"`
	// Absent says since when boxes have not answered, as far as anybody knows.
	Absent []Absence `json:"absent,omitempty"`
	// Rebalance lets running functions move for a better score alone.
	Rebalance bool `json:"rebalance,omitempty"`
	// Explain names a function whose every box is explained although the plan is too large to explain all.
	Explain string `json:"explain,omitempty"`
	// Question says that a person waits for the plan and nothing is carried out: a registry that does not answer is
	// told at once instead of waited for.
	Question bool `json:"question,omitempty"`
}

// Absence is a box that did not answer when it was looked at.
type Absence struct {
	Box   string    `json:"box"`
	Since time.Time `json:"since"`
}

// MatchResult is the plan with what it was made from.
type MatchResult struct {
	Plan   plan.Plan    `json:"plan"`
	Boxes  []BoxStatus  `json:"boxes"`
	Images []plan.Image `json:"images"`
	// Absent are the boxes that do not answer, to be handed to the next match.
	Absent []Absence `json:"absent,omitempty"`
	Steps  []Step    `json:"steps"`
}

// DeployInput asks for images on boxes.
type DeployInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	PlanHash string       `json:"plan_hash,omitempty"`
	// Heal and Images are handed to MatchInput; healing stops after matching when nothing changes.
	Heal   bool         `json:"heal,omitempty"`
	Images []plan.Image `json:"images,omitempty"`
	// Before, Absent and Rebalance are handed to MatchInput.
	Before    []plan.Placement `json:"before,omitempty"`
	Absent    []Absence        `json:"absent,omitempty"`
	Rebalance bool             `json:"rebalance,omitempty"`
	// Approved are approvals that came before their step.
	Approved []ApproveRequest `json:"approved,omitempty"`
}

// PlaceInput asks for the images of a plan on its boxes.
type PlaceInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	Pulls    []plan.Pull  `json:"pulls"`
}

// PlaceResult says how the images came.
type PlaceResult struct {
	Steps []Step `json:"steps"`
}

// StitchInput asks for a plan's containers.
type StitchInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	Plan     plan.Plan    `json:"plan"`
	// Before are the placements of the revision that ran before: a failure brings back those it replaced.
	Before []plan.Placement `json:"before,omitempty"`
	// BeforeSecrets are the references that those use, BeforeRevision the revision that they are of.
	BeforeSecrets  []spec.Secret `json:"before_secrets,omitempty"`
	BeforeRevision int           `json:"before_revision,omitempty"`
	// Heal says that this brings back what was stitched before: secrets of what runs are not compared with what
	// their references give now.
	Heal bool `json:"heal,omitempty"`
	// Known are boxes of specifications before, for a service in a swarm: one of them may manage it still.
	Known []spec.Box `json:"known,omitempty"`
	// Approved are approvals that came before their step.
	Approved []ApproveRequest `json:"approved,omitempty"`
}

// StitchResult is the service as it was proven.
type StitchResult struct {
	Functions []FunctionStatus `json:"functions"`
	Steps     []Step           `json:"steps"`
}

// Pending is what a running activity says by its heartbeat.
type Pending struct {
	ActivityID string                  `json:"activity_id"`
	Attempt    int                     `json:"attempt"`
	Fault      string                  `json:"fault,omitempty"` // of the attempt before
	Pull       activities.PullProgress `json:"pull,omitzero"`
}
