package wire

import (
	"encoding/json"
	"errors"
	"strings"
)

// Decision is what the control loop decided for a room, with the sentence why, and what its rules remember, so that
// whoever takes the room over goes on from there. It is published when it changes and now and then; the newest one of
// a room holds.
type Decision struct {
	Room       string `json:"room"`
	TimeMillis int64  `json:"time_ms"`
	Holder     string `json:"holder"` // which process decides
	// Action is what the rules did: hold, raise, lower, fast-lower, fail-cold or emergency; Reason says why in one sentence
	// with numbers.
	Action string       `json:"action"`
	Reason string       `json:"reason"`
	Inlet  float64      `json:"inlet,omitempty"` // °C, median of the trusted inlets; meaningless when Fresh is zero
	Fresh  int          `json:"fresh"`
	ACs    []DecisionAC `json:"acs,omitempty"`
	// Advice is what the optimiser would do, and why; empty while it has no opinion.
	Advice string `json:"advice,omitempty"`
	// ListeningMillis is since when somebody has listened to the room without a break.
	ListeningMillis int64 `json:"listening_ms,omitempty"`
	// Memory is the memory of the rules, as package control wrote it.
	Memory json.RawMessage `json:"memory,omitempty"`
}

// DecisionAC is one air conditioner's part of a Decision.
type DecisionAC struct {
	AC       string `json:"ac"`
	Setpoint int    `json:"setpoint,omitempty"` // °C; zero: nothing is known of the machine
	Reason   string `json:"reason"`
}

// Validate refuses a decision that nobody could show or go on from.
func (d Decision) Validate() error {
	faults := []error{
		checkName("room", d.Room), checkTime("time_ms", d.TimeMillis), checkText("holder", d.Holder),
		checkName("action", d.Action), checkText("reason", d.Reason), checkText("advice", d.Advice),
	}
	if d.Fresh > 0 {
		faults = append(faults, checkRange("inlet", &d.Inlet, MinCelsius, MaxCelsius))
	}
	if len(d.Memory) > 0 && (!strings.HasPrefix(strings.TrimSpace(string(d.Memory)), "{") || !json.Valid(d.Memory)) {
		faults = append(faults, refused("memory is no JSON object"))
	}
	for _, ac := range d.ACs {
		faults = append(faults, checkName("ac", ac.AC), checkText("reason", ac.Reason))
		if ac.Setpoint != 0 {
			faults = append(faults, checkSetpoint("setpoint", ac.Setpoint))
		}
	}
	return errors.Join(faults...)
}
