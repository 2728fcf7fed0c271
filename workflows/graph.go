package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
)

// Graph is a service as two graphs: the steps of its newest change, and its functions with the connections between
// them. It is what people look at; nothing is decided by it.
type Graph struct {
	Service   string     `json:"service"`
	Revision  int        `json:"revision"`
	Phase     string     `json:"phase"`
	Since     time.Time  `json:"since"` // of the phase
	Fault     string     `json:"fault,omitempty"`
	FaultType string     `json:"fault_type,omitempty"`
	Waiting   string     `json:"waiting,omitempty"` // step that waits for an approval
	Steps     []StepNode `json:"steps"`             // in topological order
	// StepsOf is the revision that the steps are of: not the one that runs, once a newer one has failed.
	StepsOf int `json:"steps_revision"`
	// Edges lead from what had to be done to what came after it; both ends are in Steps.
	Edges     []StepEdge       `json:"edges"`
	Functions []FunctionStatus `json:"functions"`
	// Looked is when Functions and Links were found so.
	Looked time.Time `json:"looked,omitzero"`
	// Links lead from a consumer to its provider, as the specification wants and the probes found them.
	Links []Link           `json:"links"`
	Boxes []BoxStatus      `json:"boxes"`
	Tuned []FunctionTuning `json:"tuned"`
	// Failed is the newest specification that was tried, if it failed.
	Failed *FailedRevision `json:"failed,omitempty"`
	// Wanted are the functions as the specification has them, those that run elsewhere included; empty when nobody asked.
	Wanted []FunctionWanted `json:"wanted"`
	// Millis is from the begin of the first step to the end of the last one, or to now while one is under way.
	Millis int64 `json:"duration_ms"`
	// Critical are the IDs of the steps that the whole took so long for, first to last: each let the next one begin.
	Critical []string `json:"critical"`
	// Runs are the workflows behind it, for whoever wants to look at them in Temporal.
	Runs []WorkflowRun `json:"runs"`
}

// FunctionWanted is a function as the specification has it.
type FunctionWanted struct {
	Function string `json:"function"`
	Image    string `json:"image,omitempty"`
	// External is host:port of a function that runs elsewhere.
	External string     `json:"external,omitempty"`
	Replicas int        `json:"replicas"`
	Consumes []string   `json:"consumes,omitempty"`
	Tune     *spec.Tune `json:"tune,omitempty"`
}

// WorkflowRun names one run of one workflow.
type WorkflowRun struct {
	Workflow string `json:"workflow"`
	Run      string `json:"run"`
}

// StepNode is a step with the time that it took, or has taken so far; zero before it began.
type StepNode struct {
	Step
	Millis int64 `json:"duration_ms"`
	// Workflow is the ID of the workflow that ran it, and Event the number of the history event that scheduled its
	// activity; empty and zero when nobody has looked, or for a step without an activity.
	Workflow string `json:"workflow,omitempty"`
	Event    int64  `json:"event,omitempty"`
	// Pull is how far a pull has come that runs now.
	Pull *activities.PullProgress `json:"pull,omitempty"`
}

// StepEdge is one edge between steps, by their IDs.
type StepEdge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Link is one connection that a function needs.
type Link struct {
	Consumer string `json:"consumer"`
	Replica  int    `json:"replica"` // of the consumer
	Provider string `json:"provider"`
	Address  string `json:"address"` // as the consumer uses it
	// Proven is false until the connection has been tried; Connected says what came out.
	Proven    bool    `json:"proven"`
	Connected bool    `json:"connected"`
	Millis    float64 `json:"ms"`
	Fault     string  `json:"fault,omitempty"`
}

// FunctionTuning is a tuned function with its last measurement; nil before the first.
type FunctionTuning struct {
	ScaleState
	Load  *scale.Load `json:"load,omitempty"`
	Fault string      `json:"fault,omitempty"` // why it is missing something
}

// MakeGraph puts together what a service says. The plan may be nil: then only what was proven has links.
func MakeGraph(status Status, steps []Step, made *plan.Plan, now time.Time) Graph {
	g := Graph{
		Service: status.Service, Revision: status.Revision, Phase: status.Phase, Since: status.Since, Looked: status.Looked,
		Fault: status.Fault, FaultType: status.FaultType, Waiting: status.Waiting, Failed: status.Failed,
		Steps: []StepNode{}, Edges: []StepEdge{}, Links: []Link{}, Tuned: []FunctionTuning{},
		Wanted: []FunctionWanted{}, Critical: []string{}, Runs: []WorkflowRun{},
		Functions: append([]FunctionStatus{}, status.Functions...), Boxes: append([]BoxStatus{}, status.Boxes...),
	}
	steps = topological(steps)
	known := map[string]bool{}
	for _, step := range steps {
		known[step.ID] = true
		g.Steps = append(g.Steps, StepNode{Step: step, Millis: took(step, now).Milliseconds()})
	}
	for _, step := range steps {
		for _, before := range step.After {
			if known[before] { // else it was not needed, an approval that came early for example
				g.Edges = append(g.Edges, StepEdge{From: before, To: step.ID})
			}
		}
	}
	g.StepsOf = status.changed()
	g.time(now)
	for _, f := range status.Functions {
		for _, p := range f.Probes {
			g.Links = append(g.Links, Link{
				Consumer: f.Function, Replica: f.Replica, Provider: p.Provider, Address: p.Address,
				Proven: true, Connected: p.Connected, Millis: p.Millis, Fault: p.Fault,
			})
		}
	}
	if made != nil {
		for _, p := range made.Probes {
			wanted := Link{Consumer: p.Consumer, Replica: p.Replica, Provider: p.Provider, Address: p.Address}
			if !slices.ContainsFunc(g.Links, wanted.is) {
				g.Links = append(g.Links, wanted)
			}
		}
	}
	slices.SortStableFunc(g.Links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Consumer, b.Consumer), a.Replica-b.Replica, cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Address, b.Address))
	})
	return g
}

func (l Link) is(other Link) bool {
	return l.Consumer == other.Consumer && l.Replica == other.Replica && l.Provider == other.Provider && l.Address == other.Address
}

func took(step Step, now time.Time) time.Duration {
	switch {
	case step.Started.IsZero():
		return 0
	case goesOn(step):
		return max(0, now.Sub(step.Started))
	}
	return max(0, step.Ended.Sub(step.Started))
}

// topological sorts steps so that none comes before one that it is after, and leaves their order otherwise. Steps that are
// after each other, which no workflow of ours makes, stay where they are.
func topological(steps []Step) []Step {
	byID := map[string]int{}
	for i, step := range steps {
		byID[step.ID] = i
	}
	sorted, seen := make([]Step, 0, len(steps)), make([]bool, len(steps))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, before := range steps[i].After {
			if at, known := byID[before]; known {
				visit(at)
			}
		}
		sorted = append(sorted, steps[i])
	}
	for i := range steps {
		visit(i)
	}
	return sorted
}

// Gate is the step that let one begin: of those that it came after, the one that ended last, in the same phase if there
// is one; empty for a step that waited for none.
func (g Graph) Gate(id string) string {
	at := func(id string) int { return slices.IndexFunc(g.Steps, func(s StepNode) bool { return s.ID == id }) }
	self := at(id)
	if self < 0 {
		return ""
	}
	gate := -1
	for _, before := range g.Steps[self].After {
		other := at(before)
		if other < 0 || g.Steps[other].Phase != g.Steps[self].Phase {
			continue
		}
		if gate < 0 || g.Steps[other].Ended.After(g.Steps[gate].Ended) {
			gate = other
		}
	}
	if gate < 0 {
		return ""
	}
	return g.Steps[gate].ID
}
