// Package notices follows what people were told of alerts, and asks the notifier that runs for a test. It tells nobody
// anything by itself.
package notices

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// Config says where notices come from.
type Config struct {
	Kafka   kafka.Config
	Service string
	Log     *slog.Logger
	// Patience is how long a test waits for the notifier; zero means 15 s.
	Patience time.Duration
}

const (
	// back is how far the topic is read at the start: what Kafka keeps by default.
	back = 7 * 24 * time.Hour
	// most bounds the memory: a notice has some 300 bytes.
	most = 2000
	// patience outlasts a notifier that is busy with one notice; its first word takes milliseconds.
	patience = 15 * time.Second
	// asking bounds the request's way to the broker.
	asking = 5 * time.Second
)

// Board is what was told, the newest last. Its methods may be called from any goroutine.
type Board struct {
	config Config

	mu      sync.Mutex
	notices []wire.Notice
	changed chan struct{} // closed and replaced at each change
}

// New makes a board that knows nothing yet; Run fills it.
func New(config Config) *Board {
	config.Patience = cmp.Or(config.Patience, patience)
	return &Board{config: config, changed: make(chan struct{})}
}

// Run follows the notices until ctx ends (nil). Errors: ErrInvalid configuration.
func (b *Board) Run(ctx context.Context) error {
	tail, err := kafka.NewTail(b.config.Kafka, time.Now().Add(-back), wire.TopicNotice)
	if err != nil {
		return err
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			b.config.Log.Warn("notices are not followed", "err", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(time.Second):
			}
			continue
		}
		for _, record := range records {
			n, err := wire.Decode[wire.Notice](record.Value)
			if err != nil {
				b.config.Log.Warn("unreadable record", "topic", record.Topic, "offset", record.Offset, "err", err)
				continue
			}
			b.Take(n)
		}
	}
}

// Take notes the newest word on a notice. One that was told or lost is never trying again.
func (b *Board) Take(n wire.Notice) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.notices, func(old wire.Notice) bool { return old.Channel == n.Channel && old.ID == n.ID })
	switch {
	case i < 0:
		b.notices = append(b.notices, n)
		if len(b.notices) > most {
			b.notices = slices.Delete(b.notices, 0, len(b.notices)-most)
		}
	case n.State == wire.NoticeTrying && b.notices[i].State != wire.NoticeTrying:
		return
	default:
		b.notices = append(slices.Delete(b.notices, i, i+1), n)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// Recent are the newest notices, newest first.
func (b *Board) Recent() []wire.Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	recent := slices.Clone(b.notices)
	slices.Reverse(recent)
	return recent
}

// of are the notices of one ID by channel, and what is closed at the next change.
func (b *Board) of(id string) ([]wire.Notice, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []wire.Notice
	for _, n := range b.notices {
		if n.ID == id {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, c wire.Notice) int { return strings.Compare(a.Channel, c.Channel) })
	return found, b.changed
}

// Test has a test notice sent by every channel and waits until each has taken or refused it, for 15 s at most: what is still
// tried then has the state trying. Errors: ErrUnreachable when Kafka took no request, or when nobody answered it.
func (b *Board) Test(ctx context.Context, who string) ([]wire.Notice, error) {
	ask := wire.NoticeTest{ID: "test-" + strings.ToLower(rand.Text()[:10]), Who: who, TimeMillis: time.Now().UnixMilli()}
	if err := ask.Validate(); err != nil {
		return nil, err
	}
	if err := b.ask(ctx, ask); err != nil {
		return nil, fmt.Errorf("the test was not sent: %w", err)
	}
	until := time.NewTimer(b.config.Patience)
	defer until.Stop()
	for {
		said, changed := b.of(ask.ID)
		trying := slices.ContainsFunc(said, func(n wire.Notice) bool { return n.State == wire.NoticeTrying })
		if len(said) > 0 && !trying {
			return said, nil
		}
		select {
		case <-ctx.Done():
			return said, ctx.Err()
		case <-changed:
		case <-until.C:
			if len(said) == 0 {
				return nil, silence(fmt.Sprintf("nobody answered in %s: no notifier runs, or it cannot reach Kafka", b.config.Patience))
			}
			return said, nil
		}
	}
}

// silence is ErrUnreachable in words of its own.
type silence string

// Error is the sentence.
func (s silence) Error() string { return string(s) }

// Is makes it ErrUnreachable.
func (silence) Is(target error) bool { return target == fault.ErrUnreachable }

// ask publishes a request. It makes its topic when that is missing: an older notifier has not.
func (b *Board) ask(ctx context.Context, ask wire.NoticeTest) error {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	topic := map[string]int32{wire.TopicNoticeTest: wire.Topics()[wire.TopicNoticeTest]}
	if err := kafka.EnsureTopics(ctx, b.config.Kafka, topic); err != nil {
		return err
	}
	producer, err := kafka.NewProducer(b.config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.Produce(ctx, kafka.Record{Topic: wire.TopicNoticeTest, Key: []byte(b.config.Service), Value: wire.Encode(ask)})
}
