package series

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/history"
)

// told is one command: from when which setpoint holds.
type told struct {
	at       int64 // Unix ms
	setpoint float64
	off      bool
}

// told are the commands of a room's air conditioners in the range, and before them the one that held when it began.
func (s *Stored) told(ctx context.Context, r Request, until time.Time) (map[string][]told, error) {
	all := &commands{by: map[string]map[int64]*told{}}
	where := []history.Tag{{Name: "room", Value: r.Room.Name}}
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range s.eventParts(r.From, r.To, until) {
		group.Go(func() error { return s.commands(ctx, all, part, where, "") })
	}
	for _, part := range s.before(r.From, until) {
		group.Go(func() error { return s.commands(ctx, all, part, where, " |> last()") })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all.sorted(), nil
}

// before is where the event is that held at a time: a year back in what is kept for ever, 30 days in raw records.
func (s *Stored) before(at, until time.Time) []part {
	parts := s.eventParts(at.AddDate(0, 0, -30), at, until)
	if parts[0].tier == history.Hours {
		parts[0].from = at.AddDate(-1, 0, 0)
	} else if until.After(at.AddDate(-1, 0, 0)) {
		parts = append(parts, part{history.In(s.Bucket, history.Hours), history.Hours, at.AddDate(-1, 0, 0), until})
	}
	return parts
}

// eventParts is where events between two times are: in the hours' bucket as far as was rolled up, and raw from there on.
func (s *Stored) eventParts(from, to, until time.Time) []part {
	border := until
	if border.Before(from) {
		border = from
	}
	if border.After(to) {
		border = to
	}
	var all []part
	if from.Before(border) {
		all = append(all, part{history.In(s.Bucket, history.Hours), history.Hours, from, border})
	}
	if border.Before(to) {
		all = append(all, part{s.Bucket, history.Raw, border, to})
	}
	return all
}

func (s *Stored) commands(ctx context.Context, all *commands, p part, where []history.Tag, then string) error {
	query := history.Select(p.bucket, "command", []string{"setpoint", "power"}, where, p.from, p.to) + then
	return absent(s.From.Rows(ctx, query, all.take))
}

// commands puts the fields of commands together; several queries may fill it at once.
type commands struct {
	mu sync.Mutex
	by map[string]map[int64]*told
}

func (c *commands) take(s history.Sample) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ac := s.Series.Tag("ac")
	if c.by[ac] == nil {
		c.by[ac] = map[int64]*told{}
	}
	one := c.by[ac][s.At]
	if one == nil {
		one = &told{at: s.At, setpoint: math.NaN()}
		c.by[ac][s.At] = one
	}
	if s.Series.Field == "power" {
		one.off = s.Value.Kind == history.Bool && s.Value.Int == 0
	} else if setpoint, ok := s.Value.Number(); ok {
		one.setpoint = setpoint
	}
	return nil
}

func (c *commands) sorted() map[string][]told {
	all := map[string][]told{}
	for ac, by := range c.by {
		for _, one := range by {
			all[ac] = append(all[ac], *one)
		}
		slices.SortFunc(all[ac], func(a, b told) int { return cmp.Compare(a.at, b.at) })
	}
	return all
}

// held is what holds at each time; NaN before the first command and while the machine is told to be off.
func held(commands []told, times []int64) Column {
	all := nothing(len(times))
	i := -1
	for n, at := range times {
		for i+1 < len(commands) && commands[i+1].at <= at {
			i++
		}
		if i >= 0 && !commands[i].off {
			all[n] = commands[i].setpoint
		}
	}
	return all
}
