package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

// machines try what sends to and hears each air conditioner of this box. They are tried one after the other: two frames
// at once are none.
func (s *sweep) machines() (tries []func(context.Context) []Line) {
	return append(tries, func(ctx context.Context) (lines []Line) {
		known := s.Send == nil
		for _, r := range s.Config.Rooms {
			for _, ac := range r.AirConditioners {
				if ac.Box != s.Config.Box {
					continue
				}
				wanted := s.Send != nil && (s.Send.AC == ac.Name || s.Send.AC == r.Name+"/"+ac.Name)
				known = known || wanted
				lines = append(lines, s.machine(ctx, r, ac, wanted)...)
			}
		}
		if !known {
			lines = append(lines, Line{Group: "infrared", Name: s.Send.AC, State: Failed, Found: "no air conditioner of that name is at this box", Do: "see the names under rooms"})
		}
		return lines
	})
}

func (s *sweep) machine(ctx context.Context, r spec.Room, ac spec.AirConditioner, send bool) (lines []Line) {
	name := r.Name + "/" + ac.Name
	profile, err := s.Config.Devices.Remote(ac.Remote)
	if err != nil {
		return []Line{{Group: "infrared", Name: name, State: Failed, Found: plain(err), Do: "correct remote; docs/infrared.md lists them, edge learn records others"}}
	}
	transmitter, receiver, err := s.Config.Devices.Infrared(r.Name, ac)
	if err != nil {
		return []Line{{Group: "infrared", Name: name, State: Failed, Found: plain(err), Do: "correct transmitter and receiver"}}
	}
	defer shut(transmitter, receiver)
	lines = append(lines, tried("infrared", name, func() (string, error) {
		found, err := probe(ctx, transmitter, ac.Transmitter)
		remote := fmt.Sprintf("remote %s, %d to %d °C", ac.Remote, profile.Min(), profile.Max())
		if err != nil {
			return remote, err
		}
		return remote + ", by " + found, nil
	}, access(way("transmitter", ac.Transmitter))))
	if receiver != nil {
		lines = append(lines, tried("infrared", name+" receiver", func() (string, error) {
			found, err := probe(ctx, receiver, ac.Receiver)
			if err == nil {
				_, _, err = receiver.Heard(ctx, -1)
			}
			if err != nil {
				return unsaid(ac.Receiver, err), err
			}
			return found, nil
		}, access(way("receiver", ac.Receiver))))
	} else {
		lines = append(lines, deaf(name, ac))
	}
	lines = append(lines, s.meter(ctx, r, ac)...)
	if send {
		lines = append(lines, s.send(ctx, name, r, ac, profile, transmitter, receiver))
	}
	return lines
}

// deaf is for a machine without a receiver: what else will confirm its orders.
func deaf(name string, ac spec.AirConditioner) Line {
	var by []string
	if ac.Supply != 0 {
		by = append(by, fmt.Sprintf("its supply air, sensor %d", ac.Supply))
	}
	if ac.Meter != "" {
		by = append(by, "its meter")
	}
	l := Line{Group: "infrared", Name: name + " receiver", State: OK}
	if l.Found = "none: orders are confirmed by " + strings.Join(by, " and ") + ", minutes later"; len(by) == 0 {
		l.State, l.Found = Warn, "none, and neither supply sensor nor meter: only the room can confirm orders, late or never"
		l.Do = "put a receiver near the machine, or a sensor into the air that it blows out (supply); docs/air-conditioners.md"
	}
	return l
}

// way is the advice for infrared that does not go through.
func way(what, address string) string {
	switch {
	case strings.HasPrefix(address, "lircd://"):
		return "does lircd run there with --listen, and does a firewall let this box through? docs/infrared.md"
	case strings.HasPrefix(address, "lircd:"):
		return "does lircd run (systemctl status lircd), and does it know this remote (irsend LIST \"\" \"\")? docs/infrared.md"
	case strings.HasPrefix(address, "simulated:"):
		return "does the simulated room run at simulated.url?"
	}
	return "ls /dev/lirc* shows what there is; is the " + what + "'s overlay loaded? docs/edge.md, step 1"
}

func (s *sweep) meter(ctx context.Context, r spec.Room, ac spec.AirConditioner) []Line {
	if ac.Meter == "" {
		return nil
	}
	return []Line{tried("infrared", r.Name+"/"+ac.Name+" meter", func() (string, error) {
		meter, err := s.Config.Devices.Meter(r.Name, ac)
		if err != nil {
			return ac.Meter, err
		}
		defer shut(meter)
		watts, err := meter.Watts(ctx)
		if err != nil {
			return unsaid(ac.Meter, err), err
		}
		return fmt.Sprintf("%s: %.0f W", ac.Meter, watts), nil
	}, access("look at its address"))}
}

// send tells the machine a setpoint for real and waits for the echo.
func (s *sweep) send(ctx context.Context, name string, r spec.Room, ac spec.AirConditioner, profile infrared.Profile, t device.Transmitter, heard device.Receiver) Line {
	state := infrared.State{Power: s.Send.Setpoint != 0, Setpoint: s.Send.Setpoint}
	if state.Power {
		state = state.WithDefaults()
	}
	return tried("infrared", name+" sent", func() (string, error) {
		if own := control.LimitsOf(r.Policy, ac); state.Power && !own.Holds(state.Setpoint) {
			return "", refusal{fmt.Errorf("%d °C is outside %s, which the policy and the machine allow; nothing was sent", state.Setpoint, own)}
		}
		frame, err := profile.Encode(state, nil)
		if err != nil {
			return "", refusal{err}
		}
		cursor := int64(-1)
		if heard != nil {
			if _, cursor, err = heard.Heard(ctx, -1); err != nil {
				return "", err
			}
		}
		if err := t.Send(ctx, frame); err != nil {
			return "", err
		}
		found := fmt.Sprintf("%s, frame %s", state, frame.Code)
		if heard == nil {
			return found + "; look whether the machine beeps", nil
		}
		return s.echo(ctx, found, state, cursor, profile, heard)
	}, func(err error) string {
		if errors.As(err, &refusal{}) {
			return "try a setpoint that it may have"
		}
		return "point the transmitter at the machine, and the receiver at both; is the remote the right one?"
	})
}

// refusal is an order that is not sent at all.
type refusal struct{ error }

// echo waits until the receiver heard the state.
func (s *sweep) echo(ctx context.Context, found string, state infrared.State, cursor int64, profile infrared.Profile, receiver device.Receiver) (string, error) {
	began := time.Now()
	for time.Since(began) < s.Config.EchoWait {
		frames, next, err := receiver.Heard(ctx, cursor)
		if err != nil {
			return found, err
		}
		cursor = next
		for _, f := range frames {
			said, _, err := profile.Decode(f)
			if err == nil && said.Power == state.Power && (!state.Power || said.Setpoint == state.Setpoint) {
				return fmt.Sprintf("%s, its echo heard after %s", found, millis(time.Since(began))), nil
			}
		}
		select {
		case <-ctx.Done():
			return found, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return found, fmt.Errorf("no echo within %s", s.Config.EchoWait)
}

// probe tries a device that can be tried, and describes it.
func probe(ctx context.Context, d any, address string) (string, error) {
	found := describe(d)
	if found == "" {
		found = address
	}
	checker, ok := d.(device.Checker)
	if !ok {
		return found, nil
	}
	more, err := checker.Check(ctx)
	if err == nil && more != "" {
		found = more
	}
	return found, err
}

func describe(d any) string {
	if one, ok := d.(device.Describer); ok {
		return one.Describe()
	}
	return ""
}
