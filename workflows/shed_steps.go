package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// The options of the steps. In a room that warms by 0.3 K/min a minute is dear: what does not answer soon is passed
// over for the next step.

// giving is for stopping a function on one box: its containers' grace, 10 s by default, one after another.
func giving() workflow.ActivityOptions {
	return options(time.Minute, 90*time.Second, 6*time.Second, 0, 2*time.Second)
}

// switchingOff is for a box: a shutdown takes up to two minutes until its network is gone.
func switchingOff() workflow.ActivityOptions {
	return options(3*time.Minute, 4*time.Minute, 10*time.Second, 3, 5*time.Second)
}

// switchingOn is for a box's boot, firmware and disk checks included, and for containers.
func switchingOn() workflow.ActivityOptions {
	return options(10*time.Minute, 12*time.Minute, 10*time.Second, 3, 10*time.Second)
}

// take takes one step and notes what came of it. A person's word cuts it short: what was given up by then is known and
// comes back with the rest.
func (s *shedding) take(ctx workflow.Context, i int) {
	step, at := s.in.Plan.Order[i], &s.state.Steps[i]
	var err error
	s.during(ctx, func(ctx workflow.Context) {
		if step.Box != "" {
			err = s.shutDown(ctx, step, at)
		} else {
			err = s.stopFunction(ctx, step, at)
		}
	})
	at.At = workflow.Now(ctx)
	entry := AuditEntry{What: "give up " + at.What, Why: s.state.Threat.Reason, Outcome: "accepted: " + at.Words}
	at.State = shed.Taken
	if len(at.Given) > 0 || s.state.DryRun { // else there is no effect to be waited for
		s.state.Moved = at.At
	}
	if err != nil {
		sentence, _ := explain(err)
		at.Words, entry.Outcome = strings.TrimPrefix(at.Words+"; "+sentence, "; "), "failed: "+sentence
		if len(at.Given) == 0 { // nothing to bring back, and nothing to wait for
			at.State = shed.Failed
		}
	}
	s.audit(ctx, entry)
	state := at.State
	if s.state.DryRun && state == shed.Taken {
		state = "possible"
	}
	s.alert(ctx, step.Name(), s.kind()+": "+at.What+" "+state+": "+at.Words, false)
}

// during does something that messages may cut short.
func (s *shedding) during(ctx workflow.Context, do func(workflow.Context)) {
	within, cut := workflow.WithCancel(ctx)
	s.cut = cut
	done, settled := workflow.NewFuture(ctx)
	workflow.Go(within, func(ctx workflow.Context) {
		do(ctx)
		settled.SetValue(true)
	})
	over := false
	s.inbox.AddFuture(done, func(workflow.Future) { over = true })
	for !over {
		s.inbox.Select(ctx)
	}
	s.cut = nil
	cut()
}

// stopFunction stops a function on every box. A box that does not answer keeps its containers, and is told of.
func (s *shedding) stopFunction(ctx workflow.Context, step spec.ShedStep, at *ShedProgress) error {
	var a *activities.Shedding
	words := make([]string, len(s.in.Boxes))
	given := make([]activities.Given, len(s.in.Boxes))
	faults := make([]error, len(s.in.Boxes))
	err := each(ctx, groundAtOnce, s.in.Boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		in := activities.RunningInput{Service: s.in.Service, Function: step.Function, Box: box}
		what := step.Function + " on " + box.Name
		found, err := call(ctx, as(observe(), "look/"+step.Function+"/"+box.Name, what), a.Running, in)
		if err != nil {
			faults[i] = err
			return nil
		}
		words[i] = found.Words
		if len(found.Containers) == 0 || s.state.DryRun {
			return nil
		}
		given[i] = found // from here on it may be stopped
		faults[i] = act(ctx, as(giving(), "stop/"+step.Function+"/"+box.Name, what), a.StopFunction, in)
		return nil
	})
	running := 0
	for i, box := range s.in.Boxes {
		if given[i].Box != "" {
			at.Given = append(at.Given, given[i])
			running += len(given[i].Containers)
		}
		if faults[i] != nil {
			sentence, _ := explain(faults[i])
			words[i] = box.Name + ": " + sentence
			if err == nil {
				err = faults[i]
			}
		}
	}
	at.Words = cmp.Or(strings.Join(compact(words), "; "), "there are no containers of it")
	if s.state.DryRun {
		at.Words = "would stop: " + at.Words
		return err
	}
	at.Words = fmt.Sprintf("%d stopped; %s", running, at.Words)
	return err
}

func (s *shedding) shutDown(ctx workflow.Context, step spec.ShedStep, at *ShedProgress) error {
	var a *activities.Shedding
	box, found := s.box(step.Box)
	if !found {
		return invalid("the service has no box %s any more", step.Box)
	}
	in := activities.ShutDownInput{Box: box, Command: step.ShutDown, DryRun: s.state.DryRun}
	if !s.state.DryRun {
		at.Given = []activities.Given{{Box: box.Name}} // from here on it may be off
	}
	seen, err := call(ctx, as(switchingOff(), "shut-down/"+box.Name, "shut down "+box.Name), a.ShutDown, in)
	if err != nil {
		return err
	}
	at.Words = seen.Words
	return nil
}

// restore brings one step back. What cannot be brought back is left to people, who are told.
func (s *shedding) restore(ctx workflow.Context, i int) {
	step, at := s.in.Plan.Order[i], &s.state.Steps[i]
	var err error
	if !s.state.DryRun {
		if step.Box != "" {
			err = s.wake(ctx, step)
		} else {
			err = s.startFunction(ctx, step, at)
		}
	}
	at.BackAt, at.State = workflow.Now(ctx), shed.Restored
	s.state.Moved = at.BackAt
	entry := AuditEntry{What: "bring back " + at.What, Why: s.state.Now, Outcome: "accepted"}
	if err != nil {
		sentence, _ := explain(err)
		at.State, at.Words, entry.Outcome = shed.Left, "left to people: "+sentence, "failed: "+sentence
	} else if !s.state.DryRun {
		at.Words = "back"
	}
	s.audit(ctx, entry)
	s.alert(ctx, step.Name(), at.What+" is back", at.State == shed.Restored)
}

func (s *shedding) startFunction(ctx workflow.Context, step spec.ShedStep, at *ShedProgress) error {
	var a *activities.Shedding
	return each(ctx, groundAtOnce, at.Given, func(ctx workflow.Context, _ int, given activities.Given) error {
		box, found := s.box(given.Box)
		if !found {
			return nil // it has left the service, and its containers with it
		}
		in := activities.StartFunctionInput{Box: box, Containers: given.Containers}
		return act(ctx, as(switchingOn(), "start/"+step.Function+"/"+box.Name, step.Function+" on "+box.Name), a.StartFunction, in)
	})
}

func (s *shedding) wake(ctx workflow.Context, step spec.ShedStep) error {
	var a *activities.Shedding
	box, found := s.box(step.Box)
	from, known := s.box(step.WakeFrom)
	switch {
	case step.Wake == "":
		return invalid("switch box %s on by hand: the specification states no `wake`", step.Box)
	case !found || !known:
		return invalid("the service has no box %s or %s any more", step.Box, step.WakeFrom)
	}
	in := activities.WakeInput{Box: box, Command: step.Wake, From: from}
	return act(ctx, as(switchingOn(), "wake/"+box.Name, "wake "+box.Name+" from "+from.Name), a.Wake, in)
}

func (s *shedding) box(name string) (spec.Box, bool) {
	for _, box := range s.in.Boxes {
		if box.Name == name {
			return box, true
		}
	}
	return spec.Box{}, false
}

// end tells that all is over and lets the service be healed again.
func (s *shedding) end(ctx workflow.Context) {
	s.audit(ctx, AuditEntry{What: s.kind() + " ends", Why: s.state.Threat.Reason, Outcome: "accepted"})
	for i, step := range s.state.Steps {
		if step.State == shed.Failed || step.State == shed.Left { // nobody else would ever end them
			s.alert(ctx, s.in.Plan.Order[i].Name(), step.What+" "+step.State+": "+step.Words, true)
		}
	}
	s.alert(ctx, "", s.kind()+" is over: "+s.state.Threat.Reason, true)
	if !s.in.Rehearse {
		err := workflow.SignalExternalWorkflow(ctx, ServiceID(s.in.Service), "", SignalRelease, ReleaseRequest{Room: s.in.Room}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Warn("the service was not told that shedding is over", "error", err)
		}
	}
	s.told(ctx)
}

// told waits until the alerts are at the broker. What it does not take within a minute is in the audit.
func (s *shedding) told(ctx workflow.Context) {
	_, err := workflow.AwaitWithTimeout(ctx, time.Minute, func() bool { return s.saying == 0 })
	if err != nil && !temporal.IsCanceledError(err) {
		workflow.GetLogger(ctx).Warn("alerts of shedding were not waited for", "error", err)
	}
}

// alert tells people, and waits for nobody: shedding does not need the broker. What names the step; empty is the
// whole.
func (s *shedding) alert(ctx workflow.Context, what, evidence string, ended bool) {
	a := wire.Alert{
		ID: s.in.Room + "/shed", Room: s.in.Room, Kind: "shed", Severity: wire.SeverityCritical,
		BeganMillis: s.state.Since.UnixMilli(), Evidence: clip(evidence), Source: "shed",
	}
	if what != "" {
		a.ID += "/" + what
	}
	if s.state.DryRun {
		a.ID, a.Kind, a.Severity = strings.Replace(a.ID, "/shed", "/shed-dry-run", 1), "shed-dry-run", wire.SeverityWarning
	}
	if ended {
		a.EndedMillis = workflow.Now(ctx).UnixMilli()
	}
	s.saying++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { s.saying-- }()
		var cooling *activities.Cooling
		o := publish()
		o.Summary = a.ID
		if err := act(ctx, o, cooling.PublishAlert, a); err != nil {
			workflow.GetLogger(ctx).Warn("an alert of shedding was not published", "alert", a.ID, "error", err)
		}
	})
}

// compact leaves out what is empty.
func compact(texts []string) []string {
	var kept []string
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}
