package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// askedFor is how old a request for a test may be: who asked has gone by then. It forgives clocks that differ.
const askedFor = 2 * time.Minute

// noChannel stands in a notice for the channel that is not there.
const noChannel = "none"

// answerTests sends a test notice for each record on the topic of requests and says on the topic of notices, at once that
// it tries and then what came of it. So whoever asks learns whether the notifier that runs, with the configuration that it
// runs with, reaches people. Its only errors are ErrUnauthorised by Kafka and a client that is closed.
func (n *Notifier) answerTests(ctx context.Context) error {
	err := n.insist(ctx, wire.TopicNoticeTest, func(once context.Context) error { return kafka.EnsureTopics(once, n.config.Kafka, wire.Topics()) })
	if err != nil {
		return ended(ctx, err)
	}
	producer, err := kafka.NewProducer(n.config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	tail, err := kafka.NewTail(n.config.Kafka, n.born, wire.TopicNoticeTest) // one before the start may be answered already
	if err != nil {
		return err
	}
	defer tail.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		desk := tests{Notifier: n, producer: producer, group: group}
		for {
			records, err := tail.Poll(ctx)
			if err != nil {
				return err
			}
			for _, record := range records {
				desk.take(ctx, record)
			}
		}
	})
	return ended(ctx, group.Wait())
}

// ended is nil for an error that is only that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// tests takes the requests for tests, one after another.
type tests struct {
	*Notifier
	producer *kafka.Producer
	group    *errgroup.Group
	last     time.Time // when one was sent
	lastID   string
}

func (t *tests) take(ctx context.Context, record kafka.Record) {
	ask, err := wire.Decode[wire.NoticeTest](record.Value)
	now := t.config.Now()
	switch {
	case err != nil:
		t.config.Log.Warn("passed over a record that is none", "topic", record.Topic, "offset", record.Offset, "cause", err.Error())
	case now.Sub(record.Time) > askedFor, ask.ID == t.lastID:
	case len(t.ways) == 0:
		t.say(ctx, ask, t.notice(ask, noChannel, wire.NoticeLost, "nothing is configured: set SMTP_ADDRESS or WEBHOOK_URL"))
	case !t.last.IsZero() && now.Sub(t.last) < testEvery:
		var refused []wire.Notice
		for _, w := range t.ways {
			refused = append(refused, t.notice(ask, w.channel.Name(), wire.NoticeLost, fmt.Sprintf("a test was sent within the last %s", testEvery)))
		}
		t.say(ctx, ask, refused...)
	default:
		t.last, t.lastID = now, ask.ID
		t.send(ctx, ask)
	}
}

// send says first that it tries, by every channel: a channel may take its time.
func (t *tests) send(ctx context.Context, ask wire.NoticeTest) {
	var trying []wire.Notice
	for _, w := range t.ways {
		trying = append(trying, t.notice(ask, w.channel.Name(), wire.NoticeTrying, ""))
	}
	t.say(ctx, ask, trying...)
	t.group.Go(func() error {
		t.test(ctx, ask.ID, ask.Who, func(tested Tested) {
			state := wire.NoticeTold
			if !tested.OK {
				state = wire.NoticeLost
			}
			t.say(ctx, ask, t.notice(ask, tested.Channel, state, tested.Fault))
		})
		return nil
	})
}

func (t *tests) notice(ask wire.NoticeTest, channel, state, cause string) wire.Notice {
	now := t.config.Now().UnixMilli()
	return wire.Notice{
		Channel: channel, ID: ask.ID, State: state, Subject: fmt.Sprintf("TEST: %.100s wants to know whether notices arrive", ask.Who),
		Cause: clip(cause), TimeMillis: now,
		Matters: []wire.NoticeMatter{{Alert: ask.ID, BeganMillis: ask.TimeMillis, Event: EventTest, Severity: wire.SeverityWarning}},
	}
}

func (t *tests) say(ctx context.Context, ask wire.NoticeTest, notices ...wire.Notice) {
	ctx, cancel := context.WithTimeout(ctx, publishFor)
	defer cancel()
	var records []kafka.Record
	for _, n := range notices {
		records = append(records, kafka.Record{Topic: wire.TopicNotice, Key: []byte(n.Channel), Value: wire.Encode(n)})
	}
	if err := t.producer.Produce(ctx, records...); err != nil {
		t.config.Log.Warn("what became of a test could not be said", "test", ask.ID, "cause", err.Error())
	}
}
