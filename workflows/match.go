package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// MatchWorkflow decides which box gets which function: it looks at all boxes and resolves all images at once,
// then plans by a pure function. It changes nothing. A box that does not answer is no fault as long as the
// plan fits without it; an image that does not exist is one.
func MatchWorkflow(ctx workflow.Context, in MatchInput) (MatchResult, error) {
	return indexed(ctx, in.attributes(), in, matchAll)
}

func matchAll(ctx workflow.Context, in MatchInput) (MatchResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return MatchResult{}, err
	}
	m := match{
		progress: p, in: in, began: workflow.Now(ctx), boxes: make([]plan.Box, len(in.Service.Boxes)), images: slices.Clone(in.Images),
	}
	m.list()
	if err := m.look(ctx); err != nil {
		return MatchResult{}, failure(err, "", p.steps)
	}
	absent := m.absent(workflow.Now(ctx))
	var made plan.Plan
	err = p.run(ctx, "plan", func() (string, error) {
		made, err = plan.Make(in.Service, plan.Observed{
			Boxes: m.boxes, Images: m.images, Before: in.Before, Rebalance: in.Rebalance, Explain: in.Explain,
		})
		return made.Hash, activities.Fault(err)
	})
	if err != nil {
		return MatchResult{}, failure(activities.Fault(err), "", p.steps)
	}
	return MatchResult{Plan: made, Boxes: m.statuses(), Images: m.images, Absent: absent, Steps: p.steps}, nil
}

// match is the state of one MatchWorkflow.
type match struct {
	*progress
	in     MatchInput
	began  time.Time
	boxes  []plan.Box // in the order of the specification
	images []plan.Image
	ask    []string // references not yet resolved
}

func (m *match) list() {
	for _, box := range m.in.Service.Boxes {
		m.expect("observe/"+box.Name, "match", "observe "+box.Name, at(box.Name))
	}
	for _, ref := range refs(m.in.Service) {
		known := func(image plan.Image) bool { return image.Ref == ref }
		if !slices.ContainsFunc(m.images, known) {
			m.ask = append(m.ask, ref)
			m.expect("resolve/"+ref, "match", "resolve "+ref)
		}
	}
	before := make([]string, len(m.steps))
	for i, step := range m.steps {
		before[i] = step.ID
	}
	m.expect("plan", "match", "match functions to boxes", following(before...))
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
		in := activities.ResolveInput{Ref: ref, Registries: m.in.Service.Registries, Secrets: m.in.Service.Secrets}
		image, err = call(ctx, as(m.resolving(), id, "resolve "+ref), images.Resolve, in)
		return image.Digest, err
	})
	return image, err
}

// resolving is for one question to registries: 30 s cover a source that drops packets and the next one. 26
// attempts at most 5 s apart are two minutes for a registry that refuses; a quarter of an hour is for one that
// asks for patience (RATE_LIMIT), after which somebody should be told instead. A question has three attempts in a
// minute: whoever asked can ask again.
func (m *match) resolving() workflow.ActivityOptions {
	if m.in.Question {
		return options(30*time.Second, time.Minute, 0, 3, 5*time.Second)
	}
	return options(30*time.Second, 15*time.Minute, 0, 26, 5*time.Second)
}

// A box that does not answer is looked at once more, for a hiccup of the network. When its functions go elsewhere is
// the specification's to say (spec.Lost), and who keeps count has it looked at again in time.
const looksAgain, lookPause = 1, time.Second

// observe looks at every box, and again at those that do not answer.
func (m *match) observe(ctx workflow.Context) error {
	boxes := m.in.Service.Boxes
	return each(ctx, len(boxes), boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		return m.run(ctx, "observe/"+box.Name, func() (_ string, err error) {
			m.boxes[i], err = m.patiently(ctx, box)
			if err != nil || m.boxes[i].Reachable || !m.mayInstall(box) {
				return describe(m.boxes[i]), err
			}
			m.boxes[i], err = m.install(ctx, box, m.boxes[i])
			return describe(m.boxes[i]), err
		})
	})
}

// patiently looks until the box answers or has had its chances.
func (m *match) patiently(ctx workflow.Context, box spec.Box) (plan.Box, error) {
	again := looksAgain
	if m.away(box) { // it has had its chances: one look says whether it is back
		again = 0
	}
	for look := 0; ; look++ {
		seen, err := m.once(ctx, box)
		if err != nil || seen.Reachable || look == again {
			return seen, err
		}
		if err := sleep(ctx, lookPause, "before another look at "+box.Name); err != nil {
			return seen, err
		}
	}
}

// away says that a box did not answer the matching before either.
func (m *match) away(box spec.Box) bool {
	return slices.ContainsFunc(m.in.Absent, func(a Absence) bool { return a.Box == box.Name })
}

// mayInstall says that the specification lets the box be given an engine. Healing gives none: a box whose
// engine stopped by itself is a person's business. Nor does a plan that nobody has asked to carry out, which has
// no revision: it changes nothing.
func (m *match) mayInstall(box spec.Box) bool {
	_, access := box.SSHAccess()
	return box.Install && access && !m.in.Heal && m.in.Revision > 0
}

// install gives a box an engine and looks again. One that cannot have any stays a box that does not answer,
// with both reasons: the plan may fit without it.
func (m *match) install(ctx workflow.Context, box spec.Box, seen plan.Box) (plan.Box, error) {
	var doctor *activities.Doctor
	id := "install/" + box.Name
	m.doing("observe/"+box.Name, id)
	_, err := call(ctx, as(installing(), id, "give "+box.Name+" an engine"), doctor.InstallEngine, activities.InstallInput{Box: box})
	m.doing("observe/"+box.Name, "observe/"+box.Name)
	if temporal.IsCanceledError(err) {
		return seen, err
	}
	if err != nil {
		sentence, _ := explain(err)
		seen.Fault += "; " + sentence
		return seen, nil
	}
	return m.patiently(ctx, box)
}

// once is one look. One that does not end in its time is a box that does not answer.
func (m *match) once(ctx workflow.Context, box spec.Box) (plan.Box, error) {
	var boxes *activities.Boxes
	options := as(observe(), "observe/"+box.Name, "observe "+box.Name)
	in := activities.ObserveInput{Box: box, Disk: true, ProbeImage: m.in.Service.ProbeImage}
	if m.away(box) {
		options.RetryPolicy.MaximumAttempts = 1
	}
	seen, err := call(ctx, options, boxes.Observe, in)
	if sentence, kind := explain(err); kind == TypeTimeout || kind == activities.TypeUnreachable {
		return plan.Box{Name: box.Name, Fault: sentence}, nil
	}
	return seen, err
}

// absent says since when boxes do not answer: since then as far as anybody knew, else since this match began.
// It fills in plan.Box.Absent.
func (m *match) absent(now time.Time) []Absence {
	var all []Absence
	for i, box := range m.boxes {
		if box.Reachable {
			continue
		}
		since := m.began
		for _, known := range m.in.Absent {
			if known.Box == box.Name && known.Since.Before(since) {
				since = known.Since
			}
		}
		m.boxes[i].Absent = spec.Duration(now.Sub(since))
		all = append(all, Absence{Box: box.Name, Since: since})
	}
	return all
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
			Drained: m.in.Service.Boxes[i].Availability == spec.AvailabilityDrain,
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
