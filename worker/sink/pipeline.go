package sink

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/kafka"
)

// The pipeline: one batch is filled while others are on their way to InfluxDB. Two at once keep a server of two
// cores busy; more would only wait in its memory and ours.
const (
	onTheirWay = 2
	batches    = onTheirWay + 1
)

// pipeline moves batches from Kafka to InfluxDB and back: filled, written (by several at once), committed in the
// order in which they were filled.
type pipeline struct {
	sink     *Sink
	group    *kafka.Group
	producer *kafka.Producer

	free  chan *batch // empty ones
	write chan *batch
	order chan *batch // as write, for the commits
}

func newPipeline(s *Sink, group *kafka.Group, producer *kafka.Producer) *pipeline {
	p := &pipeline{
		sink: s, group: group, producer: producer,
		free: make(chan *batch, batches), write: make(chan *batch, batches), order: make(chan *batch, batches),
	}
	for range batches {
		p.free <- &batch{written: make(chan struct{}, 1)}
	}
	return p
}

// run works until ctx ends or one of the stages fails. Batches that are not committed then come again.
func (p *pipeline) run(ctx context.Context) error {
	stages, ctx := errgroup.WithContext(ctx)
	stages.Go(func() error { return p.fill(ctx) })
	for range onTheirWay {
		stages.Go(func() error { return p.store(ctx) })
	}
	stages.Go(func() error { return p.commit(ctx) })
	return stages.Wait()
}

// fill hands batches on when they are full or their first record has waited long enough.
func (p *pipeline) fill(ctx context.Context) error {
	for {
		b, err := take(ctx, p.free)
		if err != nil {
			return err
		}
		if err := p.sink.fill(ctx, p.group, b); err != nil {
			return err
		}
		b.mark = p.group.Mark()
		p.order <- b // both have room for every batch
		p.write <- b
	}
}

func (p *pipeline) store(ctx context.Context) error {
	for {
		b, err := take(ctx, p.write)
		if err != nil {
			return err
		}
		if err := p.sink.flush(ctx, p.producer, b); err != nil {
			return err
		}
		b.written <- struct{}{}
	}
}

func (p *pipeline) commit(ctx context.Context) error {
	for {
		b, err := take(ctx, p.order)
		if err != nil {
			return err
		}
		if _, err := take(ctx, b.written); err != nil {
			return err
		}
		if err := p.group.CommitMark(ctx, b.mark); err != nil {
			return err
		}
		b.reset()
		p.free <- b
	}
}

func take[T any](ctx context.Context, from <-chan T) (T, error) {
	select {
	case v := <-from:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// fill polls until the batch is full, or its first record has waited long enough.
func (s *Sink) fill(ctx context.Context, group *kafka.Group, b *batch) error {
	records, err := group.Poll(ctx)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	for waited := false; ; {
		for _, record := range records {
			b.add(s.encoder, record)
		}
		if waited || b.line.Lines >= batchLines || len(b.bad) >= batchLines {
			return nil
		}
		records, err = group.Poll(wait)
		// Records may still have come with the end of the wait.
		waited = errors.Is(wait.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		if err != nil && !waited {
			return err
		}
	}
}

// batchWait is how long the first record of a batch waits for others: a person sees a reading within a second.
const batchWait = time.Second
