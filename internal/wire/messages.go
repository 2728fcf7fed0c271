package wire

import "encoding/json"

// Command tells an edge the whole state of one air conditioner. Revision rises for each air conditioner;
// an edge ignores a revision that it has seen or passed. TTLMillis counts from the record's broker time.
type Command struct {
	ID        string `json:"id"`
	Revision  int64  `json:"revision"`
	Room      string `json:"room"`
	AC        string `json:"ac"`
	Power     bool   `json:"power"`
	Setpoint  int    `json:"setpoint"` // °C
	Mode      string `json:"mode"`     // "cool"
	Fan       string `json:"fan"`      // "auto", "low", "medium", "high"
	Reason    string `json:"reason"`
	Emergency bool   `json:"emergency,omitempty"`
	// Origin says whose word it is: OriginRules is held to the policy's rate of change by the edge again. Empty is
	// what OriginPerson is.
	Origin    string `json:"origin,omitempty"`
	TTLMillis int64  `json:"ttl_ms"`
}

// The origins of a command.
const (
	OriginRules  = "rules"  // the control loop's rules moved the setpoint by a step
	OriginPerson = "person" // an override began, ended or was changed; a start
)

// Lease tells an edge that somebody is deciding for its room.
type Lease struct {
	Room      string `json:"room"`
	Revision  int64  `json:"revision"` // Unix ms of the renewal: rises for ever
	TTLMillis int64  `json:"ttl_ms"`
	Holder    string `json:"holder"`
}

// The states of an air conditioner's command.
const (
	AckSent      = "sent"
	AckConfirmed = "confirmed"
	AckRejected  = "rejected"
)

// Ack is an edge's word on one command.
type Ack struct {
	ID       string `json:"id"` // of the command
	Revision int64  `json:"revision"`
	Room     string `json:"room"`
	AC       string `json:"ac"`
	State    string `json:"state"` // AckSent, AckConfirmed or AckRejected
	Power    bool   `json:"power"`
	Setpoint int    `json:"setpoint"`
	// Evidence says what was seen, or why it was rejected: "infrared echo 0x8808956".
	Evidence string `json:"evidence,omitempty"`
	// Source is "command", "refresh", "fail-safe", "hand remote" or "coap" (a person's order on the old path).
	Source string `json:"source"`
	// CannotTell, with AckSent, says that nothing near the machine can show whether it obeys as things are, which is
	// no fault: Evidence says why. Its edge goes on looking, and sends again by itself what turns out not to hold.
	CannotTell bool  `json:"cannot_tell,omitempty"`
	TimeMillis int64 `json:"time_ms"`
	Simulated  bool  `json:"simulated,omitempty"`
}

// Alert severities, rising.
const (
	SeverityWarning  = "warning"
	SeverityHigh     = "high"
	SeverityCritical = "critical"
)

// Alert begins or ends one condition of a room. ID is stable for the condition: "<room>/<kind>/<item>".
type Alert struct {
	ID          string `json:"id"`
	Room        string `json:"room"`
	Kind        string `json:"kind"` // limit, stale, unconfirmed, no-orders, spool, …
	Severity    string `json:"severity"`
	BeganMillis int64  `json:"began_ms"`
	EndedMillis int64  `json:"ended_ms,omitempty"` // zero while it lasts
	Evidence    string `json:"evidence"`
	Source      string `json:"source"` // edge, control, workflow
}

// Intent is what TuneWorkflow wants of a room, published at each change, so that the control loop and the
// Control Room know it without Temporal. The record with the highest revision of a room holds.
type Intent struct {
	Room       string          `json:"room"`
	Revision   int64           `json:"revision"`
	TimeMillis int64           `json:"time_ms"`
	Policy     json.RawMessage `json:"policy,omitempty"` // spec.Policy
	ACs        []IntentAC      `json:"acs"`
}

// IntentAC is one air conditioner's part of an Intent.
type IntentAC struct {
	AC string `json:"ac"`
	// Auto is the setpoint that the rules want; Desired is what holds, after overrides and limits.
	Auto            int    `json:"auto"`
	Desired         int    `json:"desired"`
	CommandRevision int64  `json:"command_revision"`
	ChangedMillis   int64  `json:"changed_ms"` // when Desired last changed
	Override        string `json:"override,omitempty"`
	OverrideUntil   int64  `json:"override_until_ms,omitempty"`
	Reason          string `json:"reason"`
	// Emergency says that Auto beats warmer overrides until the rules take it back.
	Emergency bool `json:"emergency,omitempty"`
	// RaisedMillis and LoweredMillis are when the rules last moved Auto; zero: never.
	RaisedMillis  int64 `json:"raised_ms,omitempty"`
	LoweredMillis int64 `json:"lowered_ms,omitempty"`
}

// Resource is what an edge saw of one box. Rates are per second; NaN and unknown are null.
type Resource struct {
	Box        string      `json:"box"`
	IP         string      `json:"ip"`
	TimeMillis int64       `json:"time_ms"`
	Source     string      `json:"source"`             // snmp or local
	UptimeS    *float64    `json:"uptime_s,omitempty"` // hrSystemUptime
	Load1      *float64    `json:"load1,omitempty"`    // laLoadInt.1 / 100
	CPUPercent *float64    `json:"cpu_percent,omitempty"`
	UserPct    *float64    `json:"cpu_user_percent,omitempty"`
	SystemPct  *float64    `json:"cpu_system_percent,omitempty"`
	IdlePct    *float64    `json:"cpu_idle_percent,omitempty"`
	MemTotal   *float64    `json:"mem_total_bytes,omitempty"`
	MemAvail   *float64    `json:"mem_available_bytes,omitempty"`
	Disks      []Disk      `json:"disks,omitempty"`
	Interfaces []Interface `json:"interfaces,omitempty"`
	// LeftOut says in sentences what is not here and why: "available memory: the box says …, which cannot be".
	LeftOut []string `json:"left_out,omitempty"`
	// ArrivalTime marks a 2017 record without a readable time: TimeMillis is when it reached the broker.
	ArrivalTime bool `json:"-"`
}

// Disk is one file system.
type Disk struct {
	Path    string  `json:"path"`
	Percent float64 `json:"used_percent"`
}

// Interface is one network interface; rates per second since the last poll, null at the first.
type Interface struct {
	Name        string   `json:"name"`
	InBytes     *float64 `json:"in_bytes_s,omitempty"`
	OutBytes    *float64 `json:"out_bytes_s,omitempty"`
	InErrors    *float64 `json:"in_errors_s,omitempty"`
	OutErrors   *float64 `json:"out_errors_s,omitempty"`
	InDiscards  *float64 `json:"in_discards_s,omitempty"`
	OutDiscards *float64 `json:"out_discards_s,omitempty"`
	// Totals are the raw counters of a 2017 record, which knew no rates; nil in ours.
	Totals *Totals `json:"totals,omitempty"`
}

// Totals are an interface's counters since its box started. The 2017 ones are 32 bits wide and wrap.
type Totals struct {
	InBytes     *float64 `json:"in_bytes,omitempty"`
	OutBytes    *float64 `json:"out_bytes,omitempty"`
	InErrors    *float64 `json:"in_errors,omitempty"`
	OutErrors   *float64 `json:"out_errors,omitempty"`
	InDiscards  *float64 `json:"in_discards,omitempty"`
	OutDiscards *float64 `json:"out_discards,omitempty"`
}
