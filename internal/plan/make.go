package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// Make matches every function of a service to a box and says what must be done. It is pure: the same service
// and the same world give the same plan, in whatever order they are listed.
//
// Errors: ErrNoBox, whose text lists every reason of every box for each function that fits nowhere, and
// ErrSpecification, whose text lists every contradiction.
func Make(service spec.Service, observed Observed) (Plan, error) {
	return makePlan(service, observed, asNeeded)
}

// how is the way to the best box of a unit. All ways find the same one.
type how int

const (
	asNeeded   how = iota // judge all boxes where they are to be explained, else scan
	byJudging             // judge all boxes for all units, as a person would check it
	byScanning            // explain nothing
)

func makePlan(service spec.Service, observed Observed, how how) (Plan, error) {
	service = sorted(service)
	m, err := newMatcher(service, observed)
	if err != nil {
		return Plan{}, err
	}
	if how != byJudging {
		m.scanner = newScanner(m)
	}
	m.explain = m.explain && how != byScanning
	levels, err := startOrder(service.Functions)
	if err != nil {
		return Plan{}, err
	}
	out := m.place(m.units())
	if len(out.failed) > 0 {
		return Plan{}, noBox(out.failed)
	}
	placed, err := m.assignPorts(out)
	if err != nil {
		return Plan{}, err
	}
	r := newResolver(m, placed)
	p := Plan{
		Service: service.Name, Orchestrator: service.Orchestrator, Levels: levels, Choices: choices(out),
		Placements: make([]Placement, 0, len(placed)),
	}
	for i := range placed {
		p.Placements = append(p.Placements, r.placement(&placed[i]))
		p.Probes = append(p.Probes, r.probes(&placed[i])...)
	}
	if len(r.faults) > 0 {
		slices.Sort(r.faults)
		return Plan{}, fmt.Errorf("%w: %s", ErrSpecification, strings.Join(slices.Compact(r.faults), "; "))
	}
	p.Removals = m.decideActions(p.Placements, placed)
	p.Pulls = pulls(placed)
	p.Networks, p.Volumes = m.onBoxes(p.Placements)
	p.Hash = planHash(p)
	return p, nil
}

// sorted is the service with functions and boxes by name; the caller's slices stay as they are.
func sorted(service spec.Service) spec.Service {
	service.Functions = slices.Clone(service.Functions)
	slices.SortStableFunc(service.Functions, func(a, b spec.Function) int { return cmp.Compare(a.Name, b.Name) })
	service.Boxes = slices.Clone(service.Boxes)
	slices.SortStableFunc(service.Boxes, func(a, b spec.Box) int { return cmp.Compare(a.Name, b.Name) })
	return service
}

// newMatcher indexes the world and checks that the specification can be planned at all.
func newMatcher(service spec.Service, observed Observed) (*matcher, error) {
	m := &matcher{
		service: service, swarm: service.Orchestrator == spec.OrchestratorSwarm, rebalance: observed.Rebalance,
		functions: make(map[string]*spec.Function, len(service.Functions)), only: observed.Explain,
		boxByName: make(map[string]*boxState, len(service.Boxes)), options: map[string][]option{}, ports: portTable{},
		pins: map[replicaKey][]*boxState{}, decided: map[string]decision{}, over: map[string]*overGroups{},
		overShared: map[string]*overValues{},
	}
	replicas := 0
	for i := range service.Functions {
		f := &service.Functions[i]
		m.functions[f.Name] = f
		replicas += max(f.Replicas, 0)
	}
	m.explain = replicas*len(service.Boxes) <= mostChoices
	images := make(map[string]Image, len(observed.Images))
	for _, image := range observed.Images {
		images[image.Ref] = image
	}
	if faults := m.indexFunctions(images); len(faults) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrSpecification, strings.Join(faults, "; "))
	}
	m.indexBoxes(observed.Boxes)
	m.ours, m.existing = findOurs(service, observed.Boxes)
	m.findHomes(observed.Before)
	m.findLost(observed.Before)
	m.ports.observe(service.Name, m.boxes, m.wants)
	return m, nil
}

// indexBoxes joins the declared boxes, which go by name, with what was seen of them.
func (m *matcher) indexBoxes(observed []Box) {
	seen := make(map[string]Box, len(observed))
	for _, box := range observed {
		seen[box.Name] = box
	}
	m.loads = make([]load, len(m.service.Boxes))
	for i, box := range m.service.Boxes {
		b := newBoxState(m.service.Name, box, seen[box.Name], &m.loads[i])
		b.index = i
		m.boxes = append(m.boxes, b)
		m.boxByName[box.Name] = b
	}
}

// indexFunctions resolves each function's images and references; it returns all mistakes, in order of name.
func (m *matcher) indexFunctions(images map[string]Image) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if ref := m.service.ProbeImage; ref != "" {
		if image, ok := images[ref]; ok {
			m.probe = &image
		} else {
			fault("the probe image %s was not resolved", ref)
		}
	}
	for i := range m.service.Functions {
		f := &m.service.Functions[i]
		for _, edge := range f.Consumes {
			if m.functions[edge.Function] == nil {
				fault("function %s consumes %s, which is no function of %s", f.Name, edge.Function, m.service.Name)
			}
		}
		if f.Replicas < 0 {
			fault("function %s wants %d replicas", f.Name, f.Replicas)
		}
		if f.External != "" {
			if _, _, err := splitExternal(f); err != nil {
				faults = append(faults, err.Error())
			}
			continue
		}
		options := optionsOf(f)
		for j := range options {
			image, ok := images[options[j].image.Ref]
			if !ok {
				fault("image %s of function %s was not resolved", options[j].image.Ref, f.Name)
			}
			options[j].image = image
		}
		if len(options) == 0 {
			fault("function %s has no image", f.Name)
		}
		m.options[f.Name] = options
	}
	return faults
}

// optionsOf are the images that a function may run, most wanted first; only their references are set. A
// candidate that states no resources needs those of the function, and the function's constraints hold for all.
func optionsOf(f *spec.Function) []option {
	var options []option
	if f.Image != "" {
		options = append(options, option{image: Image{Ref: f.Image}, resources: f.Resources, constraints: f.Constraints})
	}
	for _, c := range f.Candidates {
		o := option{image: Image{Ref: c.Image}, resources: c.Resources, index: len(options)}
		if o.resources == (spec.Resources{}) {
			o.resources = f.Resources
		}
		o.constraints = append(slices.Clone(f.Constraints), c.Constraints...)
		options = append(options, o)
	}
	return options
}
