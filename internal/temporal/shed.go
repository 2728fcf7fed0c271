package temporal

import (
	"context"
	"errors"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/workflows"
)

// Rehearse goes through the steps of a room's heat shedding without switching anything off. It returns the ID of the
// rehearsal; see ShedState. Errors: ErrInvalid (the room states no steps), ErrNotFound, ErrUnreachable.
func (c *Client) Rehearse(ctx context.Context, service string, request workflows.ShedRequest) (workflows.ShedAccepted, error) {
	request.Rehearse = true
	return update[workflows.ShedAccepted](ctx, c, workflows.ServiceID(service), workflows.UpdateShed, request, "service "+service)
}

// ShedState is where a shedding or a rehearsal stands, by its workflow ID; the last one, when it has ended. Errors:
// ErrNotFound when there was none, ErrUnreachable.
func (c *Client) ShedState(ctx context.Context, id string) (workflows.ShedState, error) {
	return ask[workflows.ShedState](ctx, c, id, workflows.QueryState, ended, "workflow "+id)
}

// ShedWord tells a running shedding a person's word: workflows.SignalStop or SignalRestore. Errors: ErrNotFound,
// ErrUnreachable.
func (c *Client) ShedWord(ctx context.Context, service, room, name string, word workflows.ShedWord) error {
	return c.signal(ctx, workflows.ShedID(service, room), name, word, "heat shedding in "+roomOf(service, room))
}

// Threaten says how a room stands: to its shedding, or, while none runs and begin is set, to the service, which begins
// one. Errors: ErrNotFound when none runs and none is to begin, ErrUnreachable.
func (c *Client) Threaten(ctx context.Context, service, room string, threat shed.Threat, begin bool) error {
	err := c.signal(ctx, workflows.ShedID(service, room), workflows.SignalThreat, threat, "heat shedding in "+roomOf(service, room))
	if !begin || !errors.Is(err, fault.ErrNotFound) {
		return err
	}
	request := workflows.ShedRequest{Room: room, Threat: threat, Who: "control"}
	return c.signal(ctx, workflows.ServiceID(service), workflows.SignalShed, request, "service "+service)
}
