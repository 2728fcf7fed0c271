package series

import (
	"container/list"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/overcloud/overcloud/internal/history"
)

const (
	// cacheMost is how many values are kept: at 16 bytes each 64 MB, which are three years of hours and a month of minutes
	// of a room with six sensors.
	cacheMost = 4 << 20
	// settledAfter is how far back late readings may still change windows: the sweep of package history, and a day.
	settledAfter = 8 * 24 * time.Hour
	// What is settled is asked for again now and then all the same: somebody may have removed it, or put back what was lost.
	settledFor, freshFor = time.Hour, time.Minute
	// atOnce is how many chunks are asked for at the same time: InfluxDB answers each query on one core.
	atOnce = 3
)

// chunkOf is the length of what is asked for and kept at a time.
func chunkOf(tier history.Tier) time.Duration {
	if tier == history.Hours {
		return 30 * 24 * time.Hour
	}
	return 24 * time.Hour
}

// cache keeps windows of tiers, by the query: they do not change once they are settled, and everybody who looks at a year
// looks at the same ones. Its methods may be called from any goroutine; many who ask for the same at once ask once.
type cache struct {
	asking singleflight.Group

	mu     sync.Mutex
	known  map[string]*list.Element
	recent *list.List // of *chunk, the one used last in front
	values int
}

// chunk is the answer to one query.
type chunk struct {
	query  string
	until  time.Time // it is good until
	series []run
	values int
}

// run is one series of a chunk.
type run struct {
	series *history.Series
	at     []int64
	values []float64
}

func newCache() *cache { return &cache{known: map[string]*list.Element{}, recent: list.New()} }

// rows hands the samples of a question about a part of a tier, which was rolled up until a time, to take, as a reader does.
func (s *Stored) rows(ctx context.Context, q question, p part, until, now time.Time, take func(history.Sample) error) error {
	length := chunkOf(p.tier)
	var parts []part
	for at := p.from.UTC().Truncate(length); at.Before(p.to); at = at.Add(length) {
		parts = append(parts, part{p.bucket, p.tier, at, at.Add(length)})
	}
	chunks := make([]*chunk, len(parts))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, whole := range parts {
		if whole.to.After(until) {
			whole.to = until
		}
		group.Go(func() (err error) {
			chunks[i], err = s.chunk(within, q.over(whole), whole.to, now)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, c := range chunks { // in order: each series oldest first
		if err := c.give(p.from.UnixMilli(), p.to.UnixMilli(), take); err != nil {
			return err
		}
	}
	return nil
}

// give hands the samples between two times out.
func (c *chunk) give(from, to int64, take func(history.Sample) error) error {
	for _, r := range c.series {
		for i, at := range r.at {
			if at < from || at >= to {
				continue
			}
			if err := take(history.Sample{Series: r.series, At: at, Value: history.Value{Kind: history.Float, Float: r.values[i]}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk is the answer to a query up to a time: a kept one, or a new one.
func (s *Stored) chunk(ctx context.Context, query string, to, now time.Time) (*chunk, error) {
	if c := s.cache.get(query, now); c != nil {
		return c, nil
	}
	answer := s.cache.asking.DoChan(query, func() (any, error) {
		// Others may wait for it too when the first one goes away.
		alone, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		c, err := s.load(alone, query)
		if err != nil {
			return nil, err
		}
		c.until = now.Add(freshFor)
		if to.Before(now.Add(-settledAfter)) {
			c.until = now.Add(settledFor)
		}
		s.cache.put(c)
		return c, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case got := <-answer:
		if got.Err != nil {
			return nil, got.Err
		}
		c, _ := got.Val.(*chunk)
		return c, nil
	}
}

func (s *Stored) load(ctx context.Context, query string) (*chunk, error) {
	c := &chunk{query: query}
	var last *run
	err := s.From.Rows(ctx, query, func(sample history.Sample) error {
		if last == nil || last.series != sample.Series {
			c.series = append(c.series, run{series: sample.Series})
			last = &c.series[len(c.series)-1]
		}
		if value, ok := sample.Value.Number(); ok {
			last.at, last.values = append(last.at, sample.At), append(last.values, value)
			c.values++
		}
		return nil
	})
	return c, absent(err)
}

func (c *cache) get(query string, now time.Time) *chunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.known[query]
	if element == nil {
		return nil
	}
	found, _ := element.Value.(*chunk)
	if !now.Before(found.until) {
		c.drop(element)
		return nil
	}
	c.recent.MoveToFront(element)
	return found
}

func (c *cache) put(one *chunk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.known[one.query]; old != nil {
		c.drop(old)
	}
	c.known[one.query] = c.recent.PushFront(one)
	c.values += one.values
	for c.values > cacheMost && c.recent.Len() > 1 {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(element *list.Element) {
	old, _ := c.recent.Remove(element).(*chunk)
	delete(c.known, old.query)
	c.values -= old.values
}
