package workflows

import (
	"encoding/json"
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"
)

// answerUpdates lets people's messages come as updates, which answer at once. Each is refused before it leaves a trace,
// or taken as the signal of its name would be.
func (t *tuning) answerUpdates(ctx workflow.Context) error {
	return errors.Join(
		answerUpdate(ctx, t, UpdateOverride, "a person's setpoint", t.state.checkOverride, t.override),
		answerUpdate(ctx, t, UpdateResume, "overrides end before their time", t.state.checkResume, t.resume),
		answerUpdate(ctx, t, UpdatePolicy, "other numbers to cool by", t.checkPolicy, t.policy),
		answerUpdate(ctx, t, UpdateAcknowledge, "somebody deals with an alert", t.state.checking(UpdateAcknowledge), t.answering(UpdateAcknowledge)),
		answerUpdate(ctx, t, UpdateShelve, "not to be told of an alert for a while", t.state.checking(UpdateShelve), t.answering(UpdateShelve)),
		answerUpdate(ctx, t, UpdateUnshelve, "to be told of an alert again", t.state.checking(UpdateUnshelve), t.answering(UpdateUnshelve)),
	)
}

// answerUpdate registers one update. take changes the state and names what the answer is about; answer reads it off
// when the state has been brought up to now.
func answerUpdate[In, Out any](
	ctx workflow.Context, t *tuning, name, what string, check func(time.Time, In) error,
	take func(ctx workflow.Context, now time.Time, in In) (answer func() Out, err error),
) error {
	validate := func(ctx workflow.Context, in In) error {
		if t.state.answered(name, workflow.GetCurrentUpdateInfo(ctx).ID) != nil {
			return nil
		}
		if err := check(workflow.Now(ctx), in); err != nil {
			return invalid("%s", sentence(err))
		}
		return nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context, in In) (Out, error) {
		var out Out
		id := workflow.GetCurrentUpdateInfo(ctx).ID
		if before := t.state.answered(name, id); before != nil {
			return out, json.Unmarshal(before, &out)
		}
		answer, err := take(ctx, workflow.Now(ctx), in)
		if err != nil {
			return out, invalid("%s", sentence(err))
		}
		t.settle(ctx)
		t.woken.SendAsync(true)
		out = answer()
		return out, t.state.remember(name, id, out)
	}, workflow.UpdateHandlerOptions{Validator: validate, Description: what})
}

// AnsweredUpdate is an update that was taken, with its answer. A run that hands over while an update is answered may leave
// its sender without the answer; Temporal's clients then send it again, with its ID, to the next run.
type AnsweredUpdate struct {
	Name   string          `json:"name"`
	ID     string          `json:"id"`
	Answer json.RawMessage `json:"answer"`
}

// mostAnswered is far more than are sent while one run hands over to the next.
const mostAnswered = 20

// answered is the answer to an update that was taken before; nil when it was not.
func (s *TuneState) answered(name, id string) json.RawMessage {
	for _, u := range s.Answered {
		if u.Name == name && u.ID == id {
			return u.Answer
		}
	}
	return nil
}

func (s *TuneState) remember(name, id string, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	s.Answered = newest(append(s.Answered, AnsweredUpdate{Name: name, ID: id, Answer: text}), mostAnswered)
	return nil
}

func (t *tuning) override(ctx workflow.Context, now time.Time, o Override) (func() OverrideAccepted, error) {
	if o.ID == "" {
		o.ID = workflow.GetCurrentUpdateInfo(ctx).ID
	}
	return func() OverrideAccepted { return t.state.accepted(o) }, t.state.takeOverride(now, o)
}

func (t *tuning) resume(_ workflow.Context, now time.Time, r ResumeRequest) (func() ResumeAccepted, error) {
	ended, err := t.state.takeResume(now, r)
	return func() ResumeAccepted {
		for i := range ended {
			ended[i].Desired = t.state.desired(ended[i].AC)
		}
		return ResumeAccepted{Ended: ended}
	}, err
}

func (t *tuning) policy(_ workflow.Context, now time.Time, r PolicyRequest) (func() PolicyAccepted, error) {
	changed, err := t.takePolicy(now, r)
	return func() PolicyAccepted { return PolicyAccepted{Changed: changed} }, err
}

func (t *tuning) answering(kind string) func(workflow.Context, time.Time, AnswerRequest) (func() AnswerAccepted, error) {
	return func(_ workflow.Context, now time.Time, r AnswerRequest) (func() AnswerAccepted, error) {
		accepted, err := t.state.takeAnswer(now, kind, r)
		return func() AnswerAccepted { return accepted }, err
	}
}
