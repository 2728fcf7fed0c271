package activities

import (
	"context"
	"fmt"

	"github.com/overcloud/overcloud/internal/wire"
)

// Streams publishes records; each call returns when the broker has them. Errors: ErrUnreachable.
type Streams interface {
	Command(ctx context.Context, command wire.Command) error
	Intent(ctx context.Context, intent wire.Intent) error
	Alert(ctx context.Context, alert wire.Alert) error
}

// Cooling publishes what TuneWorkflow decides. Every record carries an identity (ID and revision), so a
// second run publishes a record that its readers know already and pass over.
type Cooling struct {
	Streams Streams
}

// SendCommand publishes the whole state of one air conditioner to its edge.
func (c *Cooling) SendCommand(ctx context.Context, command wire.Command) error {
	if err := c.Streams.Command(ctx, command); err != nil {
		return Fault(fmt.Errorf("command %s of %s/%s: %w", command.ID, command.Room, command.AC, err))
	}
	return nil
}

// PublishIntent publishes what is wanted of one room.
func (c *Cooling) PublishIntent(ctx context.Context, intent wire.Intent) error {
	if err := c.Streams.Intent(ctx, intent); err != nil {
		return Fault(fmt.Errorf("intent %d of %s: %w", intent.Revision, intent.Room, err))
	}
	return nil
}

// PublishAlert publishes the beginning or the end of an alert.
func (c *Cooling) PublishAlert(ctx context.Context, alert wire.Alert) error {
	if err := c.Streams.Alert(ctx, alert); err != nil {
		return Fault(fmt.Errorf("alert %s: %w", alert.ID, err))
	}
	return nil
}
