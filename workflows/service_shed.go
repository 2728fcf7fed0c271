package workflows

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/spec"
)

// shed begins to shed the heat of a room, or tells a shedding that runs already how the room stands. It is the answer
// of the update and of the signal.
func (s *service) shed(ctx workflow.Context, request ShedRequest) (ShedAccepted, error) {
	room, err := s.sheddable(request)
	if err != nil {
		return ShedAccepted{}, err
	}
	// What it begins outlives a change that ends, and the run.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	id := ShedID(s.status.Service, room.Name)
	if request.Rehearse {
		id = RehearsalID(s.status.Service, room.Name)
	}
	in := ShedInput{
		Service: s.status.Service, Room: room.Name, Plan: *room.Shed, Boxes: s.good.Service.Boxes,
		Threat: request.Threat, Rehearse: request.Rehearse, Who: request.Who,
	}
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "shedding of heat in room " + room.Name,
	}), ShedWorkflow, in)
	err = future.GetChildWorkflowExecution().Get(ctx, nil)
	entry := AuditEntry{At: workflow.Now(ctx), Who: request.Who, What: "shed heat in " + room.Name, Why: request.Why, Outcome: "accepted as " + id}
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err) && request.Rehearse:
		return ShedAccepted{Workflow: id}, nil
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		if err := workflow.SignalExternalWorkflow(ctx, id, "", SignalThreat, request.Threat).Get(ctx, nil); err != nil {
			return ShedAccepted{}, failure(err, "tell "+id, nil)
		}
		return ShedAccepted{Workflow: id}, nil
	case err != nil:
		return ShedAccepted{}, failure(err, "begin "+id, nil)
	}
	if entry.Why == "" {
		entry.Why = request.Threat.Reason
	}
	s.record(entry)
	if !request.Rehearse && !room.Shed.DryRun {
		s.hold(ctx, room.Name, future)
	}
	return ShedAccepted{Workflow: id}, nil
}

// sheddable says why a room's heat cannot be shed.
func (s *service) sheddable(request ShedRequest) (spec.Room, error) {
	switch {
	case s.down != nil:
		return spec.Room{}, invalid("%s is being taken down", s.status.Service)
	case s.good == nil:
		return spec.Room{}, invalid("%s does not run yet: there is nothing to switch off", s.status.Service)
	}
	rooms := s.good.Service.Rooms
	at := slices.IndexFunc(rooms, func(r spec.Room) bool { return r.Name == request.Room })
	switch {
	case at < 0:
		return spec.Room{}, invalid("%s has no room %q", s.status.Service, clip(request.Room))
	case rooms[at].Shed == nil:
		return spec.Room{}, invalid("room %s states no `shed`: nothing of it is ever switched off", request.Room)
	}
	return rooms[at], nil
}

// hold keeps repairs from starting again what shedding has stopped, until it is over.
func (s *service) hold(ctx workflow.Context, room string, until workflow.ChildWorkflowFuture) {
	if !s.held(room) {
		s.status.Held = append(s.status.Held, Hold{Room: room, Since: workflow.Now(ctx)})
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := until.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("shedding of heat ended by force", "room", room, "error", err)
		}
		s.release(room)
	})
}

func (s *service) held(room string) bool {
	return slices.ContainsFunc(s.status.Held, func(h Hold) bool { return h.Room == room })
}

// release lets the service be healed again, which also starts what shedding could not bring back.
func (s *service) release(room string) {
	if s.held(room) {
		s.status.Held = slices.DeleteFunc(s.status.Held, func(h Hold) bool { return h.Room == room })
		s.reconcile = true
	}
}

// unshed ends sheddings that run: the service is taken down, and everything of it goes.
func (s *service) unshed(ctx workflow.Context) {
	for _, held := range s.status.Held {
		id := ShedID(s.status.Service, held.Room)
		if err := workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a shedding had ended already", "workflow", id, "answer", err)
		}
	}
	s.status.Held = nil
}

// drainShed takes in what control loops and sheddings say.
func (s *service) drainShed(ctx workflow.Context) {
	var request ShedRequest
	for workflow.GetSignalChannel(ctx, SignalShed).ReceiveAsync(&request) {
		asked := request
		workflow.Go(ctx, func(ctx workflow.Context) {
			if _, err := s.shed(ctx, asked); err != nil {
				why, _ := explain(err)
				s.record(AuditEntry{At: workflow.Now(ctx), Who: asked.Who, What: "shed heat in " + clip(asked.Room), Why: asked.Why, Outcome: "refused: " + why})
			}
		})
		request = ShedRequest{}
	}
}

func (s *service) drainRelease(ctx workflow.Context) {
	var request ReleaseRequest
	for workflow.GetSignalChannel(ctx, SignalRelease).ReceiveAsync(&request) {
		s.release(request.Room)
		request = ReleaseRequest{}
	}
}
