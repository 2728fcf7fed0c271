package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/coap"
	"github.com/overcloud/overcloud/internal/fault"
)

// leave tells the loops of the air conditioners that the daemon ends: their last word to the machines is the colder of
// what holds and the policy's fail-cold.
func (a *agent) leave() {
	for _, one := range a.actuators {
		one.leaving.Store(true)
	}
}

// coap adds the 2017 way of orders, when it is asked for. Errors are ErrInvalid.
func (a *agent) coap() error {
	c := coap.Config(a.config.CoAP)
	if c.Listen == "" || len(a.actuators) == 0 {
		return nil
	}
	if err := c.Validate(); err != nil {
		return err
	}
	live := a.live
	a.add(unit{name: "coap", from: []any{c}, run: func(ctx context.Context) error {
		tell := func(ctx context.Context, name string, o coap.Order) error { return live.Load().manual(ctx, name, o) }
		for ctx.Err() == nil {
			server, err := coap.Listen(c, tell)
			if err == nil {
				beat(ctx, forever) // it waits for people
				err = server.Serve(ctx)
			}
			if err != nil { // cooling goes on without it
				beat(ctx, 2*coapAgain)
				slog.WarnContext(ctx, "orders by CoAP are not taken", "error", err)
				pause(ctx, coapAgain)
			}
		}
		return nil
	}})
	return nil
}

// coapAgain is the pause before a port that is taken is tried again.
const coapAgain = 30 * time.Second

// manual carries out a person's order of the 2017 way. A machine is named by its name, or by room/name where two rooms
// have one of that name. Errors: ErrNotFound, ErrInvalid, RetryAfter.
func (a *agent) manual(ctx context.Context, name string, o coap.Order) error {
	var meant []string
	for _, key := range a.keys() {
		if key == name || strings.HasSuffix(key, "/"+name) && !strings.Contains(name, "/") {
			meant = append(meant, key)
		}
	}
	switch {
	case len(meant) == 0:
		return fmt.Errorf("%w: there is no air conditioner %q here (there are %s)", fault.ErrNotFound, shorten(name, 60), strings.Join(a.keys(), ", "))
	case len(meant) > 1:
		return fmt.Errorf("%w: %s is in more than one room: write %s", fault.ErrInvalid, name, strings.Join(slices.Sorted(slices.Values(meant)), " or "))
	}
	target := a.actuators[meant[0]]
	answer := make(chan error, 1)
	target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects {
		if ctx.Err() != nil { // whoever asked has been told that it was not carried out
			answer <- ctx.Err()
			return aircon.Effects{}
		}
		e, err := m.Manual(now, o.Power, o.Setpoint)
		answer <- err
		return e
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-answer:
		return err
	}
}
