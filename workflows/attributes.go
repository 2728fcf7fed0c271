package workflows

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The search attributes of every workflow of ours, as queries of the stock command line spell them:
//
//	temporal workflow list --query 'OverCloudBox="rack-1" AND OverCloudPhase="failed"'
//
// They are kept in plain text whatever codec payloads have, so none holds more than names and types of faults.
const (
	AttributeService  = "OverCloudService"  // Keyword: the service's name
	AttributeBox      = "OverCloudBox"      // KeywordList: the boxes it concerns; of a child that failed, those where it did
	AttributePhase    = "OverCloudPhase"    // Keyword: matching, placing, stitching, tuning, failed, …
	AttributeOutcome  = "OverCloudOutcome"  // Keyword: done, or the type of the fault (NO_BOX, PORT_TAKEN, CANCELLED, …)
	AttributeRevision = "OverCloudRevision" // Int
)

// OutcomeDone is the outcome of what went well.
const OutcomeDone = "done"

// phaseExamining is the phase of a workflow that only looks at boxes.
const phaseExamining = "examining"

// Attribute is one search attribute as a namespace has to know it.
type Attribute struct {
	Name string
	Type enumspb.IndexedValueType
}

// Attributes are those that a namespace must have before a worker of ours starts: a workflow that writes one that
// is missing cannot go on.
func Attributes() []Attribute {
	return []Attribute{
		{AttributeService, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
		{AttributeBox, enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST},
		{AttributePhase, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
		{AttributeOutcome, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
		{AttributeRevision, enumspb.INDEXED_VALUE_TYPE_INT},
	}
}

// attributes is what a workflow says of itself in the index. An empty field is left as it is, except for an outcome
// that no longer holds.
type attributes struct {
	Service  string
	Boxes    []string
	Phase    string
	Outcome  string
	Revision int
}

// boxesMost bounds the names of boxes in the index, bytes: Temporal refuses a value above 2 KiB
// (limit.searchAttributesSizeOfValue), and with it the whole task.
const boxesMost = 1500

// updates are what is to be written over before.
func (a attributes) updates(before attributes) []temporal.SearchAttributeUpdate {
	var all []temporal.SearchAttributeUpdate
	if a.Outcome == "" && before.Outcome != "" {
		all = append(all, temporal.NewSearchAttributeKeyKeyword(AttributeOutcome).ValueUnset())
	}
	keyword := func(name, value string) {
		if value != "" {
			all = append(all, temporal.NewSearchAttributeKeyKeyword(name).ValueSet(value))
		}
	}
	keyword(AttributeService, a.Service)
	keyword(AttributePhase, a.Phase)
	keyword(AttributeOutcome, a.Outcome)
	if a.Revision > 0 {
		all = append(all, temporal.NewSearchAttributeKeyInt64(AttributeRevision).ValueSet(int64(a.Revision)))
	}
	if len(a.Boxes) > 0 {
		all = append(all, temporal.NewSearchAttributeKeyKeywordList(AttributeBox).ValueSet(a.Boxes))
	}
	return all
}

// index writes a workflow's attributes over those before, which may be none.
func index(ctx workflow.Context, a, before attributes) {
	if err := workflow.UpsertTypedSearchAttributes(ctx, a.updates(before)...); err != nil {
		workflow.GetLogger(ctx).Warn("the search attributes could not be written", "error", err)
	}
}

// indexed runs a story that shows in the index what it is about while it runs, and how it ended.
func indexed[In, Out any](ctx workflow.Context, a attributes, in In, story func(workflow.Context, In) (Out, error)) (Out, error) {
	index(ctx, a, attributes{})
	out, err := story(ctx, in)
	index(ctx, a.ended(err), a)
	return out, err
}

// ended is what a workflow says when it has ended. One that failed names the boxes where it did, if its steps know.
func (a attributes) ended(err error) attributes {
	if err == nil {
		a.Outcome = OutcomeDone
		return a
	}
	_, kind := explain(err)
	if a.Outcome = kind; kind == TypeCancelled {
		return a
	}
	if a.Phase = PhaseFailed; kind == "" {
		a.Outcome = PhaseFailed
	}
	var failed []string
	for _, step := range stepsOf(err) {
		if step.State == StepFailed {
			failed = append(failed, step.Box)
		}
	}
	if failed = someNames(failed); len(failed) > 0 {
		a.Boxes = failed
	}
	return a
}

// someNames are the distinct names, sorted, as many as the index takes.
func someNames(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
	bytes := 0
	for i, name := range names {
		if bytes += len(name) + len(`"",`); bytes > boxesMost {
			return names[:i]
		}
	}
	return names
}

func boxNames(boxes []spec.Box) []string {
	names := make([]string, len(boxes))
	for i, box := range boxes {
		names[i] = box.Name
	}
	return someNames(names)
}

func placementBoxes(placements []plan.Placement) []string {
	names := make([]string, len(placements))
	for i, placement := range placements {
		names[i] = placement.Box
	}
	return someNames(names)
}

func (in MatchInput) attributes() attributes {
	return attributes{Service: in.Service.Name, Revision: in.Revision, Phase: PhaseMatching, Boxes: boxNames(in.Service.Boxes)}
}

func (in DeployInput) attributes() attributes {
	return attributes{Service: in.Service.Name, Revision: in.Revision, Phase: PhasePlacing, Boxes: boxNames(in.Service.Boxes)}
}

func (in PlaceInput) attributes() attributes {
	boxes := make([]string, len(in.Pulls))
	for i, pull := range in.Pulls {
		boxes[i] = pull.Box
	}
	return attributes{Service: in.Service.Name, Revision: in.Revision, Phase: PhasePlacing, Boxes: someNames(boxes)}
}

func (in StitchInput) attributes() attributes {
	return attributes{Service: in.Service.Name, Revision: in.Revision, Phase: PhaseStitching, Boxes: placementBoxes(in.Plan.Placements)}
}

func (in TuneInput) attributes() attributes {
	boxes := slices.Clone(in.Room.Boxes)
	for _, sensor := range in.Room.Sensors {
		boxes = append(boxes, sensor.Box)
	}
	for _, ac := range in.Room.AirConditioners {
		boxes = append(boxes, ac.Box)
	}
	return attributes{Service: in.Service, Phase: PhaseTuning, Boxes: someNames(boxes)}
}

// attributes are those of the service as it stands: the boxes of its plan, or of its specification before it has one.
func (s *service) attributes() attributes {
	a := attributes{Service: s.status.Service, Revision: s.status.Revision, Phase: s.status.Phase, Boxes: boxNames(s.newest.Boxes)}
	if s.plan != nil && len(s.plan.Placements) > 0 {
		a.Boxes = placementBoxes(s.plan.Placements)
	}
	switch s.status.Phase {
	case PhaseTuning, PhaseDown:
		a.Outcome = OutcomeDone
	case PhaseFailed:
		if a.Outcome = s.status.FaultType; a.Outcome == "" {
			a.Outcome = PhaseFailed
		}
	}
	return a
}

// index writes what has changed of the service's attributes.
func (s *service) index(ctx workflow.Context) {
	now := s.attributes()
	if same(now, s.indexed) {
		return
	}
	index(ctx, now, s.indexed)
	s.indexed = now
}
