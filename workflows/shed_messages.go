package workflows

import (
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/spec"
)

// ShedID is the ID of a room's shedding of heat; it runs only while there is something to shed or to bring back.
func ShedID(service, room string) string { return "shed/" + service + "/" + room }

// RehearsalID is the ID of a rehearsal of it, which may run beside the real one.
func RehearsalID(service, room string) string { return ShedID(service, room) + "/rehearsal" }

// The messages of ShedWorkflow; the query is QueryState.
const (
	SignalThreat  = "threat"  // shed.Threat: how the room stands, from the control loop
	SignalStop    = "stop"    // ShedWord: no further step; what is off comes back once the room is cool
	SignalRestore = "restore" // ShedWord: everything back now
)

// ShedWord is a person's word on a shedding.
type ShedWord struct {
	Who string `json:"who"`
	Why string `json:"why,omitempty"`
}

// ShedRequest asks ServiceWorkflow to shed heat in a room. Payload of the signal and of the update `shed`.
type ShedRequest struct {
	Room   string      `json:"room"`
	Threat shed.Threat `json:"threat"`
	// Rehearse takes every step as a dry run, and ends; no threat is needed.
	Rehearse bool   `json:"rehearse,omitempty"`
	Who      string `json:"who,omitempty"`
	Why      string `json:"why,omitempty"`
}

// ShedAccepted answers the update.
type ShedAccepted struct {
	Workflow string `json:"workflow"` // the ID to ask
}

// ReleaseRequest says that a room's shedding has ended: the service is healed again.
type ReleaseRequest struct {
	Room string `json:"room"`
}

// Hold is a room whose heat is being shed: nothing is healed while there is one.
type Hold struct {
	Room  string    `json:"room"`
	Since time.Time `json:"since"`
}

// ShedInput starts a shedding.
type ShedInput struct {
	Service  string      `json:"service"`
	Room     string      `json:"room"`
	Plan     spec.Shed   `json:"plan"`
	Boxes    []spec.Box  `json:"boxes"` // all of the service
	Threat   shed.Threat `json:"threat"`
	Rehearse bool        `json:"rehearse,omitempty"`
	Who      string      `json:"who,omitempty"` // of a rehearsal
	Carry    *ShedState  `json:"carry,omitempty"`
}

// ShedState is where a shedding stands: the answer of the query, and its result.
type ShedState struct {
	Service string         `json:"service"`
	Room    string         `json:"room"`
	Since   time.Time      `json:"since"`
	DryRun  bool           `json:"dry_run,omitempty"` // nothing is switched off: it only says what it would do
	Threat  shed.Threat    `json:"threat"`            // the newest word of the control loop
	Steps   []ShedProgress `json:"steps"`
	// Now is what is being done or waited for, in a sentence.
	Now       string       `json:"now"`
	Moved     time.Time    `json:"moved,omitzero"` // the last step
	Cool      time.Time    `json:"cool,omitzero"`  // since when the room is cool without a gap
	Stopped   *ShedWord    `json:"stopped,omitempty"`
	Restoring *ShedWord    `json:"restoring,omitempty"`
	Audit     []AuditEntry `json:"audit,omitempty"` // newest last, at most 100
}

// ShedOver is what ShedState.Now says of a shedding that has ended.
const ShedOver = "over"

// ShedProgress is one step.
type ShedProgress struct {
	What   string             `json:"what"` // "function batch", "box rack-2"
	State  string             `json:"state"`
	At     time.Time          `json:"at,omitzero"`
	Words  string             `json:"words,omitempty"` // what was seen
	Given  []activities.Given `json:"given,omitempty"` // what to bring back
	BackAt time.Time          `json:"back_at,omitzero"`
}
