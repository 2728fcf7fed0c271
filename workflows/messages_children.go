package workflows

import (
	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// MatchInput asks for a plan.
type MatchInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	// Heal gives a box that does not answer more time before its functions go elsewhere.
	Heal bool `json:"heal,omitempty"`
	// Images are resolved already and are not asked for again.
	Images []plan.Image `json:"images,omitempty"`
}

// MatchResult is the plan with what it was made from.
type MatchResult struct {
	Plan   plan.Plan    `json:"plan"`
	Boxes  []BoxStatus  `json:"boxes"`
	Images []plan.Image `json:"images"`
	Steps  []Step       `json:"steps"`
}

// DeployInput asks for images on boxes.
type DeployInput struct {
	Service  spec.Service `json:"service"`
	Revision int          `json:"revision"`
	PlanHash string       `json:"plan_hash,omitempty"`
	// Heal and Images are handed to MatchInput; healing stops after matching when nothing changes.
	Heal   bool         `json:"heal,omitempty"`
	Images []plan.Image `json:"images,omitempty"`
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
	// BeforeSecrets are the references that those use.
	BeforeSecrets []spec.Secret `json:"before_secrets,omitempty"`
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
