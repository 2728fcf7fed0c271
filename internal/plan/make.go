package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// mostChoices bounds how many choices a plan explains; a larger one keeps only the chosen ones, so that a plan
// for a thousand boxes still fits into a workflow's history.
const mostChoices = 2000

// Make matches every function of a service to a box and says what must be done. It is pure: the same service
// and the same world give the same plan, in whatever order they are listed.
//
// Errors: ErrNoBox, whose text lists every reason of every box for each function that fits nowhere, and
// ErrSpecification, whose text lists every contradiction.
func Make(service spec.Service, observed Observed) (Plan, error) {
	service = sorted(service)
	m, err := newMatcher(service, observed)
	if err != nil {
		return Plan{}, err
	}
	levels, err := startOrder(service.Functions)
	if err != nil {
		return Plan{}, err
	}
	out := m.place(m.units())
	if len(out.failed) > 0 {
		return Plan{}, noBox(out.failed)
	}
	placed, err := m.assignPorts(out.chosen)
	if err != nil {
		return Plan{}, err
	}
	r := newResolver(m, placed)
	p := Plan{Service: service.Name, Levels: levels, Choices: choices(out, m.explain)}
	for _, one := range placed {
		p.Placements = append(p.Placements, r.placement(one))
		p.Probes = append(p.Probes, r.probes(one)...)
	}
	if len(r.faults) > 0 {
		slices.Sort(r.faults)
		return Plan{}, fmt.Errorf("%w: %s", ErrSpecification, strings.Join(slices.Compact(r.faults), "; "))
	}
	p.Removals = m.decideActions(p.Placements)
	p.Pulls = pulls(placed)
	p.Networks, p.Volumes = onBoxes(p.Placements)
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
		service: service, functions: make(map[string]*spec.Function, len(service.Functions)),
		boxByName: make(map[string]*boxState, len(service.Boxes)), options: map[string][]option{}, ports: portTable{},
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
	seen := make(map[string]Box, len(observed.Boxes))
	for _, box := range observed.Boxes {
		seen[box.Name] = box
	}
	for _, box := range service.Boxes {
		b := newBoxState(service.Name, box, seen[box.Name])
		m.boxes = append(m.boxes, b)
		m.boxByName[box.Name] = b
	}
	m.ours, m.existing = findOurs(service.Name, observed.Boxes)
	m.ports.observe(service.Name, m.boxes, m.wants)
	return m, nil
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

// noBox is the error for the functions that fit nowhere, with every reason of every box.
func noBox(failed []failure) error {
	slices.SortFunc(failed, func(a, b failure) int {
		return cmp.Or(cmp.Compare(a.unit.name, b.unit.name), cmp.Compare(a.unit.members[0].replica, b.unit.members[0].replica))
	})
	var names []string
	var text page
	for _, f := range failed {
		one := unitText(f.unit)
		names = append(names, one)
		text.put("\n%s:", one)
		if len(f.verdicts) == 0 {
			text.WriteString("\n  the specification declares no box")
		}
		for _, v := range f.verdicts {
			text.put("\n  %s: %s", v.box.Name, strings.Join(unitReasons(v), "; "))
		}
	}
	return fmt.Errorf("%w for %s%s", ErrNoBox, strings.Join(names, ", "), text.String())
}

// unitText names a unit: "kafka 1", or "influxdb 1 + sink 1 on one box".
func unitText(u *unit) string {
	names := make([]string, 0, len(u.members))
	for _, one := range u.members {
		names = append(names, fmt.Sprintf("%s %d", one.function.Name, one.replica))
	}
	text := strings.Join(names, " + ")
	if len(names) > 1 {
		text += " on one box"
	}
	return text
}

// unitReasons are the reasons of a whole unit, each once; in a group each says whose it is.
func unitReasons(v verdict) []string {
	var reasons []string
	for _, p := range v.picks {
		for _, reason := range p.reasons {
			if len(v.picks) > 1 {
				if strings.HasPrefix(reason, "one box with ") {
					continue // said by the member itself
				}
				reason = p.function.Name + ": " + reason
			}
			reasons = append(reasons, reason)
		}
	}
	return slices.Compact(reasons)
}

// choices explains every box for every replica, by function, replica and box.
func choices(out outcome, explain bool) []Choice {
	var all []Choice
	chosen := make(map[replicaKey]string, len(out.chosen))
	for i := range out.chosen {
		p := &out.chosen[i]
		chosen[p.key()] = p.box.Name
		if !explain {
			all = append(all, choiceOf(p, true))
		}
	}
	for _, verdicts := range out.verdicts {
		for _, v := range verdicts {
			for i := range v.picks {
				all = append(all, choiceOf(&v.picks[i], chosen[v.picks[i].key()] == v.box.Name))
			}
		}
	}
	slices.SortFunc(all, func(a, b Choice) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Box, b.Box))
	})
	return all
}

func choiceOf(p *pick, chosen bool) Choice {
	return Choice{
		Function: p.function.Name, Replica: p.replica, Box: p.box.Name, Chosen: chosen,
		Score: p.score, Parts: p.parts, Reasons: p.reasons,
	}
}
