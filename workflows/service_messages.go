package workflows

import (
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// signalNotice is how a child tells ServiceWorkflow where it stands. It is not for people.
const signalNotice = "notice"

// Notice is what a child of ServiceWorkflow tells it while it runs.
type Notice struct {
	// Matched is set once a plan has been made, before anything is done.
	Matched *MatchResult `json:"matched,omitempty"`
	// Waiting and Resumed name a step that begins or ends to wait for an approval.
	Waiting string `json:"waiting,omitempty"`
	Resumed string `json:"resumed,omitempty"`
}

// Deployed is a revision that was stitched and proven.
type Deployed struct {
	Revision int          `json:"revision"`
	Service  spec.Service `json:"service"`
	Plan     plan.Plan    `json:"plan"`
	// Images are the references as they were resolved for this revision: healing uses the same digests.
	Images []plan.Image `json:"images,omitempty"`
}

// DeployResult is a plan whose images are on its boxes.
type DeployResult struct {
	Match   MatchResult `json:"match"`
	Steps   []Step      `json:"steps"`   // of matching, approval and placement
	Changed bool        `json:"changed"` // false: nothing to place or to start
}
