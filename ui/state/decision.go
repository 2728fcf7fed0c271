package state

import (
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/wire"
)

// decisionsMost is how many decisions of a room are kept.
const decisionsMost = 200

// Decision is what the control loop decided for a room, without what it remembers.
type Decision struct {
	TimeMillis int64  `json:"time_ms"`
	Holder     string `json:"holder"` // which process decides
	// Action is hold, raise, lower, fast-lower, fail-cold or emergency; Reason says why in one sentence.
	Action string            `json:"action"`
	Reason string            `json:"reason"`
	Inlet  *float64          `json:"inlet"` // °C; nil when no inlet was fresh
	Advice string            `json:"advice,omitempty"`
	ACs    []wire.DecisionAC `json:"acs,omitempty"`
	// ToCriticalMillis is how long until the room would be critical if all cooling stopped at TimeMillis; nil while not
	// known. Sure says that it was learned from this room; otherwise it is what a room of its kind does.
	ToCriticalMillis *int64 `json:"to_critical_ms,omitempty"`
	Sure             bool   `json:"sure,omitempty"`
	// Energy is nil without meters.
	Energy *wire.Energy `json:"energy,omitempty"`
}

// LoggedDecision is a decision with until when it was said again and again in the same words, the numbers aside.
// Reason and Advice are as last said.
type LoggedDecision struct {
	TimeMillis  int64             `json:"time_ms"`
	UntilMillis int64             `json:"until_ms"`
	Action      string            `json:"action"`
	Reason      string            `json:"reason"`
	Advice      string            `json:"advice,omitempty"`
	Inlet       *float64          `json:"inlet"` // °C, when it was last said
	ACs         []wire.DecisionAC `json:"acs,omitempty"`
}

// decided is what is known of a room's decisions, the oldest first.
type decided struct {
	newest *Decision
	log    []LoggedDecision
}

// Decision takes a control loop's decision; one that is not newer than what is known changes nothing.
func (s *Store) Decision(d wire.Decision) {
	s.change(func() bool {
		known := s.decisions[d.Room]
		if known.newest != nil && d.TimeMillis <= known.newest.TimeMillis {
			return false
		}
		shown := shownDecision(d)
		known.newest = &shown
		known.log = logged(known.log, shown)
		s.decisions[d.Room] = known
		return true
	})
}

func shownDecision(d wire.Decision) Decision {
	shown := Decision{
		TimeMillis: d.TimeMillis, Holder: d.Holder, Action: d.Action, Reason: d.Reason, Advice: d.Advice, ACs: d.ACs,
		ToCriticalMillis: d.ToCriticalMillis, Sure: d.Sure, Energy: d.Energy,
	}
	if d.Fresh > 0 {
		shown.Inlet = &d.Inlet
	}
	return shown
}

func logged(log []LoggedDecision, d Decision) []LoggedDecision {
	entry := LoggedDecision{d.TimeMillis, d.TimeMillis, d.Action, d.Reason, d.Advice, d.Inlet, d.ACs}
	if n := len(log); n > 0 && sameWords(log[n-1], entry) {
		entry.TimeMillis = log[n-1].TimeMillis
		log[n-1] = entry
		return log
	}
	if len(log) == decisionsMost {
		log = slices.Delete(log, 0, 1)
	}
	return append(log, entry)
}

func sameWords(a, b LoggedDecision) bool {
	setpoints := func(x, y wire.DecisionAC) bool { return x.AC == y.AC && x.Setpoint == y.Setpoint }
	return a.Action == b.Action && bare(a.Reason) == bare(b.Reason) && slices.EqualFunc(a.ACs, b.ACs, setpoints)
}

// bare is a sentence without its numbers, which move with every reading.
func bare(sentence string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c == '.' || c == '-' {
			return -1
		}
		return c
	}, sentence)
}

// Decisions are the newest decisions of a room, the newest first.
func (s *Store) Decisions(room string) []LoggedDecision {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := slices.Clone(s.decisions[room].log)
	slices.Reverse(log)
	return log
}

// Power takes a meter's word, unless a newer one of the same is known.
func (s *Store) Power(p wire.Power) {
	s.change(func() bool {
		key := p.Room + "/" + p.AC
		if old, known := s.powers[key]; known && p.TimeMillis <= old.TimeMillis {
			return false
		}
		s.powers[key] = p
		return true
	})
}

// power is the newest of a machine, or with no machine of a room's load; nil without a meter.
func (s *Store) power(room, ac string) *wire.Power {
	p, known := s.powers[room+"/"+ac]
	if !known {
		return nil
	}
	return &p
}
