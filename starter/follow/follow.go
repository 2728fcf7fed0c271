// Package follow watches one change of a service until it runs or failed, and turns what the workflows say
// into lines for a screen.
package follow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/starter/screen"
	"github.com/overcloud/overcloud/workflows"
)

// Source is where the workflows are asked.
type Source interface {
	Status(ctx context.Context, service string) (workflows.Status, error)
	Progress(ctx context.Context, child string) (workflows.Progress, error)
	Pending(ctx context.Context, child string) ([]workflows.Pending, error)
}

// every is how often the workflows are asked: often enough to look alive, 10 small queries a second at most.
const every = 250 * time.Millisecond

// patience is how long a server that stops answering is asked again before following ends.
const patience = 20 * time.Second

// View is where a change is shown.
type View interface {
	Show(lines []screen.Line) // replaces the lines shown before
	Print(text string)        // once, above the lines
}

// Until follows revision of service and shows its lines. It returns the last status, which is running; a
// change that failed is an error of one sentence. A step that waits for a person waits without end: the view
// is told the command line that approves it, once, in the words of approve.
func Until(ctx context.Context, source Source, service string, revision int, view View, approve func(step string) string) (workflows.Status, error) {
	silent, waiting, seen := time.Time{}, "", false
	began := time.Time{} // the earliest that is known of this change
	for {
		status, err := source.Status(ctx, service)
		switch {
		case err == nil:
			silent, seen = time.Time{}, true
			done, err := ended(status, revision)
			var children []child
			if status.Revision >= revision && began.IsZero() {
				began = status.Since
			}
			if !done { // a repair of the same revision may have begun already, under the same workflow IDs
				children = since(began, ask(ctx, source, status))
			}
			if status.Waiting != waiting && status.Waiting != "" {
				view.Print(fmt.Sprintf("%s waits for a person's approval of %s:\n  %s", service, status.Waiting, approve(status.Waiting)))
			}
			waiting = status.Waiting
			view.Show(Lines(status, children))
			if done {
				return status, err
			}
		case errors.Is(err, fault.ErrUnreachable) && silent.IsZero():
			silent = time.Now()
		case errors.Is(err, fault.ErrNotFound) && seen:
			return status, fmt.Errorf("%s was taken down", service)
		case !errors.Is(err, fault.ErrUnreachable) || time.Since(silent) > patience:
			return status, err
		}
		select {
		case <-ctx.Done():
			return status, ctx.Err()
		case <-time.After(every):
		}
	}
}

func ended(status workflows.Status, revision int) (bool, error) {
	// A revision that failed may have given way already to the one before, which is held on to.
	if failed := status.Failed; failed != nil && failed.Revision >= revision {
		return true, fmt.Errorf("%s failed (%s): %s", status.Service, failed.FaultType, Brief(failed.Fault))
	}
	if status.Revision < revision {
		return false, nil
	}
	switch status.Phase {
	case workflows.PhaseTuning:
		return true, nil
	case workflows.PhaseFailed:
		return true, fmt.Errorf("%s failed (%s): %s", status.Service, status.FaultType, Brief(status.Fault))
	case workflows.PhaseDown, workflows.PhaseStopping:
		return true, fmt.Errorf("%s is being taken down", status.Service)
	}
	return false, nil
}

// child is what one running child workflow said.
type child struct {
	progress workflows.Progress
	pending  []workflows.Pending
}

// ask queries the children side by side, so that they tell of about the same moment; one that does not answer
// (it may not have begun) is left out of this frame.
func ask(ctx context.Context, source Source, status workflows.Status) []child {
	answers := make([]*child, len(status.Children))
	var all sync.WaitGroup
	for i, id := range status.Children {
		all.Go(func() {
			progress, err := source.Progress(ctx, id)
			if err != nil {
				return
			}
			answers[i] = &child{progress: progress}
			if running(progress.Steps) {
				if pending, err := source.Pending(ctx, id); err == nil {
					answers[i].pending = pending
				}
			}
		})
	}
	all.Wait()
	var children []child
	for _, answer := range answers {
		if answer != nil {
			children = append(children, *answer)
		}
	}
	return children
}

// since leaves out what ran under the same workflow ID before the change that is followed: a revision that was tried
// and failed, or the same service before it was taken down.
func since(began time.Time, children []child) []child {
	return slices.DeleteFunc(children, func(c child) bool {
		return slices.ContainsFunc(c.progress.Steps, func(s workflows.Step) bool {
			return !s.Started.IsZero() && s.Started.Before(began)
		})
	})
}

func running(steps []workflows.Step) bool {
	for _, s := range steps {
		if s.State == workflows.StepRunning {
			return true
		}
	}
	return false
}
