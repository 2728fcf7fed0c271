// Package notify tells people of alerts, by mail and webhook. Each channel is a consumer group of its own over
// the topic alert: one that is away delays no other, and its offset moves only when its notice was taken.
package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// Group begins the names of the consumer groups: overcloud-notify-mail and overcloud-notify-webhook.
const Group = "overcloud-notify"

// Config says where alerts come from and where they go.
type Config struct {
	Kafka    kafka.Config
	Service  string // named in every notice
	Channels []Channel
	Log      *slog.Logger
	// RetryFirst is the first pause after a channel failed, doubled up to RetryMost; zero means 1 s and 1 min.
	RetryFirst, RetryMost time.Duration
	Now                   func() time.Time // nil means time.Now
}

// Notifier tells people of alerts.
type Notifier struct {
	config Config
	health health
}

// New makes a notifier; Run starts it.
func New(cfg Config) *Notifier {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.RetryFirst <= 0 {
		cfg.RetryFirst = time.Second
	}
	if cfg.RetryMost <= 0 {
		cfg.RetryMost = time.Minute
	}
	cfg.Kafka.Pulse = cmp.Or(cfg.Kafka.Pulse, &kafka.Pulse{})
	n := &Notifier{config: cfg}
	for _, channel := range cfg.Channels {
		n.health.add(channel.Name())
	}
	return n
}

// Run works until ctx ends (nil). Without a channel it says so once and waits. Errors are those that waiting
// cannot cure: ErrInvalid configuration, ErrUnauthorised by Kafka.
func (n *Notifier) Run(ctx context.Context) error {
	if len(n.config.Channels) == 0 {
		n.config.Log.Warn("nobody is told of alerts: neither SMTP_ADDRESS nor WEBHOOK_URL is set")
		<-ctx.Done()
		return nil
	}
	err := n.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (n *Notifier) run(ctx context.Context) error {
	if err := kafka.EnsureTopics(ctx, n.config.Kafka, wire.Topics()); err != nil {
		return err
	}
	producer, err := kafka.NewProducer(n.config.Kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	group, ctx := errgroup.WithContext(ctx)
	for _, channel := range n.config.Channels {
		w := &way{Notifier: n, channel: channel, told: make(told), producer: producer, log: n.config.Log.With("channel", channel.Name())}
		group.Go(func() error { return w.serve(ctx) })
	}
	return group.Wait()
}

// way is one channel with what was told through it.
type way struct {
	*Notifier
	channel  Channel
	told     told
	producer *kafka.Producer
	log      *slog.Logger

	worked  time.Time   // when it last took a notice
	lasting *wire.Alert // that the channel fails
}

func (w *way) serve(ctx context.Context) error {
	group, err := kafka.NewGroup(w.config.Kafka, Group+"-"+w.channel.Name(), wire.TopicAlert)
	if err != nil {
		return err
	}
	defer group.Close()
	for {
		records, err := group.Poll(ctx)
		if err != nil {
			return err
		}
		for _, record := range records {
			if err := w.handle(ctx, record); err != nil {
				return err
			}
		}
		if err := group.Commit(ctx); err != nil {
			return err
		}
	}
}

// handle tells one alert, if it must be told. Its only error is that of ctx.
func (w *way) handle(ctx context.Context, record kafka.Record) error {
	alert, err := wire.Decode[wire.Alert](record.Value)
	if err != nil {
		// The sink puts it into quarantine.
		w.log.Warn("passed over a record that is no alert", "partition", record.Partition, "offset", record.Offset, "cause", err.Error())
		return nil
	}
	if w.isOwn(alert) {
		w.recall(ctx, alert)
		return nil
	}
	name := w.channel.Name()
	if why := w.told.silence(alert, record.Time, w.config.Now()); why != "" {
		w.log.Info("an alert is not told", "alert", alert.ID, "cause", why)
		w.health.quiet(name)
		return nil
	}
	err = w.send(ctx, newNotice(w.config.Service, alert), record.Time)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		w.log.Error("an alert could not be told", "alert", alert.ID, "severity", alert.Severity, "cause", err.Error())
		w.health.lost(name, err)
		w.fails(ctx, alert, err)
		return nil
	}
	w.told.tell(alert, w.config.Now())
	w.health.sent(name, w.config.Now())
	w.works(ctx)
	w.log.Info("told", "alert", alert.ID, "severity", alert.Severity, "ended", alert.EndedMillis != 0)
	return nil
}

// send tries until the channel takes the notice, refuses it for good, or the alert is no news any more.
func (w *way) send(ctx context.Context, notice Notice, arrived time.Time) error {
	wait := w.config.RetryFirst
	for tries := 1; ; tries++ {
		err := w.channel.Send(ctx, notice)
		if err == nil || ctx.Err() != nil || errors.Is(err, fault.ErrRejected) || errors.Is(err, fault.ErrInvalid) {
			return err
		}
		if w.config.Now().Sub(arrived) > staleAfter {
			return err
		}
		if w.health.failing(w.channel.Name(), err) {
			w.log.Warn("trying again to tell an alert", "alert", notice.Alert.ID, "cause", err.Error())
		}
		if tries >= failsAfter {
			w.fails(ctx, notice.Alert, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, w.config.RetryMost)
	}
}
