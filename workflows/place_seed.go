package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// seedAttempts is how often a box tries to seed a mirror before another does: a hiccup passes in two tries, a
// box whose disk or line is bad does not.
const seedAttempts = 3

// seed is an image that one box brings through a mirror before the others ask.
type seed struct {
	growing bool
	done    bool
	left    int // boxes that have not tried
}

// plant finds what has to be seeded.
func (w *placing) plant() {
	for _, l := range w.deliveries {
		if l.absent && throughMirror(l.pulls[0].Image, w.service.Registries) {
			if w.seeds[l.digest] == nil {
				w.seeds[l.digest] = &seed{}
			}
			w.seeds[l.digest].left++
		}
	}
	for _, l := range w.deliveries {
		if s := w.seeds[l.digest]; s != nil && s.left < 2 {
			delete(w.seeds, l.digest) // one box has nobody to wait for
		}
	}
}

func throughMirror(image string, registries []spec.Registry) bool {
	return spec.ImageSources(image, registries)[0].Mirror
}

// bring pulls a delivery, after another box has seeded the mirror with it where there is one.
func (w *placing) bring(ctx workflow.Context, l delivery) error {
	s := w.seeds[l.digest]
	if s == nil || !l.absent {
		return w.all(ctx, l, pull())
	}
	if err := workflow.Await(ctx, func() bool { return s.done || !s.growing }); err != nil {
		return err
	}
	if s.done {
		return w.all(ctx, l, pull())
	}
	err := w.grow(ctx, l, s)
	if err == nil || !passes(err) || ctx.Err() != nil {
		return err
	}
	w.wait(l, err)
	if err := workflow.Await(ctx, func() bool { return s.done }); err != nil {
		return err
	}
	return w.all(ctx, l, pull())
}

// grow lets this box seed. When no box is left that has not tried, nobody waits any longer.
func (w *placing) grow(ctx workflow.Context, l delivery, s *seed) error {
	s.growing = true
	s.left--
	options := pull()
	options.RetryPolicy.MaximumAttempts = seedAttempts
	err := w.all(ctx, l, options)
	s.growing = false
	s.done = err == nil || s.left == 0
	return err
}

// wait says that a box which could not seed tries again later.
func (w *placing) wait(l delivery, err error) {
	sentence, _ := explain(err)
	for _, image := range l.pulls {
		if step := w.find(pullID(image)); step != nil && step.State == StepFailed {
			step.State, step.Detail = StepWaiting, "tries again when another box has seeded the mirror: "+sentence
		}
	}
}

// passes says whether more attempts at an activity could succeed.
func passes(err error) bool {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return !application.NonRetryable()
	}
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout)
}

// pullChecks are the links that a failed pull looked at; nil when it looked at none.
func pullChecks(err error) []activities.PullCheck {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.HasDetails() {
		return nil
	}
	var checks []activities.PullCheck
	if application.Details(&checks) != nil {
		return nil // details of somebody else
	}
	return checks
}
