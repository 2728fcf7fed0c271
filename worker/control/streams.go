package control

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const (
	// readingsGroup shares the rooms: its members' partitions of temp say who decides for which room.
	readingsGroup   = "overcloud-control"
	forwardingGroup = "overcloud-control-acks"
	produceFor      = 5 * time.Second  // one attempt; the queue tries for ever
	signalFor       = 10 * time.Second // one attempt
	pauseFirst      = time.Second
	pauseMost       = 5 * time.Second
)

// streams are the ends of everything that goes through Kafka.
type streams struct {
	config   kafka.Config
	member   *kafka.Member
	words    *kafka.Group // acks and alerts, for the workflows
	tails    []*kafka.Tail
	needed   int // the first of tails are what decisions wait for
	producer *kafka.Producer
}

func open(cfg Config) (*streams, error) {
	config := cfg.Kafka
	config.ClientID = cmp.Or(config.ClientID, "overcloud-control")
	config.Log = cmp.Or(config.Log, cfg.Log)
	s := &streams{config: config}
	if err := s.open(cfg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *streams) open(cfg Config) (err error) {
	if s.member, err = kafka.NewMember(s.config, readingsGroup, wire.TopicTemp); err != nil {
		return err
	}
	if s.words, err = kafka.NewGroup(s.config, forwardingGroup, wire.TopicAck, wire.TopicAlert); err != nil {
		return err
	}
	if s.producer, err = kafka.NewProducer(s.config); err != nil {
		return err
	}
	stale := time.Minute
	for _, room := range cfg.Rooms {
		stale = max(stale, room.Policy.StaleAfter.D())
	}
	stale = min(stale, readBackMost)
	for _, t := range []struct {
		back   time.Duration
		topics []string
	}{
		{stale, []string{wire.TopicTemp}},
		{readBackOfCommands, []string{wire.TopicIntent, wire.TopicControl}},
		{readBackOfMemory, []string{wire.TopicDecision, wire.TopicLease, wire.TopicAck}},
		{readBackOfAlerts, []string{wire.TopicAlert}},
		{stale, []string{wire.TopicPower}},
		{readBackOfBoxes, []string{wire.TopicResource}},
	} {
		tail, err := kafka.NewTail(s.config, time.Now().Add(-t.back), t.topics...)
		if err != nil {
			return err
		}
		s.tails = append(s.tails, tail)
	}
	s.needed = 4 // without power and resources something can be decided
	// Each room publishes at most once an hour, but for a process that ends: so the newest of all is among the last.
	learned, err := kafka.NewTailOfLast(s.config, int64(4*len(cfg.Rooms)+100), wire.TopicLearned)
	if err != nil {
		return err
	}
	s.tails = append(s.tails, learned)
	return nil
}

func (s *streams) close() {
	if s.member != nil {
		s.member.Close()
	}
	if s.words != nil {
		s.words.Close()
	}
	for _, tail := range s.tails {
		tail.Close()
	}
	if s.producer != nil {
		s.producer.Close()
	}
}

// past counts the tails that have not yet read what was there before the start.
type past struct{ left atomic.Int32 }

func newPast() *past {
	p := &past{}
	p.left.Store(1) // nobody has begun
	return p
}

func (p *past) read() bool { return p.left.Load() <= 0 }

// tail hands a tail's records to the loop, in pieces. caught is called once, when what was there at the start has been
// handed over.
func (l *loop) tail(ctx context.Context, tail *kafka.Tail, caught func()) error {
	const look = 100 * time.Millisecond // a tail that has nothing to read says so only when it is asked
	if err := tail.Begin(ctx); err != nil {
		return ended(ctx, err)
	}
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if caught != nil {
			wait, cancel = context.WithTimeout(ctx, look)
		}
		records, err := tail.Poll(wait)
		late := wait.Err() != nil
		cancel()
		if ctx.Err() != nil || err != nil && !late {
			return ended(ctx, err)
		}
		for len(records) > 0 {
			some := records[:min(chunk, len(records))]
			records = records[len(some):]
			if !l.hand(ctx, decode(some, l.cfg.Log)) {
				return nil
			}
		}
		if caught != nil && tail.Caught() {
			caught()
			caught = nil
		}
	}
}

func (l *loop) hand(ctx context.Context, in heard) bool {
	select {
	case <-ctx.Done():
		return false
	case l.batches <- in:
		return true
	}
}

// publish writes what waits in a queue, the newest of each kind, for as long as it takes: so many at once, in several
// batches, of which none waits for another.
func (l *loop) publish(ctx context.Context, q *queue[kafka.Record], most int, producer *kafka.Producer) {
	places := make(chan struct{}, publishers)
	var sending sync.WaitGroup
	defer sending.Wait()
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		batch, err := q.take(ctx, most)
		if err != nil {
			return // ctx has ended
		}
		sending.Go(func() {
			defer func() { <-places }()
			l.produce(ctx, q, batch, producer)
		})
	}
}

func (l *loop) produce(ctx context.Context, q *queue[kafka.Record], batch []entry[kafka.Record], producer *kafka.Producer) {
	records := make([]kafka.Record, len(batch))
	for i, e := range batch {
		records[i] = e.item
	}
	once, cancel := context.WithTimeout(ctx, produceFor)
	defer cancel()
	err := l.fault(&l.faults.kafka, "publish to "+records[0].Topic, producer.Produce(once, records...))
	switch {
	case !errors.Is(err, fault.ErrRejected):
		q.done(batch, err == nil)
	case len(batch) > 1: // one of them; the others must not suffer for it
		for i := range batch {
			l.produce(ctx, q, batch[i:i+1], producer)
		}
		return
	default:
		l.cfg.Log.Error("a record that the broker will never take is given up", "topic", records[0].Topic, "key", string(records[0].Key), "cause", err.Error())
		q.done(batch, true)
		return
	}
	if err != nil {
		pause(ctx, pauseFirst)
	}
}

// signal tells the workflows what waits, several at once.
func (l *loop) signal(ctx context.Context) error {
	for wait := pauseFirst; ; {
		taken, err := l.signals.take(ctx, 1)
		if err != nil {
			return nil // ctx has ended
		}
		s := taken[0].item
		once, cancel := context.WithTimeout(ctx, signalFor)
		err = l.cfg.Signaller.SignalTune(once, l.cfg.Service, s.room, workflows.SignalRecommend, s.payload)
		cancel()
		l.signals.done(taken, l.fault(&l.faults.temporal, "recommend to "+s.room, err) == nil)
		if err == nil {
			wait = pauseFirst
			continue
		}
		if !pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, pauseMost)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
