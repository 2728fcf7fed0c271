package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// Streams publishes what the workflows decide: it is the Streams of package activities.
type Streams struct{ Producer *Producer }

// Command publishes a command under its air conditioner's key. Errors: ErrInvalid, and Produce's; a topic that is
// missing is ErrUnreachable, since waiting cures it.
func (s Streams) Command(ctx context.Context, command wire.Command) error {
	return s.publish(ctx, wire.TopicControl, wire.ControlKey(command.Room, command.AC), command)
}

// Intent publishes a room's intent. Errors: ErrInvalid, and Produce's.
func (s Streams) Intent(ctx context.Context, intent wire.Intent) error {
	return s.publish(ctx, wire.TopicIntent, []byte(intent.Room), intent)
}

// Alert publishes an alert of a room. Errors: ErrInvalid, and Produce's.
func (s Streams) Alert(ctx context.Context, alert wire.Alert) error {
	return s.publish(ctx, wire.TopicAlert, []byte(alert.Room), alert)
}

// Answer publishes what a person said to an alert, under its room's key. Errors: ErrInvalid, and Produce's.
func (s Streams) Answer(ctx context.Context, answer wire.Answer) error {
	return s.publish(ctx, wire.TopicAnswer, []byte(answer.Room), answer)
}

// Log publishes lines of a log under their replica's key. Errors: ErrInvalid, and Produce's.
func (s Streams) Log(ctx context.Context, lines wire.LogLines) error {
	return s.publish(ctx, wire.TopicLog, wire.LogKey(lines.Service, lines.Function, lines.Replica), lines)
}

func (s Streams) publish(ctx context.Context, topic string, key []byte, record wire.Validator) error {
	if err := record.Validate(); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	err := s.Producer.Produce(ctx, Record{Topic: topic, Key: key, Value: wire.Encode(record)})
	if errors.Is(err, fault.ErrNotFound) {
		// The topic is about to be made, by whoever reads it. A command must not be given up for that.
		return fmt.Errorf("%w: %s", fault.ErrUnreachable, err.Error())
	}
	return err
}
