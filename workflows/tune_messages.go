package workflows

import (
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// TuneInput starts the tuning of one room.
type TuneInput struct {
	Service string     `json:"service"`
	Room    spec.Room  `json:"room"`
	Carry   *TuneState `json:"carry,omitempty"` // handed from run to run
	// MaxEvents, when above zero, makes a run hand over once its history is this long, beside the server's own
	// suggestion. For tests.
	MaxEvents int `json:"max_events,omitempty"`
}

// Override is a person's setpoint. Payload of the signal and of the update.
type Override struct {
	AC       string        `json:"ac"`
	Setpoint int           `json:"setpoint"` // °C
	For      spec.Duration `json:"for"`
	Who      string        `json:"who"`
	Why      string        `json:"why"`
	// Priority is low, normal or high; empty is normal. The highest one that nothing beats holds, the newest within one;
	// the others wait and return by themselves.
	Priority string `json:"priority,omitempty"`
	// ID makes a repeated message harmless; empty means one is made.
	ID string `json:"id,omitempty"`
}

// OverrideAccepted answers the update.
type OverrideAccepted struct {
	ID    string    `json:"id"`
	Until time.Time `json:"until"`
	// Desired is the setpoint that now holds; it differs when Suspended says why.
	Desired   int    `json:"desired"`
	Suspended string `json:"suspended,omitempty"`
}

// ResumeRequest ends overrides before their time: by ID, by air conditioner, or all of the room.
type ResumeRequest struct {
	ID  string `json:"id,omitempty"`
	AC  string `json:"ac,omitempty"`
	Who string `json:"who,omitempty"`
	Why string `json:"why,omitempty"`
}

// ResumeAccepted answers the update: what has ended.
type ResumeAccepted struct {
	Ended []EndedOverride `json:"ended"`
}

// EndedOverride is an override that a person has ended, with what holds then.
type EndedOverride struct {
	ID       string `json:"id"`
	AC       string `json:"ac"`
	Setpoint int    `json:"setpoint"` // °C, the override's
	Desired  int    `json:"desired"`  // °C, what holds now
}

// Recommendation is the control loop's word: what the rules want, sent when it changes.
type Recommendation struct {
	AC       string  `json:"ac"`
	Setpoint int     `json:"setpoint"`
	Inlet    float64 `json:"inlet,omitempty"` // °C, what it was decided from
	Reason   string  `json:"reason"`
	// Emergency beats overrides until a recommendation without it comes.
	Emergency bool `json:"emergency,omitempty"`
	// Revision is set when the control loop has published the command itself.
	Revision  int64  `json:"revision,omitempty"`
	CommandID string `json:"command_id,omitempty"`
}

// TuneState is the intention of one room.
type TuneState struct {
	Service  string            `json:"service"`
	Room     string            `json:"room"`
	Mode     string            `json:"mode"` // auto, override or emergency: of the room as a whole
	Policy   spec.Policy       `json:"policy"`
	Revision int64             `json:"revision"` // of the intent
	ACs      []ACState         `json:"acs"`
	Alerts   []wire.Alert      `json:"alerts,omitempty"`   // those that last
	Answers  []ActiveAnswer    `json:"answers,omitempty"`  // to alerts, newest last, at most 100
	Rejected []RejectedMessage `json:"rejected,omitempty"` // newest last, at most 20
	Audit    []AuditEntry      `json:"audit,omitempty"`    // newest last, at most 100
	Taken    Taken             `json:"taken,omitzero"`     // since the room's tuning began

	// Told is the revision of the intent that the broker has, IntentAt when it took it.
	Told     int64     `json:"told,omitempty"`
	IntentAt time.Time `json:"intent_at,omitzero"`
	// Outbox are alerts of the workflow's own that the broker has not taken yet.
	Outbox []wire.Alert `json:"outbox,omitempty"`
	// Unsaid are answers that the broker has not taken yet, the newest to each alert.
	Unsaid []wire.Answer `json:"unsaid,omitempty"`
	// Answered are the last updates, newest last, at most 20: one that is sent again gets the same answer.
	Answered []AnsweredUpdate `json:"answered,omitempty"`
	// Made counts the overrides that came without an ID.
	Made int `json:"made,omitempty"`
	// Seen are the IDs of past and present overrides, newest last, at most 200: a repeated one is harmless.
	Seen []string `json:"seen,omitempty"`
}

// ACState is one air conditioner with its three setpoints.
type ACState struct {
	Name string `json:"name"`
	Min  int    `json:"min"`
	Max  int    `json:"max"`
	// Auto is what the rules want, with the reason in words.
	Auto       int       `json:"auto"`
	AutoReason string    `json:"auto_reason"`
	AutoSince  time.Time `json:"auto_since"`
	// Raised and Lowered are when the rules last moved Auto.
	Raised    time.Time `json:"raised,omitzero"`
	Lowered   time.Time `json:"lowered,omitzero"`
	Emergency bool      `json:"emergency,omitempty"`
	// Desired is what holds now; Reason says why in one sentence.
	Desired      int       `json:"desired"`
	Reason       string    `json:"reason"`
	DesiredSince time.Time `json:"desired_since"`
	// Origin says whose word Desired is, as wire.Command has it. Ruled says that no override held when it was last
	// worked out, and Settled is what Auto was then.
	Origin  string `json:"origin,omitempty"`
	Ruled   bool   `json:"ruled,omitempty"`
	Settled int    `json:"settled,omitempty"`
	// Sent and Confirmed are what the edge says; nil until it has.
	Sent        *int             `json:"sent"`
	SentAt      time.Time        `json:"sent_at,omitzero"`
	Confirmed   *int             `json:"confirmed"`
	ConfirmedAt time.Time        `json:"confirmed_at,omitzero"`
	Evidence    string           `json:"evidence,omitempty"`
	CommandID   string           `json:"command_id,omitempty"`
	Revision    int64            `json:"command_revision"`
	Attempts    int              `json:"attempts,omitempty"`  // commands sent for the current desired
	Told        int64            `json:"told,omitempty"`      // the newest revision that the broker has
	Due         time.Time        `json:"due,omitzero"`        // when it is told again unless it is confirmed
	Overrides   []ActiveOverride `json:"overrides,omitempty"` // the highest priority first, the newest within one; the first one not suspended holds
}

// ActiveOverride is an override that has not ended.
type ActiveOverride struct {
	Override
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Suspended string    `json:"suspended,omitempty"` // the reason, while something beats it
}

// RejectedMessage is a message that changed nothing, with the reason.
type RejectedMessage struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	Who    string    `json:"who,omitempty"`
	What   string    `json:"what"`
	Reason string    `json:"reason"`
}

// Taken counts the messages that were taken, refused ones apart. An update that its validator refuses leaves no trace.
type Taken struct {
	Overrides       int64 `json:"overrides,omitempty"`
	Resumes         int64 `json:"resumes,omitempty"`
	Policies        int64 `json:"policies,omitempty"`
	Rooms           int64 `json:"rooms,omitempty"`
	Answers         int64 `json:"answers,omitempty"`
	Recommendations int64 `json:"recommendations,omitempty"`
	Acks            int64 `json:"acks,omitempty"`
	Alerts          int64 `json:"alerts,omitempty"`
	Refused         int64 `json:"refused,omitempty"` // signals of any of these names
	// Runs are those that have handed over to the next one.
	Runs int64 `json:"runs,omitempty"`
}
