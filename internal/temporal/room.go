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

// Resume ends overrides before their time. What it ended shows in TuneState. Errors: ErrNotFound,
// ErrUnreachable.
func (c *Client) Resume(ctx context.Context, service, room string, request workflows.ResumeRequest) error {
	return c.SignalTune(ctx, service, room, workflows.SignalResume, request)
}

// SignalTune sends a signal to a room's tuning: recommend, ack, alert, policy and so on, see package
// workflows. Errors: ErrNotFound, ErrUnreachable.
func (c *Client) SignalTune(ctx context.Context, service, room, name string, payload any) error {
	return c.signal(ctx, workflows.TuneID(service, room), name, payload, roomOf(service, room))
}
