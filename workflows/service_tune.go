package workflows

import (
	"cmp"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// tune sees to it that each room of the good revision has its running TuneWorkflow, and no other room has. They
// outlive the runs of ServiceWorkflow (parent close policy ABANDON), so one that runs already is told the room
// instead, and takeDown cancels them by ID. All rooms are tried; the first failure is returned.
func (s *service) tune(ctx workflow.Context) error {
	// The end of a change must not cancel what it has started.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var first error
	var names []string
	for _, room := range s.good.Service.Rooms {
		names = append(names, room.Name)
		if err := s.tuneRoom(ctx, room); err != nil && first == nil {
			first = failure(err, "tune "+room.Name, nil)
		}
	}
	s.status.Rooms = names
	var gone []string
	for _, room := range s.told {
		if !slices.Contains(names, room.Name) {
			gone = append(gone, room.Name)
		}
	}
	if stayed := s.untune(ctx, gone); len(stayed) > 0 {
		workflow.GetLogger(ctx).Warn("rooms that left the service are still tuned", "rooms", stayed)
	}
	if err := s.tuneFunctions(ctx); err != nil && first == nil {
		first = err
	}
	s.keepHistory(ctx)
	return first
}

func (s *service) tuneRoom(ctx workflow.Context, room spec.Room) error {
	id := TuneID(s.status.Service, room.Name)
	options := workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "tuning of room " + room.Name,
	}
	in := TuneInput{Service: s.status.Service, Room: room}
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), TuneWorkflow, in)
	err := future.GetChildWorkflowExecution().Get(ctx, nil)
	at := slices.IndexFunc(s.told, func(r spec.Room) bool { return r.Name == room.Name })
	switch {
	case err == nil: // it was started with the room
	case !temporal.IsWorkflowExecutionAlreadyStartedError(err):
		return err
	case at >= 0 && same(s.told[at], room):
		return nil
	default:
		if err := workflow.SignalExternalWorkflow(ctx, id, "", SignalRoom, room).Get(ctx, nil); err != nil {
			return err
		}
	}
	if at >= 0 {
		s.told[at] = room
	} else {
		s.told = append(s.told, room)
	}
	return nil
}

// untune ends the tunings of rooms and waits until they have ended: one that is still ending would be taken for
// running by whoever starts the service anew. One that had ended already is no fault; one that does not end is
// returned, with the reason.
func (s *service) untune(ctx workflow.Context, rooms []string) (stayed []string) {
	var runs *activities.Runs
	failed := make([]error, len(rooms))
	err := each(ctx, groundAtOnce, rooms, func(ctx workflow.Context, i int, room string) error {
		id := TuneID(s.status.Service, room)
		if err := workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a room's tuning had ended already", "room", room, "answer", err)
		}
		in := activities.AwaitEndInput{Workflow: id}
		failed[i] = act(ctx, as(ending(), "untune/"+room, "end of "+id), runs.AwaitEnd, in)
		return nil
	})
	for i, room := range rooms {
		if failed[i] == nil && err == nil {
			s.told = slices.DeleteFunc(s.told, func(r spec.Room) bool { return r.Name == room })
			continue
		}
		reason, _ := explain(cmp.Or(failed[i], err))
		stayed = append(stayed, "tuning of room "+room+": "+reason)
	}
	return stayed
}
