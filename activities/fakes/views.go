package fakes

import (
	"context"
	"fmt"
	"sync"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Glasses see boxes and logs as they were given. Log lines: inspect BOX; follow FUNCTION/REPLICA on BOX tail N [since TIME].
type Glasses struct {
	Log

	mu     sync.Mutex
	seen   map[string]activities.Inspection // by box; one that is not here does not answer
	follow func(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error
}

// See gives a box.
func (g *Glasses) See(box string, seen activities.Inspection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = map[string]activities.Inspection{}
	}
	g.seen[box] = seen
}

// Write gives what a log brings at each following.
func (g *Glasses) Write(follow func(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.follow = follow
}

// Inspect implements activities.Glasses.
func (g *Glasses) Inspect(_ context.Context, box spec.Box) (activities.Inspection, error) {
	g.Add("inspect %s", box.Name)
	g.mu.Lock()
	defer g.mu.Unlock()
	seen, answers := g.seen[box.Name]
	if !answers {
		return seen, fmt.Errorf("Cannot connect: %w", fault.ErrUnreachable) //nolint:staticcheck // as the engine's client words it
	}
	return seen, nil
}

// FollowLog implements activities.Glasses. Without Write it brings nothing until ctx ends.
func (g *Glasses) FollowLog(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error {
	line := fmt.Sprintf("follow %s/%d on %s tail %d", ask.Function, ask.Replica, ask.Box.Name, ask.Tail)
	if !ask.Since.IsZero() {
		line += " since " + ask.Since.UTC().Format("15:04:05")
	}
	g.Add("%s", line)
	g.mu.Lock()
	follow := g.follow
	g.mu.Unlock()
	if follow == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return follow(ctx, ask, begun, take)
}

// Placements are those of services that run, by name.
type Placements map[string]activities.Whereabouts

// Whereabouts implements activities.Placements.
func (p Placements) Whereabouts(_ context.Context, service string) (activities.Whereabouts, error) {
	places, runs := p[service]
	if !runs {
		return places, fmt.Errorf("no service %s is running: %w", service, fault.ErrNotFound)
	}
	return places, nil
}

// LogStream keeps the records that were published.
type LogStream struct {
	mu      sync.Mutex
	records []wire.LogLines
	away    bool
}

// Away makes the broker refuse, or take again.
func (l *LogStream) Away(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = is
}

// Log implements activities.LogStream.
func (l *LogStream) Log(_ context.Context, lines wire.LogLines) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return fmt.Errorf("broker is away: %w", fault.ErrUnreachable)
	}
	if err := lines.Validate(); err != nil {
		return err
	}
	l.records = append(l.records, lines)
	return nil
}

// Records are those so far.
func (l *LogStream) Records() []wire.LogLines {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]wire.LogLines(nil), l.records...)
}
