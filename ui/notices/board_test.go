package notices

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

func notice(channel, id, state string) wire.Notice {
	return wire.Notice{
		Channel: channel, ID: id, State: state, Subject: "HIGH: warm in lab", TimeMillis: time.Now().UnixMilli(),
		Matters: []wire.NoticeMatter{{Alert: "lab/warm", BeganMillis: time.Now().UnixMilli(), Event: "began", Severity: wire.SeverityHigh}},
	}
}

func TestTheNewestWordOnANoticeHolds(t *testing.T) {
	b := New(Config{})
	for _, n := range []wire.Notice{
		notice("mail", "a", wire.NoticeTrying), notice("mail", "a", wire.NoticeTold), notice("webhook", "a", wire.NoticeTrying),
		notice("mail", "b", wire.NoticeLost), notice("mail", "a", wire.NoticeTrying), // read once more
	} {
		b.Take(n)
	}
	var said []string
	for _, n := range b.Recent() {
		said = append(said, n.Channel+" "+n.ID+" "+n.State)
	}
	require.Equal(t, []string{"mail b lost", "webhook a trying", "mail a told"}, said)
	for i := range most + 10 {
		b.Take(notice("mail", fmt.Sprint(i), wire.NoticeTold))
	}
	require.Len(t, b.Recent(), most, "the memory is bounded")
}

// stage is a broker with a board that follows it.
func stage(t *testing.T, patience time.Duration) (*Board, kafka.Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, wire.TopicNotice))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	cfg := kafka.Config{Brokers: cluster.ListenAddrs()}
	b := New(Config{Kafka: cfg, Service: "s", Log: slog.New(slog.DiscardHandler), Patience: patience})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	return b, cfg
}

// notifier answers requests as the real one does.
func notifier(t *testing.T, cfg kafka.Config, answer func(ask wire.NoticeTest, say func(...wire.Notice))) {
	t.Helper()
	require.NoError(t, kafka.EnsureTopics(t.Context(), cfg, wire.Topics()))
	producer, err := kafka.NewProducer(cfg)
	require.NoError(t, err)
	tail, err := kafka.NewTail(cfg, time.Time{}, wire.TopicNoticeTest)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done; tail.Close(); producer.Close() })
	say := func(notices ...wire.Notice) {
		for _, n := range notices {
			_ = producer.Produce(ctx, kafka.Record{Topic: wire.TopicNotice, Key: []byte(n.Channel), Value: wire.Encode(n)}) // the test ends by its own wait
		}
	}
	go func() {
		defer close(done)
		for {
			records, err := tail.Poll(ctx)
			if err != nil {
				return
			}
			for _, record := range records {
				if ask, err := wire.Decode[wire.NoticeTest](record.Value); err == nil {
					answer(ask, say)
				}
			}
		}
	}()
}

func TestATestIsAnsweredByTheNotifierThatRuns(t *testing.T) {
	b, cfg := stage(t, 20*time.Second)
	notifier(t, cfg, func(ask wire.NoticeTest, say func(...wire.Notice)) {
		say(notice("mail", ask.ID, wire.NoticeTrying), notice("webhook", ask.ID, wire.NoticeTrying))
		lost := notice("webhook", ask.ID, wire.NoticeLost)
		lost.Cause = ask.Who + " was refused"
		say(notice("mail", "another", wire.NoticeLost), notice("mail", ask.ID, wire.NoticeTold), lost)
	})
	said, err := b.Test(t.Context(), "kim")
	require.NoError(t, err)
	require.Len(t, said, 2)
	require.Equal(t, "mail told", said[0].Channel+" "+said[0].State)
	require.Equal(t, "webhook lost kim was refused", said[1].Channel+" "+said[1].State+" "+said[1].Cause)
}

func TestAChannelThatTakesItsTimeIsStillTrying(t *testing.T) {
	b, cfg := stage(t, 3*time.Second)
	notifier(t, cfg, func(ask wire.NoticeTest, say func(...wire.Notice)) { say(notice("mail", ask.ID, wire.NoticeTrying)) })
	said, err := b.Test(t.Context(), "kim")
	require.NoError(t, err)
	require.Equal(t, wire.NoticeTrying, said[0].State)
}

func TestADeadNotifierIsNamed(t *testing.T) {
	b, _ := stage(t, 50*time.Millisecond)
	_, err := b.Test(t.Context(), "kim")
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "nobody answered in 50ms: no notifier runs, or it cannot reach Kafka")
	_, err = b.Test(t.Context(), "")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestABrokerThatIsAwayIsNamed(t *testing.T) {
	b := New(Config{Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := b.Test(ctx, "kim")
	require.Error(t, err)
	require.ErrorContains(t, err, "the test was not sent")
}
