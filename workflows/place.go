package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

const (
	// pullsAtOnce bounds the pulls of one placement: an uplink and a registry are shared, and 16 fill both.
	pullsAtOnce = 16
	// pullsOnBox bounds those of one box: an engine downloads three layers at a time, whatever it is asked
	// (dockerd's max-concurrent-downloads), and four images keep it busy while one of them unpacks.
	pullsOnBox = 4
)

// PlaceWorkflow brings the images of a plan to their boxes and proves, on the box, that digest and
// architecture are those of the plan. It starts nothing, so a slow pull eats nobody's health deadline. Images
// that come through a mirror come to one box first, so that the mirror has them when the others ask.
func PlaceWorkflow(ctx workflow.Context, in PlaceInput) (PlaceResult, error) {
	return indexed(ctx, in.attributes(), in, place)
}

func place(ctx workflow.Context, in PlaceInput) (PlaceResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return PlaceResult{}, err
	}
	for _, image := range in.Pulls {
		p.expect(pullID(image), "place", fmt.Sprintf("pull %s on %s", image.Image, image.Box),
			at(image.Box), following(placeFirst(in.Service.Approvals)...))
	}
	work, err := newPlacing(ctx, p, in)
	if err != nil {
		return PlaceResult{}, failure(err, "", p.steps)
	}
	// Deliveries wait for each other in placing, which knows the boxes and the mirrors.
	err = each(ctx, len(work.deliveries), work.deliveries, func(ctx workflow.Context, _ int, l delivery) error { return work.bring(ctx, l) })
	if err != nil {
		return PlaceResult{}, failure(err, "", p.steps)
	}
	return PlaceResult{Steps: p.steps}, nil
}

func pullID(image plan.Pull) string { return "pull/" + image.Box + "/" + image.Image }

// placing is the state of one PlaceWorkflow.
type placing struct {
	*progress
	service    spec.Service
	deliveries []delivery
	slots      workflow.Semaphore
	boxes      map[string]workflow.Semaphore
	seeds      map[string]*seed // by digest; only for images that several boxes need through a mirror
}

// delivery is one digest for one box, under one name or several. The first name brings it, the others tag it.
type delivery struct {
	box    spec.Box
	digest string
	pulls  []plan.Pull
	absent bool // the plan did not find it on the box
}

func newPlacing(ctx workflow.Context, p *progress, in PlaceInput) (*placing, error) {
	w := &placing{
		progress: p, service: in.Service, slots: workflow.NewSemaphore(ctx, pullsAtOnce),
		boxes: map[string]workflow.Semaphore{}, seeds: map[string]*seed{},
	}
	index := map[[2]string]int{} // in deliveries, by box and digest
	for _, image := range in.Pulls {
		key := [2]string{image.Box, image.Digest}
		i, found := index[key]
		if !found {
			box, err := boxOf(in.Service, image.Box)
			if err != nil {
				return nil, err
			}
			i = len(w.deliveries)
			index[key] = i
			w.deliveries = append(w.deliveries, delivery{digest: image.Digest, box: box})
		}
		w.deliveries[i].pulls = append(w.deliveries[i].pulls, image)
		w.deliveries[i].absent = w.deliveries[i].absent || !image.Present
		if w.boxes[image.Box] == nil {
			w.boxes[image.Box] = workflow.NewSemaphore(ctx, pullsOnBox)
		}
	}
	w.plant()
	return w, nil
}

// all pulls every name of a delivery, one after the other.
func (w *placing) all(ctx workflow.Context, l delivery, options workflow.ActivityOptions) error {
	box := w.boxes[l.box.Name]
	if err := box.Acquire(ctx, 1); err != nil {
		return err
	}
	defer box.Release(1)
	if err := w.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer w.slots.Release(1)
	for _, image := range l.pulls {
		id := pullID(image)
		err := w.run(ctx, id, func() (string, error) { return w.one(ctx, l.box, image, options) })
		if err != nil {
			w.explainStep(id, err)
			return err
		}
	}
	return nil
}

func (w *placing) one(ctx workflow.Context, box spec.Box, image plan.Pull, options workflow.ActivityOptions) (string, error) {
	var boxes *activities.Boxes
	id := pullID(image)
	in := activities.PullInput{
		Box: box, Pull: image, Registries: w.service.Registries, Secrets: w.service.Secrets, ProbeImage: w.service.ProbeImage,
	}
	pulled, err := call(ctx, as(options, id, image.Image+" on "+image.Box), boxes.Pull, in)
	if err != nil || pulled.From == "" {
		return "was there, verified", err
	}
	return fmt.Sprintf("%.1f MB in %s from %s, verified", float64(pulled.Bytes)/1e6, pulled.Duration, pulled.From), nil
}

// explainStep adds to a failed step which links held and which did not.
func (w *placing) explainStep(id string, err error) {
	step := w.find(id)
	checks := pullChecks(err)
	if step == nil || step.State != StepFailed || len(checks) == 0 {
		return
	}
	var texts []string
	for _, one := range checks {
		texts = append(texts, string(one.Check)+" "+one.State)
	}
	step.Detail += "\nlooked at: " + strings.Join(texts, ", ")
}

// boxOf finds a box of the specification by its name.
func boxOf(service spec.Service, name string) (spec.Box, error) {
	for _, box := range service.Boxes {
		if box.Name == name {
			return box, nil
		}
	}
	return spec.Box{}, invalid("the plan names box %q, which %s does not have", name, service.Name)
}
