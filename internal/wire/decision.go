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
	// ToCriticalMillis is how long until the room would be critical if all cooling stopped now; nil: not known. Sure says
	// that it was learned from this room; otherwise it is what a room of its kind does.
	ToCriticalMillis *int64 `json:"to_critical_ms,omitempty"`
	Sure             bool   `json:"sure,omitempty"`
	// Energy is the account of the day; nil without meters.
	Energy *Energy `json:"energy,omitempty"`
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

// Energy is what a room's air conditioners drew since local midnight, or since counting began if that was later, and what they would have drawn in the same time had
// all of them been left at one fixed setpoint, the policy's setpoint_start. What the fans of the servers would have drawn
// more or less at that setpoint is part of FixedWh. Time in which the effect of a setpoint was not known counts as if
// nothing were saved.
type Energy struct {
	SinceMillis   int64   `json:"since_ms"`
	UsedWh        float64 `json:"used_wh"`
	FixedSetpoint int     `json:"fixed_setpoint"` // °C
	// FixedWh is nil until some time could be compared.
	FixedWh *float64 `json:"fixed_wh,omitempty"`
	// DeviationWh is one standard deviation of FixedWh.
	DeviationWh float64 `json:"deviation_wh,omitempty"`
	// MeteredMillis is for how long of the day all air conditioners were metered, ComparedMillis for how long of that the
	// effect of a setpoint was known.
	MeteredMillis  int64 `json:"metered_ms"`
	ComparedMillis int64 `json:"compared_ms,omitempty"`
	Simulated      bool  `json:"simulated,omitempty"` // some meter is simulated
}

// The most that a day of any room can draw, and a day, with a change of the clocks.
const mostWh, mostDayMillis = mostWatts * 26, 26 * 3600 * 1000

func (e Energy) validate() error {
	faults := []error{
		checkTime("energy since_ms", e.SinceMillis), checkRange("energy used_wh", &e.UsedWh, 0, mostWh),
		checkRange("energy fixed_wh", e.FixedWh, -mostWh, mostWh), checkRange("energy deviation_wh", &e.DeviationWh, 0, mostWh),
		checkSetpoint("energy fixed_setpoint", e.FixedSetpoint),
	}
	if e.MeteredMillis < 0 || e.MeteredMillis > mostDayMillis || e.ComparedMillis < 0 || e.ComparedMillis > e.MeteredMillis {
		faults = append(faults, refused("an energy account of %d ms, %d ms of them compared", e.MeteredMillis, e.ComparedMillis))
	}
	return errors.Join(faults...)
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
	if d.Energy != nil {
		faults = append(faults, d.Energy.validate())
	}
	if d.ToCriticalMillis != nil && *d.ToCriticalMillis < 0 {
		faults = append(faults, refused("to_critical_ms is %d", *d.ToCriticalMillis))
	}
	for _, ac := range d.ACs {
		faults = append(faults, checkName("ac", ac.AC), checkText("reason", ac.Reason))
		if ac.Setpoint != 0 {
			faults = append(faults, checkSetpoint("setpoint", ac.Setpoint))
		}
	}
	return errors.Join(faults...)
}
