package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities"
)

// The types of the errors that only workflows raise, beside those of package activities.
const (
	TypePlanChanged = "PLAN_CHANGED" // the plan is no longer the one that was shown
	TypeTimeout     = "TIMEOUT"      // an activity did not end in its time
	TypeCancelled   = "CANCELLED"
)

// explain digs the sentence and the type for people out of what Temporal wrapped around an activity's error.
func explain(err error) (sentence, kind string) {
	if err == nil {
		return "", ""
	}
	var application *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	var activity *temporal.ActivityError
	switch {
	case temporal.IsCanceledError(err):
		return "cancelled", TypeCancelled
	case errors.As(err, &application):
		return application.Message(), application.Type()
	case errors.As(err, &timeout):
		name := "it"
		if errors.As(err, &activity) {
			name = activity.ActivityID()
		}
		return fmt.Sprintf("%s did not end in its time (%s)", name, timeout.TimeoutType()), TypeTimeout
	}
	return err.Error(), ""
}

// failure turns the error of an activity or a child into the workflow's own, which must be returned bare: the
// sentence says what was being done, the type stays, and the steps so far go along as details.
func failure(err error, doing string, steps []Step) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	sentence, kind := explain(err)
	if doing != "" {
		sentence = doing + ": " + sentence
	}
	return typed(sentence, kind, steps)
}

// typed is a permanent error of a workflow.
func typed(sentence, kind string, steps []Step) error {
	return temporal.NewApplicationErrorWithOptions(sentence, kind, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{Progress{Steps: steps}},
	})
}

// stepsOf returns the steps that a failed child sent along.
func stepsOf(err error) []Step {
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.HasDetails() {
		return nil
	}
	var progress Progress
	if application.Details(&progress) != nil {
		return nil // details of somebody else: no steps
	}
	return progress.Steps
}

func invalid(format string, values ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, values...), activities.TypeInvalid, nil)
}
