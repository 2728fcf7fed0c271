package workflows

import (
	"strconv"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// TaskQueue is the queue of all workflows and activities.
const TaskQueue = "overcloud"

// The workflow type names, as `temporal workflow start --type` spells them, are the function names:
// ServiceWorkflow, DeployWorkflow, MatchWorkflow, PlaceWorkflow, StitchWorkflow, TuneWorkflow,
// ReconcileWorkflow.

// ServiceID is the ID of a service's workflow. No workflow ID holds a secret: IDs bypass any payload codec.
func ServiceID(service string) string { return "service/" + service }

// TuneID is the ID of a room's tuning.
func TuneID(service, room string) string { return "tune/" + service + "/" + room }

// DeployID is the ID of the child that matches and places a revision.
func DeployID(service string, revision int) string { return childID("deploy", service, revision) }

// MatchID is the ID of a revision's matching.
func MatchID(service string, revision int) string { return childID("match", service, revision) }

// PlaceID is the ID of a revision's placement.
func PlaceID(service string, revision int) string { return childID("place", service, revision) }

// StitchID is the ID of a revision's stitching.
func StitchID(service string, revision int) string { return childID("stitch", service, revision) }

func childID(kind, service string, revision int) string {
	return kind + "/" + service + "/" + strconv.Itoa(revision)
}

// ReconcileID is the ID of a service's reconciling schedule and the prefix of its workflows.
func ReconcileID(service string) string { return "reconcile/" + service }

// The messages of ServiceWorkflow.
const (
	UpdateApply     = "apply"     // ApplyRequest -> ApplyAccepted
	UpdateScale     = "scale"     // ScaleRequest -> ApplyAccepted
	SignalDown      = "down"      // DownRequest
	SignalApprove   = "approve"   // ApproveRequest
	SignalReconcile = "reconcile" // no payload
	UpdateRollback  = "rollback"  // RollbackRequest -> ApplyAccepted
	UpdateDrain     = "drain"     // DrainRequest -> ApplyAccepted
	UpdateRebalance = "rebalance" // RebalanceRequest -> ApplyAccepted
	UpdateRetry     = "retry"     // RetryRequest -> ApplyAccepted: the failed revision again, from where it stood
	SignalScale     = "scale"     // ScaleRequest, from the tuning of a function
	UpdateShed      = "shed"      // ShedRequest -> ShedAccepted: shed heat in a room
	SignalShed      = "shed"      // ShedRequest, from the control loop
	SignalRelease   = "release"   // ReleaseRequest, from a room's shedding
	QueryStatus     = "status"    // -> Status
	QueryPlan       = "plan"      // -> plan.Plan, the last one made
	QueryRevisions  = "revisions" // -> []Revision, newest first
	QueryRunning    = "running"   // -> Running: what a plan that nobody carries out starts from
	QueryKept       = "kept"      // revision (0: the one before the running one) -> Kept, the failed one too
)

// The messages of TuneWorkflow.
const (
	SignalOverride  = "override"  // Override
	UpdateOverride  = "override"  // Override -> OverrideAccepted
	SignalResume    = "resume"    // ResumeRequest
	UpdateResume    = "resume"    // ResumeRequest -> ResumeAccepted
	SignalPolicy    = "policy"    // PolicyRequest
	UpdatePolicy    = "policy"    // PolicyRequest -> PolicyAccepted
	SignalRecommend = "recommend" // Recommendation
	SignalAck       = "ack"       // wire.Ack
	SignalAlert     = "alert"     // wire.Alert
	SignalRoom      = "room"      // spec.Room: a new specification of the room
	QueryState      = "state"     // -> TuneState

	// Answers to alerts: each a signal with AnswerRequest, and an update -> AnswerAccepted.
	SignalAcknowledge = wire.AnswerAcknowledge
	UpdateAcknowledge = wire.AnswerAcknowledge
	SignalShelve      = wire.AnswerShelve
	UpdateShelve      = wire.AnswerShelve
	SignalUnshelve    = wire.AnswerUnshelve
	UpdateUnshelve    = wire.AnswerUnshelve
)

// ServiceInput is the output of `starter render`: the service itself.
type ServiceInput struct {
	spec.Service
	// PlanHash, when set, holds the service back unless its first plan has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
	// Carry is the state handed from run to run; a person starts without it.
	Carry *ServiceCarry `json:"carry,omitempty"`
}

// ServiceCarry is what outlives one run of ServiceWorkflow.
type ServiceCarry struct {
	Revision int    `json:"revision"` // the highest given out
	Status   Status `json:"status"`
	// Good is the revision that was stitched last; nil before the first.
	Good *Deployed `json:"good,omitempty"`
	// Kept are the revisions before it that a rollback can bring back, newest first.
	Kept []Kept `json:"kept,omitempty"`
	// Tried is the newest change, whose specification is the input's own, and Approved what was approved of it.
	Tried    Change           `json:"tried,omitzero"`
	Approved []ApproveRequest `json:"approved,omitempty"`
	// Absent are the boxes that do not answer, Looked is when the newest repair began to look.
	Absent []Absence `json:"absent,omitempty"`
	Looked time.Time `json:"looked,omitzero"`
	// Failures of repairs in a row, and when the next one begins by itself.
	Failures  int       `json:"failures,omitempty"`
	MendAgain time.Time `json:"mend_again,omitzero"`
	// Told are the rooms as their tunings know them.
	Told []spec.Room `json:"told,omitempty"`
	// Left are boxes of specifications before, which may still run something of the service.
	Left []spec.Box `json:"left,omitempty"`
	// Dropped are images of revisions that are no longer kept, to be collected.
	Dropped []RevisionImage `json:"dropped,omitempty"`
	// Scheduled says that a reconciling schedule may be there.
	Scheduled bool `json:"scheduled,omitempty"`
	// Archive is what the schedule of its history does; nil when there is none.
	Archive *activities.HistoryInput `json:"archive,omitempty"`
}

// ApplyRequest gives a running service a new specification.
type ApplyRequest struct {
	Service spec.Service `json:"service"`
	// PlanHash, when set, refuses the apply unless the plan still has this hash.
	PlanHash string `json:"plan_hash,omitempty"`
	Who      string `json:"who,omitempty"`
}

// ApplyAccepted says under which revision a change will be made.
type ApplyAccepted struct {
	Revision int `json:"revision"`
}

// ApproveRequest lets a waiting step go on.
type ApproveRequest struct {
	Step string `json:"step"` // place, stitch or start/<function>; empty means whatever waits
	Who  string `json:"who,omitempty"`
	Why  string `json:"why,omitempty"`
}

// The phases of a service.
const (
	PhaseMatching  = "matching"
	PhasePlacing   = "placing"
	PhaseStitching = "stitching"
	PhaseTuning    = "tuning" // it runs
	PhaseFailed    = "failed" // the last change failed; what ran before may still run
	PhaseStopping  = "stopping"
	PhaseDown      = "down"
)

// Status is what a service says of itself.
type Status struct {
	Service  string `json:"service"`
	Revision int    `json:"revision"`
	Phase    string `json:"phase"`
	// Fault is why Phase is failed, in one sentence.
	Fault string `json:"fault,omitempty"`
	// FaultType is its type (NO_BOX, DIGEST_MISMATCH, …).
	FaultType string    `json:"fault_type,omitempty"`
	Since     time.Time `json:"since"` // of the phase
	// Failed is the newest specification that was tried, if it failed: it stays when what ran before is held on to.
	Failed *FailedRevision `json:"failed,omitempty"`
	// Waiting names the step that waits for an approval.
	Waiting   string           `json:"waiting,omitempty"`
	PlanHash  string           `json:"plan_hash,omitempty"`
	Functions []FunctionStatus `json:"functions,omitempty"`
	// Looked is when Functions was found so: between two looks a function may stop, and nobody here knows it.
	Looked time.Time `json:"looked,omitzero"`
	Rooms  []string  `json:"rooms,omitempty"`
	// Tuned are the functions whose replicas follow their load; see ScaleID.
	Tuned []string `json:"tuned,omitempty"`
	// Children are the workflow IDs of the revision's deploy and stitch: query `progress` of each.
	Children []string `json:"children,omitempty"`
	// Repairs are the workflow IDs of a repair that runs beside the change.
	Repairs []string `json:"repairs,omitempty"`
	// Steps are those of the children that have ended; ask the children for the running ones.
	Steps []Step `json:"steps,omitempty"`
	// Boxes are the boxes as last observed.
	Boxes []BoxStatus `json:"boxes,omitempty"`
	// Held are the rooms whose heat is being shed: nothing is healed meanwhile.
	Held []Hold `json:"held,omitempty"`
	// Audit is who asked for what, newest last, at most 50.
	Audit []AuditEntry `json:"audit,omitempty"`
}

// FailedRevision is why a revision did not come to run.
type FailedRevision struct {
	Revision  int    `json:"revision"`
	Fault     string `json:"fault"`
	FaultType string `json:"fault_type,omitempty"`
}

// QueryProgress is answered by MatchWorkflow, PlaceWorkflow and StitchWorkflow with Progress.
const QueryProgress = "progress"

// Progress is the steps of one child workflow.
type Progress struct {
	Workflow string `json:"workflow"`
	Steps    []Step `json:"steps"`
}

// The states of a step.
const (
	StepWaiting  = "waiting"
	StepRunning  = "running"
	StepDone     = "done"
	StepFailed   = "failed"
	StepUndone   = "undone"
	StepApproval = "approval" // waits for a person
	StepStopped  = "stopped"  // cancelled because another step failed, or by a person
)

// Step is one visible step of a deploy: "match", "pull overcloud/edge on pi-1", "start kafka".
type Step struct {
	ID      string    `json:"id"`    // stable: pull/<box>/<image>, start/<function>/<replica>, probe/…
	Phase   string    `json:"phase"` // match, place, stitch
	Title   string    `json:"title"`
	State   string    `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// Detail says what came out, or why it failed.
	Detail string `json:"detail,omitempty"`
	// ActivityID finds the pending activity (attempt, heartbeat) while the step runs.
	ActivityID string `json:"activity_id,omitempty"`
	// Box and Function are what it is about; either may be empty.
	Box      string `json:"box,omitempty"`
	Function string `json:"function,omitempty"`
	// After are the IDs of the steps that had to be done first: the edges of the graph.
	After []string `json:"after,omitempty"`
	// Attempts counts the tries of its activity; zero when nobody has counted. The workflow does not know it:
	// whoever asks reads it from the history.
	Attempts int `json:"attempts,omitempty"`
	// Retries are the reasons of the failed tries, oldest first; as Attempts.
	Retries []string `json:"retries,omitempty"`
}

// FunctionStatus is one replica of a function.
type FunctionStatus struct {
	Function  string `json:"function"`
	Replica   int    `json:"replica"`
	Box       string `json:"box"`
	Container string `json:"container"`
	Image     string `json:"image"`
	Digest    string `json:"digest"`
	State     string `json:"state"`
	// Addresses are the published ports, host:port.
	Addresses []string      `json:"addresses,omitempty"`
	Probes    []ProbeStatus `json:"probes,omitempty"`
}

// ProbeStatus is the result of one connection probe.
type ProbeStatus struct {
	Provider  string  `json:"provider"`
	Address   string  `json:"address"`
	Connected bool    `json:"connected"`
	Millis    float64 `json:"ms"`
	Fault     string  `json:"fault,omitempty"`
}

// BoxStatus is one box as last observed.
type BoxStatus struct {
	Name      string `json:"name"`
	Engine    string `json:"engine"`
	Reachable bool   `json:"reachable"`
	Fault     string `json:"fault,omitempty"`
	Platform  string `json:"platform,omitempty"`
	Process   bool   `json:"process,omitempty"`
	// Absent is since when it has not answered; zero when it answers.
	Absent time.Time `json:"absent,omitzero"`
	// Drained says that it was emptied on purpose.
	Drained bool `json:"drained,omitempty"`
}

// AuditEntry is one thing that somebody asked for.
type AuditEntry struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who,omitempty"`
	What string    `json:"what"`
	Why  string    `json:"why,omitempty"`
	// Until is when it ends by itself; zero: never.
	Until time.Time `json:"until,omitzero"`
	// Outcome is accepted or refused, with the reason.
	Outcome string `json:"outcome"`
	// Revision is the one that it made; zero for none. Query `revisions` tells its digests.
	Revision int `json:"revision,omitempty"`
}
