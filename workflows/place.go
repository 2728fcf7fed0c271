package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// pullsAtOnce bounds the pulls of one placement: a data centre's uplink is shared, and four hide the latency
// of many small layers.
const pullsAtOnce = 4

// PlaceWorkflow brings the images of a plan to their boxes and proves, on the box, that digest and
// architecture are those of the plan. It starts nothing, so a slow pull eats nobody's health deadline.
func PlaceWorkflow(ctx workflow.Context, in PlaceInput) (PlaceResult, error) {
	p, err := newProgress(ctx)
	if err != nil {
		return PlaceResult{}, err
	}
	for _, image := range in.Pulls {
		p.expect(pullID(image), "place", fmt.Sprintf("pull %s on %s", image.Image, image.Box))
	}
	err = each(ctx, pullsAtOnce, in.Pulls, func(ctx workflow.Context, _ int, image plan.Pull) error {
		return p.run(ctx, pullID(image), func() (string, error) { return placeOne(ctx, p, in.Service, image) })
	})
	if err != nil {
		return PlaceResult{}, failure(err, "", p.steps)
	}
	return PlaceResult{Steps: p.steps}, nil
}

func pullID(image plan.Pull) string { return "pull/" + image.Box + "/" + image.Image }

func placeOne(ctx workflow.Context, p *progress, service spec.Service, image plan.Pull) (string, error) {
	var boxes *activities.Boxes
	box, err := boxOf(service, image.Box)
	if err != nil {
		return "", err
	}
	id := pullID(image)
	in := activities.PullInput{Box: box, Pull: image, Registries: service.Registries, Secrets: service.Secrets}
	pulled, err := call(ctx, as(pull(), id, image.Image+" on "+image.Box), boxes.Pull, in)
	if err != nil {
		return "", err
	}
	verifyID := "verify/" + image.Box + "/" + image.Image
	p.doing(id, verifyID)
	err = act(ctx, as(quick(), verifyID, image.Image+" on "+image.Box), boxes.Verify, activities.VerifyInput{Box: box, Pull: image})
	if err != nil || pulled.From == "" {
		return "was there, verified", err
	}
	return fmt.Sprintf("%.1f MB in %s, verified", float64(pulled.Bytes)/1e6, pulled.Duration), nil
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
