package kafka

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// errRebuilt says that the topics that a client knows are gone for good: they were deleted and made anew, or the
// cluster was. A client holds on to the old ones for ever; a new client finds the new ones.
var errRebuilt = errors.New("the topics were made anew")

// goneFor is how long topics must be unknown, without a record between, before they count as gone: a broker that has
// just started may not know them yet.
const goneFor = 10 * time.Second

// logEvery keeps a broker that is away from filling the log.
const logEvery = 30 * time.Second

// poll is what Group and Tail share. idle is called when a poll brought nothing but errors.
func poll(ctx context.Context, client *kgo.Client, log *slog.Logger, idle func()) ([]*kgo.Record, error) {
	var gone, logged time.Time
	for tries := 0; ; tries++ {
		fetches := client.PollRecords(ctx, pollMost)
		var denied, unknown error
		fetches.EachError(func(topic string, number int32, err error) {
			var loss *kgo.ErrDataLoss
			switch {
			case ctx.Err() != nil:
			case errors.Is(err, kgo.ErrClientClosed), isDenied(err):
				denied = err
			case errors.As(err, &loss):
				log.Error("the broker lost records that it had", "topic", topic, "partition", number, "cause", err.Error())
			default:
				if isUnknown(err) {
					unknown = err
				}
				if time.Since(logged) >= logEvery {
					logged = time.Now()
					log.Warn("waiting for Kafka", "topic", topic, "cause", err.Error())
				}
			}
		})
		if records := fetches.Records(); len(records) > 0 {
			return records, nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case denied != nil:
			return nil, explain(ctx, denied, "poll")
		case unknown == nil:
			gone = time.Time{}
		case gone.IsZero():
			gone = time.Now()
		case time.Since(gone) >= goneFor:
			log.Warn("topics were made anew: reading them from their beginning", "cause", unknown.Error())
			return nil, errRebuilt
		}
		idle()
		pause(ctx, backoff(tries))
	}
}

func isUnknown(err error) bool {
	return errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.InconsistentTopicID)
}
