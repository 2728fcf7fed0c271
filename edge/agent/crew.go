package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"
)

// unit is one loop of the agent with everything that it was made from: a reload keeps the units that are made from
// the same, and stops and starts the others.
type unit struct {
	name string
	// from is compared by reflect.DeepEqual. It holds configuration only, never what changes by itself.
	from []any
	run  func(context.Context) error
	// object is what runs, for the next generation of the agent to find it; nil when nobody asks for it.
	object any
	// devices are closed when the unit has ended, those of them that can be.
	devices []any
	// owns says which of the lasting alerts are the unit's; they end with it. Nil for none.
	owns func(alertID string) bool
}

// crew runs units. Its methods other than hung are called from one goroutine.
type crew struct {
	ctx    context.Context //nolint:containedctx // it is the life of the units, which the crew begins at different times
	failed chan error      // the first unit that cannot go on

	mu      sync.Mutex
	members map[string]*member
}

type member struct {
	unit
	heart *heart
	stop  context.CancelFunc
	done  chan struct{}
}

func newCrew(ctx context.Context) *crew {
	return &crew{ctx: ctx, failed: make(chan error, 1), members: map[string]*member{}}
}

// same says whether a unit of that name runs that was made from the same, and gives its object.
func (c *crew) same(name string, from []any) (object any, ok bool) {
	if c == nil {
		return nil, false
	}
	m, ok := c.members[name]
	if !ok || !reflect.DeepEqual(m.from, from) {
		return nil, false
	}
	return m.object, true
}

// stopMost is how long a loop may take to stop. One that hangs in a system call is left behind: its device may be
// busy when its successor opens it, which is then told as any fault of a device is.
const stopMost = 5 * time.Second

// become stops what is not among the units any more or is made from something else, and then starts what is new.
// It returns the units that have ended.
func (c *crew) become(units []unit) (ended []unit) {
	var leaving []*member
	for name, m := range c.members {
		i := slices.IndexFunc(units, func(u unit) bool { return u.name == name })
		if i < 0 || !reflect.DeepEqual(units[i].from, m.from) {
			leaving = append(leaving, m)
		}
	}
	ended = c.end(leaving)
	for _, u := range units {
		if _, runs := c.members[u.name]; !runs {
			c.start(u)
		}
	}
	return ended
}

// stop stops every unit.
func (c *crew) stop() {
	var all []*member
	for _, m := range c.members {
		all = append(all, m)
	}
	c.end(all)
}

func (c *crew) end(members []*member) (ended []unit) {
	for _, m := range members {
		m.stop()
	}
	patience := time.NewTimer(stopMost)
	defer patience.Stop()
	for _, m := range members {
		select {
		case <-m.done:
		default:
			select {
			case <-m.done:
			case <-patience.C:
				patience.Reset(0)
				slog.Error("a loop does not stop and is left behind", "loop", m.name)
			}
		}
		m.close()
		c.mu.Lock()
		delete(c.members, m.name)
		c.mu.Unlock()
		ended = append(ended, m.unit)
	}
	return ended
}

func (m *member) close() {
	for _, d := range m.devices {
		closer, ok := d.(io.Closer)
		if !ok {
			continue
		}
		if err := closer.Close(); err != nil {
			slog.Warn("a device is not closed in order", "loop", m.name, "error", err)
		}
	}
}

func (c *crew) start(u unit) {
	ctx, stop := context.WithCancel(c.ctx)
	m := &member{unit: u, heart: newHeart(), stop: stop, done: make(chan struct{})}
	c.mu.Lock()
	c.members[u.name] = m
	c.mu.Unlock()
	go func() {
		defer close(m.done)
		err := m.run(withHeart(ctx, m.heart))
		if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		select {
		case c.failed <- fmt.Errorf("%s: %w", m.name, err):
		default: // somebody failed before
		}
	}()
}

// hung is the fault of the first loop, by name, that does not go round any more. It may be called at any time.
func (c *crew) hung(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var faults []string
	by := map[string]error{}
	for _, m := range c.members {
		select {
		case <-m.done: // it has done its work
			continue
		default:
		}
		if err := hung(m.name, m.heart, now); err != nil {
			faults = append(faults, m.name)
			by[m.name] = err
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return by[slices.Min(faults)]
}
