package workflows

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Want adds the functions of a specification.
func (g *Graph) Want(service spec.Service) {
	g.Wanted = []FunctionWanted{}
	for _, function := range service.Functions {
		one := FunctionWanted{
			Function: function.Name, Image: function.Image, External: function.External, Replicas: function.Replicas, Tune: function.Tune,
		}
		for _, edge := range function.Consumes {
			one.Consumes = append(one.Consumes, edge.Function)
		}
		g.Wanted = append(g.Wanted, one)
	}
}

// changed is the revision of the newest change, whose children are listed.
func (s Status) changed() int {
	for _, child := range s.Children {
		if at := strings.LastIndex(child, "/"); at >= 0 {
			if revision, err := strconv.Atoi(child[at+1:]); err == nil {
				return revision
			}
		}
	}
	return s.Revision
}

// goesOn says that a step has begun and is not done: it runs, or waits for a person.
func goesOn(step Step) bool {
	return !step.Started.IsZero() && (step.Ended.IsZero() || step.State == StepApproval)
}

// ends is when a step ended; now while it goes on, zero before it began.
func ends(step Step, now time.Time) time.Time {
	switch {
	case step.Started.IsZero():
		return time.Time{}
	case goesOn(step):
		return now
	}
	return step.Ended
}

// time fills in how long the whole took and which steps it took that long for: from the one that ended last back over
// the one that each waited for. Where no edge leads back, between two phases, that is the one that ended last before it
// began.
func (g *Graph) time(now time.Time) {
	var first, last time.Time
	at := -1
	for i, step := range g.Steps {
		end := ends(step.Step, now)
		if end.IsZero() {
			continue
		}
		if first.IsZero() || step.Started.Before(first) {
			first = step.Started
		}
		// Of those that ended last, one that failed is why it ended.
		if at < 0 || end.After(last) || end.Equal(last) && (step.State == StepFailed || g.Steps[at].State != StepFailed) {
			at, last = i, end
		}
	}
	if at < 0 {
		return
	}
	g.Millis = max(0, last.Sub(first)).Milliseconds()
	for seen := map[int]bool{}; at >= 0 && !seen[at]; at = g.waitedFor(at, now) {
		seen[at] = true
		g.Critical = append(g.Critical, g.Steps[at].ID)
	}
	slices.Reverse(g.Critical)
}

// waitedFor is the index of the step that let one begin; negative for one that waited for none.
func (g *Graph) waitedFor(at int, now time.Time) int {
	step, best := g.Steps[at], -1
	consider := func(i int, late time.Time) {
		end := ends(g.Steps[i].Step, now)
		if i != at && !end.IsZero() && !end.After(late) && (best < 0 || end.After(ends(g.Steps[best].Step, now))) {
			best = i
		}
	}
	late := step.Started.Add(edgeSlack)
	for i := range g.Steps {
		if slices.Contains(step.After, g.Steps[i].ID) {
			consider(i, late)
		}
	}
	// An edge that ended long before it began was not what it waited for: the phase, or an approval, was.
	if best >= 0 && step.Started.Sub(ends(g.Steps[best].Step, now)) <= edgeSlack {
		return best
	}
	for i := range g.Steps {
		consider(i, step.Started)
	}
	return best
}

// edgeSlack is how far the end of a step and the begin of the next may be from each other: one workflow task, whose
// time both carry.
const edgeSlack = 50 * time.Millisecond
