package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/internal/wire"
)

// Streams publishes records; each call returns when the broker has them. Errors: ErrUnreachable.
type Streams interface {
	Command(ctx context.Context, command wire.Command) error
	Intent(ctx context.Context, intent wire.Intent) error
	Alert(ctx context.Context, alert wire.Alert) error
	Answer(ctx context.Context, answer wire.Answer) error
}

// Cooling publishes what TuneWorkflow decides. Every record carries an identity (ID and revision), so a
// second run publishes a record that its readers know already and pass over.
type Cooling struct {
	Streams Streams
}

// Records are what a room has to tell at once.
type Records struct {
	Commands []wire.Command `json:"commands,omitempty"`
	Intents  []wire.Intent  `json:"intents,omitempty"`
	Alerts   []wire.Alert   `json:"alerts,omitempty"`
	Answers  []wire.Answer  `json:"answers,omitempty"`
}

// Publish publishes records, commands first. One that fails holds up no other: each is tried, and then the first error is
// returned that another attempt may cure, or else the first one. A second run publishes all of them again.
func (c *Cooling) Publish(ctx context.Context, records Records) error {
	var worst error
	note := func(err error) {
		var application *temporal.ApplicationError
		lasting := errors.As(worst, &application) && application.NonRetryable()
		if err != nil && (worst == nil || lasting) {
			worst = err
		}
	}
	for _, command := range records.Commands {
		note(c.SendCommand(ctx, command))
	}
	for _, intent := range records.Intents {
		note(c.PublishIntent(ctx, intent))
	}
	for _, alert := range records.Alerts {
		note(c.PublishAlert(ctx, alert))
	}
	for _, answer := range records.Answers {
		note(c.PublishAnswer(ctx, answer))
	}
	return worst
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

// PublishAnswer publishes what a person said to an alert.
func (c *Cooling) PublishAnswer(ctx context.Context, answer wire.Answer) error {
	if err := c.Streams.Answer(ctx, answer); err != nil {
		return Fault(fmt.Errorf("answer to alert %s: %w", answer.Alert, err))
	}
	return nil
}
