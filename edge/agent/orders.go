package agent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// followMost is how long a topic may be silent until its reader looks whether it still lives.
const followMost = time.Minute

// follow hands every record of a topic to take, until ctx ends. A broker that is away is waited for.
func follow(ctx context.Context, config kafka.Config, since time.Time, topic string, take func(kafka.Record)) error {
	tail, err := kafka.NewTail(config, since, topic)
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		beat(ctx, followMost+time.Minute)
		once, cancel := context.WithTimeout(ctx, followMost) // so that the loop goes round
		records, err := tail.Poll(once)
		quiet := once.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !quiet {
			slog.Warn("orders cannot be read", "topic", topic, "error", err)
			pause(ctx, 5*time.Second)
			continue
		}
		for _, r := range records {
			take(r)
		}
	}
}

// age is how long the broker has had a record, by this box's clock; negative when that cannot be trusted.
func age(now time.Time, r kafka.Record, c *clock) time.Duration {
	if !c.trusted() || r.Time.IsZero() {
		return -1
	}
	return max(0, now.Sub(r.Time))
}

// command hands a command to its air conditioner, if that stands here.
func (a *agent) command(ctx context.Context, r kafka.Record) {
	room, name, err := wire.ParseControlKey(r.Key)
	if err != nil {
		slog.Warn("a command has no key", "error", err)
		return
	}
	target, ok := a.actuators[room+"/"+name]
	if !ok {
		return
	}
	c, err := wire.Decode[wire.Command](r.Value)
	if err == nil && (c.Room != room || c.AC != name) {
		err = fmt.Errorf("it is for %s/%s", c.Room, c.AC)
	}
	if err != nil {
		slog.Warn("a command is not understood", "room", room, "ac", name, "error", err)
		return
	}
	target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects {
		return m.Order(now, c, age(now, r, a.clock))
	})
}
