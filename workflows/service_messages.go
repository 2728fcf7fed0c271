package workflows

import (
	"time"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// signalNotice is how a child tells ServiceWorkflow where it stands. It is not for people.
const signalNotice = "notice"

// Notice is what a child of ServiceWorkflow tells it while it runs.
type Notice struct {
	// From is the child's workflow ID: a repair may run beside a change.
	From string `json:"from"`
	// Matched is set once a plan has been made, before anything is done.
	Matched *MatchResult `json:"matched,omitempty"`
	// Waiting and Resumed name a step that begins or ends to wait for an approval.
	Waiting string `json:"waiting,omitempty"`
	Resumed string `json:"resumed,omitempty"`
	// Collected is set when images that nobody wants any more have gone, or could not go.
	Collected *CollectResult `json:"collected,omitempty"`
}

// Deployed is a revision that was stitched and proven.
type Deployed struct {
	Revision int       `json:"revision"`
	At       time.Time `json:"at"` // when it was proven
	Who      string    `json:"who,omitempty"`
	What     string    `json:"what"`
	// Service is the specification as it was asked for; the drains come on top of it.
	Service spec.Service `json:"service"`
	Drains  []Drain      `json:"drains,omitempty"`
	Plan    plan.Plan    `json:"plan"`
	// Images are the references as they were resolved for this revision: healing uses the same digests.
	Images []plan.Image `json:"images,omitempty"`
}

// DeployResult is a plan whose images are on its boxes.
type DeployResult struct {
	Match   MatchResult `json:"match"`
	Steps   []Step      `json:"steps"`   // of matching, approval and placement
	Changed bool        `json:"changed"` // false: nothing to place or to start
}
