// Package state is what the Control Room knows: the newest word from every stream and workflow, with the age
// of each. It decides nothing and reaches nothing; package feed fills it, package server shows it.
package state

import (
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// Snapshot is the whole page as data: the body of GET /api/v1/state. Times are Unix milliseconds, ages are
// for the reader to compute against Now, so that a page can grey a value while nothing arrives.
type Snapshot struct {
	Now     int64              `json:"now"`
	Version uint64             `json:"version"` // rises with every change
	Service *workflows.Status  `json:"service"` // nil until the workflow was heard
	Sources map[string]*Source `json:"sources"` // kafka, temporal
	Boxes   []Box              `json:"boxes"`
	Rooms   []Room             `json:"rooms"`
	Alerts  []Alert            `json:"alerts"` // those that last, the worst first, then the newest
}

// Alert is one that lasts, with what a person answered to it.
type Alert struct {
	wire.Alert
	// Answer holds now: an acknowledgement of this very episode, or a shelving whose time has not come.
	Answer *wire.Answer `json:"answer,omitempty"`
}

// Source is where knowledge comes from. A page whose source is silent must say so.
type Source struct {
	HeardAt int64  `json:"heard_at"` // when it last answered; 0: never
	Fault   string `json:"fault,omitempty"`
}

// Box is one box with its newest resources.
type Box struct {
	workflows.BoxStatus
	Resource *wire.Resource `json:"resource"`
}

// Room is one cooled space.
type Room struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Mode       string      `json:"mode"` // auto, override, emergency; empty until the workflow was heard
	Policy     spec.Policy `json:"policy"`
	StaleAfter int64       `json:"stale_after_ms"`
	// Inlet is the median of the good and fresh sensors, °C; nil when there are none.
	Inlet *float64 `json:"inlet"`
	Means Means    `json:"means"`
	// Load is the electric power of what the room cools; nil without a meter.
	Load *wire.Power `json:"load"`
	// Decision is the control loop's newest; nil until one came.
	Decision *Decision `json:"decision"`
	Sensors  []Sensor  `json:"sensors"`
	ACs      []AC      `json:"acs"`
	// Picture names the content of the room's plan picture; empty when it has none.
	Picture string `json:"picture,omitempty"`
	// Rejected are the newest messages that the tuning refused, with the reason.
	Rejected []workflows.RejectedMessage `json:"rejected,omitempty"`
	Audit    []workflows.AuditEntry      `json:"audit,omitempty"`
	// TuneHeardAt is when the tuning workflow last answered; 0: never.
	TuneHeardAt int64 `json:"tune_heard_at"`
}

// Sensor is one probe with its newest reading; At is 0 while none has come.
type Sensor struct {
	ID        int      `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"` // inlet, supply, return or ambient
	Simulated bool     `json:"simulated"`
	X         float64  `json:"x"`
	Y         float64  `json:"y"`
	At        int64    `json:"at"`
	Celsius   *float64 `json:"celsius"`
	Humidity  *float64 `json:"humidity"`
	Bad       bool     `json:"bad,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Stale     bool     `json:"stale"`
}

// AC is one air conditioner with its three setpoints.
type AC struct {
	workflows.ACState
	Simulated bool    `json:"simulated"`
	X         float64 `json:"x"` // place on the floor map, 0 to 1, as a sensor's
	Y         float64 `json:"y"`
	// Power and LastAck are the edge's newest word; Power is nil without a meter.
	Power   *wire.Power `json:"power"`
	LastAck *wire.Ack   `json:"last_ack"`
}
