package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/shed"
)

// ShedWorkflow is the last line of defence of a room: cooling is lost and it will be too hot soon. In the order of
// stated priorities it stops functions and shuts boxes down, one step after another while the room goes on warming,
// confirms each, and brings all back in the reverse order once the room is cool. It switches nothing off by an old word,
// nor by too few sensors. A person can stop it at any step. With DryRun, or as a rehearsal, it looks whether each step
// could be taken and takes none.
//
// Cancelled, it leaves everything as it is: the service is being taken down.
func ShedWorkflow(ctx workflow.Context, in ShedInput) (ShedState, error) {
	s := newShedding(ctx, in)
	if err := workflow.SetQueryHandler(ctx, QueryState, func() (ShedState, error) { return s.state, nil }); err != nil {
		return s.state, err
	}
	for {
		next := shed.Next(s.progress(workflow.Now(ctx)))
		s.say(ctx, next)
		switch {
		case ctx.Err() != nil:
			return s.state, ctx.Err()
		case next.Do == shed.Take:
			s.take(ctx, next.Step)
		case next.Do == shed.Restore:
			s.restore(ctx, next.Step)
		case next.Do == shed.End:
			s.end(ctx)
			return s.state, nil
		case suggested(ctx):
			return s.state, s.again(ctx)
		default:
			s.wait(ctx, next.Until)
		}
	}
}

// shedding is one run of ShedWorkflow.
type shedding struct {
	in    ShedInput
	state ShedState
	inbox workflow.Selector
	// news says that a message has come; cut ends the step that is being taken.
	news   bool
	cut    workflow.CancelFunc
	saying int // alerts on their way
}

func newShedding(ctx workflow.Context, in ShedInput) *shedding {
	s := &shedding{in: in, inbox: workflow.NewSelector(ctx)}
	if in.Carry != nil {
		s.state, s.in.Carry = *in.Carry, nil
	} else {
		s.state = ShedState{Service: in.Service, Room: in.Room, Since: workflow.Now(ctx), DryRun: in.Plan.DryRun || in.Rehearse}
		for _, step := range in.Plan.Order {
			s.state.Steps = append(s.state.Steps, ShedProgress{What: step.String(), State: shed.Waiting})
		}
		s.heard(in.Threat)
		s.audit(ctx, AuditEntry{Who: in.Who, What: s.kind() + " begins", Why: in.Threat.Reason, Outcome: "accepted"})
		s.alert(ctx, "", s.kind()+" begins: "+in.Threat.Reason, false)
		index(ctx, attributes{Service: in.Service}, attributes{})
	}
	s.listen(ctx)
	return s
}

// kind is what people call it.
func (s *shedding) kind() string {
	switch {
	case s.in.Rehearse:
		return "rehearsal of heat shedding"
	case s.in.Plan.DryRun:
		return "heat shedding (dry run)"
	}
	return "heat shedding"
}

func (s *shedding) listen(ctx workflow.Context) {
	s.inbox.AddReceive(workflow.GetSignalChannel(ctx, SignalThreat), func(c workflow.ReceiveChannel, _ bool) {
		var t shed.Threat
		for c.ReceiveAsync(&t) {
			s.heard(t)
			t = shed.Threat{}
		}
	})
	s.word(ctx, SignalStop, func(w ShedWord) { s.state.Stopped = &w })
	s.word(ctx, SignalRestore, func(w ShedWord) { s.state.Restoring = &w })
	s.inbox.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { s.news = true })
}

// word takes a person's word, which also ends a step that is being taken.
func (s *shedding) word(ctx workflow.Context, name string, take func(ShedWord)) {
	s.inbox.AddReceive(workflow.GetSignalChannel(ctx, name), func(c workflow.ReceiveChannel, _ bool) {
		var w ShedWord
		for c.ReceiveAsync(&w) {
			take(w)
			s.audit(ctx, AuditEntry{Who: clip(w.Who), What: name, Why: clip(w.Why), Outcome: "accepted"})
			s.news = true
			if s.cut != nil {
				s.cut()
			}
			w = ShedWord{}
		}
	})
}

// heard takes the newest word of the control loop; one that is older than what is known changes nothing.
func (s *shedding) heard(t shed.Threat) {
	if t.At.Before(s.state.Threat.At) {
		return
	}
	gap := t.At.Sub(s.state.Threat.At) > staleThreat
	s.state.Threat, s.news = t, true
	cool := !t.Blind && !t.Lost && t.Inlet < s.in.Plan.ResumeBelow
	switch {
	case !cool:
		s.state.Cool = time.Time{}
	case s.state.Cool.IsZero() || gap:
		s.state.Cool = t.At
	}
}

// staleThreat: nobody knows what the room did in a longer silence, so it counts as cool from its end on.
const staleThreat = 2 * time.Minute

func (s *shedding) progress(now time.Time) shed.Progress {
	p := shed.Progress{
		Now: now, Threat: s.state.Threat, Moved: s.state.Moved, Cool: s.state.Cool,
		Plan:    shed.Plan{Within: s.in.Plan.Within.D(), StepEvery: s.in.Plan.StepEvery.D(), ResumeAfter: s.in.Plan.ResumeAfter.D()},
		Stopped: s.state.Stopped != nil, Restoring: s.state.Restoring != nil, Rehearsing: s.in.Rehearse,
	}
	for _, step := range s.state.Steps {
		p.Steps = append(p.Steps, step.State)
	}
	return p
}

// say shows what is being done.
func (s *shedding) say(ctx workflow.Context, next shed.Action) {
	s.state.Now = next.Why
	switch next.Do {
	case shed.Take:
		s.state.Now = "giving up " + s.state.Steps[next.Step].What + ": " + next.Why
	case shed.Restore:
		s.state.Now = "bringing back " + s.state.Steps[next.Step].What + ": " + next.Why
	case shed.End:
		s.state.Now = ShedOver
	}
	text := fmt.Sprintf("Room **%s**, %s: %s\n\n", s.state.Room, s.kind(), s.state.Now)
	for _, step := range s.state.Steps {
		text += fmt.Sprintf("- %s: **%s** %s\n", step.What, step.State, step.Words)
	}
	workflow.SetCurrentDetails(ctx, text)
}

// wait sleeps until a message comes, or until a time.
func (s *shedding) wait(ctx workflow.Context, until time.Time) {
	s.news = false
	if until.IsZero() {
		for !s.news {
			s.inbox.Select(ctx)
		}
		return
	}
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	over := false
	timer := workflow.NewTimerWithOptions(ctx, until.Sub(workflow.Now(ctx)), workflow.TimerOptions{Summary: s.state.Now})
	s.inbox.AddFuture(timer, func(workflow.Future) { over = true })
	for !over && !s.news {
		s.inbox.Select(ctx)
	}
	cancel()
	for !over { // its future leaves the selector
		s.inbox.Select(ctx)
	}
}

// again hands the state to a fresh run, after every message that has come.
func (s *shedding) again(ctx workflow.Context) error {
	s.told(ctx)
	for s.inbox.HasPending() {
		s.inbox.Select(ctx)
	}
	in := s.in
	in.Carry = &s.state
	return workflow.NewContinueAsNewError(ctx, ShedWorkflow, in)
}

func (s *shedding) audit(ctx workflow.Context, entry AuditEntry) {
	entry.At = workflow.Now(ctx)
	s.state.Audit = newest(append(s.state.Audit, entry), mostAudit)
}
