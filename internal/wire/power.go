package wire

import (
	"encoding/json"
	"errors"
	"strings"
)

// Power is what an electricity meter showed: of one air conditioner, or of the boxes in a room (its load).
type Power struct {
	Room       string  `json:"room"`
	AC         string  `json:"ac,omitempty"` // empty: the room's load
	Watts      float64 `json:"watts"`
	TimeMillis int64   `json:"time_ms"`
	Simulated  bool    `json:"simulated,omitempty"`
}

// mostWatts is above what any room of this size draws.
const mostWatts = 10e6

// Validate refuses what no meter shows.
func (p Power) Validate() error {
	faults := []error{checkName("room", p.Room), checkTime("time_ms", p.TimeMillis), checkRange("watts", &p.Watts, 0, mostWatts)}
	if p.AC != "" {
		faults = append(faults, checkName("ac", p.AC))
	}
	return errors.Join(faults...)
}

// Learned is what the optimiser has learned of a room, published now and then so that a restart goes on with it. The
// newest one of a room holds.
type Learned struct {
	Room       string          `json:"room"`
	TimeMillis int64           `json:"time_ms"`
	Model      json.RawMessage `json:"model"` // as package optimise wrote it
}

// Validate refuses a record that teaches nothing.
func (l Learned) Validate() error {
	faults := []error{checkName("room", l.Room), checkTime("time_ms", l.TimeMillis)}
	if !strings.HasPrefix(strings.TrimSpace(string(l.Model)), "{") || !json.Valid(l.Model) {
		faults = append(faults, refused("model is no JSON object"))
	}
	return errors.Join(faults...)
}

// The kinds of answers.
const (
	AnswerAcknowledge = "acknowledge" // somebody deals with it: it is not said again until it has ended
	AnswerShelve      = "shelve"      // not to be told of until a time, whether it ends and begins again or not
	AnswerUnshelve    = "unshelve"    // to be told of again
)

// Answer is what a person said to an alert. TuneWorkflow keeps it and publishes it; the newest one to an alert holds.
type Answer struct {
	Room        string `json:"room"`
	Alert       string `json:"alert"` // its ID
	Kind        string `json:"kind"`
	Who         string `json:"who"`
	Why         string `json:"why,omitempty"`
	TimeMillis  int64  `json:"time_ms"`
	UntilMillis int64  `json:"until_ms,omitempty"` // of AnswerShelve
}

// Validate refuses an answer that nobody could act on.
func (a Answer) Validate() error {
	faults := []error{
		checkName("room", a.Room), checkName("alert", a.Alert), checkName("who", a.Who), checkText("why", a.Why),
		checkOneOf("kind", a.Kind, AnswerAcknowledge, AnswerShelve, AnswerUnshelve), checkTime("time_ms", a.TimeMillis),
	}
	if a.Kind == AnswerShelve {
		faults = append(faults, checkTime("until_ms", a.UntilMillis))
	}
	return errors.Join(faults...)
}
