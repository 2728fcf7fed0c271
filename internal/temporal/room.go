package temporal

import (
	"context"
	"fmt"

	"github.com/overcloud/overcloud/workflows"
)

func roomOf(service, room string) string { return fmt.Sprintf("room %s of %s", room, service) }

// TuneState is the intention of one room. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) TuneState(ctx context.Context, service, room string) (workflows.TuneState, error) {
	return ask[workflows.TuneState](ctx, c, workflows.TuneID(service, room), workflows.QueryState, running, roomOf(service, room))
}

// Override sets a person's setpoint and says what came of it. Errors: ErrInvalid with the reason, ErrNotFound,
// ErrUnreachable.
func (c *Client) Override(ctx context.Context, service, room string, override workflows.Override) (workflows.OverrideAccepted, error) {
	id := workflows.TuneID(service, room)
	return update[workflows.OverrideAccepted](ctx, c, id, workflows.UpdateOverride, override, roomOf(service, room))
}

// Resume ends overrides before their time. Errors: as EndOverrides.
func (c *Client) Resume(ctx context.Context, service, room string, request workflows.ResumeRequest) error {
	_, err := c.EndOverrides(ctx, service, room, request)
	return err
}

// EndOverrides ends overrides before their time and says which, and what holds then. Errors: ErrInvalid when there is
// none that is meant, ErrNotFound, ErrUnreachable.
func (c *Client) EndOverrides(ctx context.Context, service, room string, request workflows.ResumeRequest) (workflows.ResumeAccepted, error) {
	id := workflows.TuneID(service, room)
	return update[workflows.ResumeAccepted](ctx, c, id, workflows.UpdateResume, request, roomOf(service, room))
}

// SetPolicy changes some numbers of a room's policy, or takes the specification's, and says what is other than before.
// Errors: ErrInvalid with the reason, ErrNotFound, ErrUnreachable.
func (c *Client) SetPolicy(ctx context.Context, service, room string, request workflows.PolicyRequest) (workflows.PolicyAccepted, error) {
	id := workflows.TuneID(service, room)
	return update[workflows.PolicyAccepted](ctx, c, id, workflows.UpdatePolicy, request, roomOf(service, room))
}

// Answer takes what a person says to an alert; name is workflows.UpdateAcknowledge, UpdateShelve or UpdateUnshelve.
// Errors: ErrInvalid with the reason, ErrNotFound, ErrUnreachable.
func (c *Client) Answer(ctx context.Context, service, room, name string, request workflows.AnswerRequest) (workflows.AnswerAccepted, error) {
	id := workflows.TuneID(service, room)
	return update[workflows.AnswerAccepted](ctx, c, id, name, request, roomOf(service, room))
}

// SignalTune sends a signal to a room's tuning: recommend, ack, alert, policy and so on, see package
// workflows. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) SignalTune(ctx context.Context, service, room, name string, payload any) error {
	return c.signal(ctx, workflows.TuneID(service, room), name, payload, roomOf(service, room))
}
