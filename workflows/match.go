package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// MatchWorkflow decides which box gets which function: it looks at all boxes and resolves all images at once,
// then plans by a pure function. It changes nothing. A box that does not answer is no fault as long as the
// plan fits without it; an image that does not exist is one.
func MatchWorkflow(ctx workflow.Context, in MatchInput) (MatchResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return MatchResult{}, err
	}
	m := match{progress: p, in: in, boxes: make([]plan.Box, len(in.Service.Boxes)), images: slices.Clone(in.Images)}
	m.list()
	if err := m.look(ctx); err != nil {
		return MatchResult{}, failure(err, "", p.steps)
	}
	var made plan.Plan
	err = p.run(ctx, "plan", func() (string, error) {
		made, err = plan.Make(in.Service, plan.Observed{Boxes: m.boxes, Images: m.images})
		return made.Hash, activities.Fault(err)
	})
	if err != nil {
		return MatchResult{}, failure(activities.Fault(err), "", p.steps)
	}
	return MatchResult{Plan: made, Boxes: m.statuses(), Images: m.images, Steps: p.steps}, nil
}

// match is the state of one MatchWorkflow.
type match struct {
	*progress
	in     MatchInput
	boxes  []plan.Box // in the order of the specification
	images []plan.Image
	ask    []string // references not yet resolved
}

func (m *match) list() {
	for _, box := range m.in.Service.Boxes {
		m.expect("observe/"+box.Name, "match", "observe "+box.Name)
	}
	for _, ref := range refs(m.in.Service) {
		known := func(image plan.Image) bool { return image.Ref == ref }
		if !slices.ContainsFunc(m.images, known) {
			m.ask = append(m.ask, ref)
			m.expect("resolve/"+ref, "match", "resolve "+ref)
		}
	}
	m.expect("plan", "match", "match functions to boxes")
}

// look observes and resolves side by side.
func (m *match) look(ctx workflow.Context) error {
	asked := make([]plan.Image, len(m.ask))
	looks := []func(workflow.Context) error{
		func(ctx workflow.Context) error { return m.observe(ctx) },
		func(ctx workflow.Context) error {
			return each(ctx, len(m.ask), m.ask, func(ctx workflow.Context, i int, ref string) (err error) {
				asked[i], err = m.resolve(ctx, ref)
				return err
			})
		},
	}
	err := each(ctx, len(looks), looks, func(ctx workflow.Context, _ int, look func(workflow.Context) error) error { return look(ctx) })
	m.images = append(m.images, asked...)
	return err
}

func (m *match) resolve(ctx workflow.Context, ref string) (plan.Image, error) {
	var images *activities.Images
	var image plan.Image
	id := "resolve/" + ref
	err := m.run(ctx, id, func() (_ string, err error) {
		in := activities.ResolveInput{Ref: ref, Registries: m.in.Service.Registries}
		image, err = call(ctx, as(quick(), id, "resolve "+ref), images.Resolve, in)
		return image.Digest, err
	})
	return image, err
}

// A box that does not answer is looked at again before its functions go elsewhere: once when somebody waits
// for a deploy, three times 5 s apart when healing (the 15 s after which Swarm, too, calls a node down).
const (
	looksAgain, lookPause         = 1, time.Second
	looksAgainHealing, healsPause = 3, 5 * time.Second
)

// observe looks at every box, and again at those that do not answer.
func (m *match) observe(ctx workflow.Context) error {
	again, pause := looksAgain, lookPause
	if m.in.Heal {
		again, pause = looksAgainHealing, healsPause
	}
	boxes := m.in.Service.Boxes
	return each(ctx, len(boxes), boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		return m.run(ctx, "observe/"+box.Name, func() (detail string, err error) {
			for look := 0; ; look++ {
				m.boxes[i], err = m.once(ctx, box)
				if err != nil || m.boxes[i].Reachable || look == again {
					return describe(m.boxes[i]), err
				}
				if err := workflow.Sleep(ctx, pause); err != nil {
					return "", err
				}
			}
		})
	})
}

// once is one look. One that does not end in its time is a box that does not answer.
func (m *match) once(ctx workflow.Context, box spec.Box) (plan.Box, error) {
	var boxes *activities.Boxes
	options := as(observe(), "observe/"+box.Name, "observe "+box.Name)
	seen, err := call(ctx, options, boxes.Observe, activities.ObserveInput{Box: box})
	if sentence, kind := explain(err); kind == TypeTimeout || kind == activities.TypeUnreachable {
		return plan.Box{Name: box.Name, Fault: sentence}, nil
	}
	return seen, err
}

func describe(box plan.Box) string {
	if !box.Reachable {
		return "does not answer: " + box.Fault
	}
	return platform(box)
}

func platform(box plan.Box) string {
	if box.OS == "" {
		return ""
	}
	return strings.TrimSuffix(box.OS+"/"+box.Arch+"/"+box.Variant, "/")
}

func (m *match) statuses() []BoxStatus {
	statuses := make([]BoxStatus, len(m.boxes))
	for i, box := range m.boxes {
		statuses[i] = BoxStatus{
			Name: box.Name, Engine: m.in.Service.Boxes[i].Engine, Reachable: box.Reachable, Fault: box.Fault,
			Platform: platform(box), Process: box.Process,
		}
	}
	return statuses
}

// refs are the distinct image references of a service, in order of appearance: of its functions, of their
// candidates, and of the probe.
func refs(service spec.Service) []string {
	var all []string
	seen := map[string]bool{"": true}
	add := func(ref string) {
		if !seen[ref] {
			seen[ref] = true
			all = append(all, ref)
		}
	}
	for _, function := range service.Functions {
		if function.External != "" {
			continue
		}
		add(function.Image)
		for _, candidate := range function.Candidates {
			add(candidate.Image)
		}
	}
	add(service.ProbeImage)
	return all
}
