package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// LogStream publishes lines of logs; a call returns when the broker has them. Errors: ErrUnreachable, ErrInvalid.
type LogStream interface {
	Log(ctx context.Context, lines wire.LogLines) error
}

// FollowInput names the log of one replica of a function.
type FollowInput struct {
	Service  string `json:"service"`
	Function string `json:"function"`
	Replica  int    `json:"replica"`
	// Tail is how many of its last lines to begin with.
	Tail int `json:"tail"`
	// After is where the follower before this one ended.
	After LogCursor `json:"after,omitzero"`
	// Until ends the following: an activity has to end.
	Until time.Time `json:"until"`
}

// LogCursor is how far a log was published: the time of the last line, by the clock of its box.
type LogCursor struct {
	Box string    `json:"box,omitempty"`
	At  time.Time `json:"at,omitzero"`
}

// overlap is how much before its cursor a follower begins: lines of both streams stand microseconds out of order. What is
// published twice so is told by its time.
const overlap = time.Second

// Follow publishes the log of a replica until its time is over, and says how far it came. Where lines cannot come (the
// container has ended, its box does not answer) it publishes a sentence on that and looks again: a replaced function is
// found again. Values of secrets are blanked out. It publishes at most what a person could look at, and says how much it
// left out. A second run goes on at the first one's last heartbeat: it loses nothing, and lines of the last second may
// come again, with the same time.
func (v *Views) Follow(ctx context.Context, in FollowInput) (LogCursor, error) {
	f := newFollower(v, in)
	if activity.HasHeartbeatDetails(ctx) {
		var left LogCursor
		if activity.GetHeartbeatDetails(ctx, &left) == nil { // else one of another version: begin anew
			f.cursor = left
		}
	}
	f.shown.set(f.cursor)
	defer beat(ctx, func() any { return f.shown.now() })()
	within, cancel := context.WithDeadline(ctx, in.Until)
	defer cancel()
	published := make(chan struct{})
	go func() {
		defer close(published)
		f.publish(within)
	}()
	for within.Err() == nil {
		f.once(within)
		f.rest(within)
	}
	<-published
	if ctx.Err() != nil {
		return LogCursor{}, ctx.Err()
	}
	f.flush(ctx)
	return f.shown.now(), nil
}

// once follows the log for as long as it can, and notes why it cannot any more.
func (f *follower) once(ctx context.Context) {
	places, err := f.views.Placements.Whereabouts(ctx, f.in.Service)
	if err != nil {
		f.trouble(ctx, "where %s runs is not known: %v", f.in.Function, err)
		return
	}
	place, box, err := places.replica(f.in.Function, f.in.Replica)
	if err != nil {
		f.trouble(ctx, "%v", err)
		return
	}
	hide, unreadable := f.views.hide(ctx, places, place)
	if unreadable != "" {
		f.trouble(ctx, "this log is not shown: secret %s, which %s gets, cannot be read by the worker, so it cannot be blanked out", unreadable, f.in.Function)
		return
	}
	ask := LogAsk{Box: box, Service: f.in.Service, Function: f.in.Function, Replica: f.in.Replica, Tail: f.in.Tail}
	if f.cursor.Box == box.Name {
		ask.Since, ask.Tail = f.cursor.At.Add(-overlap), -1
	}
	f.connect(box.Name, blanker(hide))
	err = f.views.Glasses.FollowLog(ctx, ask, f.begun, f.take)
	if err != nil {
		f.trouble(ctx, "the log of %s on %s: %v", f.in.Function, box.Name, err)
	}
}

// trouble notes why no lines come, unless the following itself is over.
func (f *follower) trouble(ctx context.Context, format string, values ...any) {
	if ctx.Err() == nil {
		f.note(fmt.Sprintf(format, values...))
	}
}

// rest waits before the next look: longer each time while nothing new comes.
func (f *follower) rest(ctx context.Context) {
	timer := time.NewTimer(f.pause())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// hide are the values to blank out for a replica: the secrets that it gets, of which each must be readable, the others of
// its service as far as they are, and variables whose names speak of secrets.
func (v *Views) hide(ctx context.Context, places Whereabouts, place Whereabout) (hide map[string][]byte, unreadable string) {
	hide = map[string][]byte{}
	for _, secret := range places.Secrets {
		value, err := v.Secrets.Resolve(ctx, secret)
		switch {
		case err == nil:
			hide[secret.Name] = value
		case slices.Contains(place.Uses, secret.Name):
			return nil, secret.Name
		}
	}
	for _, variable := range place.Environment {
		if secretive(variable.Name) {
			hide[variable.Name] = []byte(variable.Value)
		}
	}
	return hide, ""
}

func (w Whereabouts) box(name string) (spec.Box, error) {
	i := slices.IndexFunc(w.Boxes, func(b spec.Box) bool { return b.Name == name })
	if i < 0 {
		return spec.Box{}, fmt.Errorf("it has no box %s: %w", name, fault.ErrNotFound)
	}
	return w.Boxes[i], nil
}

func (w Whereabouts) replica(function string, replica int) (Whereabout, spec.Box, error) {
	i := slices.IndexFunc(w.Placements, func(p Whereabout) bool { return p.Function == function && p.Replica == replica })
	if i < 0 {
		return Whereabout{}, spec.Box{}, fmt.Errorf("there is no replica %d of %s: %w", replica, function, fault.ErrNotFound)
	}
	box, err := w.box(w.Placements[i].Box)
	return w.Placements[i], box, err
}
