package workflows

import (
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Question is a change that a person thinks of, to be told what it would do. Which fields count is said by Kind.
type Question struct {
	Kind string `json:"kind"` // one of the Ask words
	// Service is the specification of AskApply.
	Service *spec.Service `json:"specification,omitempty"`
	// Revision is that of AskRollback; zero is the one before the running one.
	Revision int `json:"revision,omitempty"`
	// Function and Replicas are those of AskScale.
	Function string `json:"function,omitempty"`
	Replicas int    `json:"replicas,omitempty"`
	// Box is that of AskDrain and AskUse.
	Box string `json:"box,omitempty"`
	// Explain names a function whose every box is explained although the plan is too large to explain all.
	Explain string `json:"explain,omitempty"`
}

// The kinds of a Question.
const (
	AskApply     = "apply"
	AskScale     = "scale"
	AskRollback  = "rollback"
	AskDrain     = "drain"
	AskUse       = "use" // a drained box again
	AskRebalance = "rebalance"
	AskRetry     = "retry"
)

// Foreseen is what a change would do.
type Foreseen struct {
	MatchResult
	// Before are the placements that run now.
	Before []plan.Placement `json:"before,omitempty"`
	// Revision is the one that runs, or is being made, now.
	Revision int `json:"revision"`
}

// Match is what the change would be matched with, the same as when it is made: to is what a rollback would bring back or
// a retry try again, and nil for all else. Its error is one sentence for a person.
func (q Question) Match(running Running, to *Kept) (MatchInput, error) {
	in := MatchInput{
		Images: running.Images, Before: running.Before, Absent: running.Absent, Explain: q.Explain, Question: true,
	}
	next, drains := running.Service, running.Drains
	var err error
	switch q.Kind {
	case AskApply:
		if q.Service == nil {
			return in, invalid("there is no specification to apply")
		}
		if next, in.Images = *q.Service, nil; next.Name != running.Service.Name && running.Service.Name != "" {
			return in, invalid("this is the service %s; the specification is of %q", running.Service.Name, next.Name)
		}
		in.Service = Adopt(next, running)
		return in, taken(running, next)
	case AskScale:
		next, err = scaled(next, ScaleRequest{Function: q.Function, Replicas: q.Replicas})
	case AskRollback:
		if to == nil {
			return in, invalid("there is no revision to go back to")
		}
		in.Service, in.Images = Adopt(to.Service, running), to.Resolved
		return in, taken(running, to.Service)
	case AskRetry:
		if to == nil {
			return in, invalid("no revision of %s has failed", next.Name)
		}
		in.Service, in.Images = to.Service, to.Resolved // with its drains
		return in, nil
	case AskDrain, AskUse:
		if !slices.ContainsFunc(next.Boxes, func(box spec.Box) bool { return box.Name == q.Box }) {
			return in, invalid("%s has no box %q", next.Name, q.Box)
		}
		drains = setDrain(drains, next, DrainRequest{Box: q.Box, Active: q.Kind == AskUse})
	case AskRebalance:
		in.Rebalance = true
	default:
		return in, invalid("%q is no kind of change; there are apply, scale, rollback, drain, use, rebalance and retry", q.Kind)
	}
	if err != nil {
		return in, err
	}
	if err := Check(next); err != nil {
		return in, invalid("the specification of %s is not valid: %s", next.Name, err)
	}
	in.Service = drained(next, drains)
	return in, nil
}

// taken says whether a running service can take a specification.
func taken(running Running, next spec.Service) error {
	if err := Check(next); err != nil {
		return invalid("the specification of %s is not valid: %s", next.Name, err)
	}
	if why := running.Takes(next); why != "" {
		return invalid("%s", why)
	}
	return nil
}

// String is the change in the words of the audit.
func (q Question) String() string {
	switch q.Kind {
	case AskScale:
		return fmt.Sprintf("scale %s to %d", q.Function, q.Replicas)
	case AskRollback:
		return fmt.Sprintf("rollback to %d", q.Revision)
	case AskDrain:
		return "drain " + q.Box
	case AskUse:
		return "use " + q.Box + " again"
	}
	return q.Kind
}
