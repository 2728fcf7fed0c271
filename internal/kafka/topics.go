package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// EnsureTopics creates the topics (name to partitions) that do not exist and leaves those that do as they
// are. New ones stamp records with the broker's time, which the lives of commands are counted from. It waits
// for a broker until ctx ends. Errors: ErrUnreachable, ErrUnauthorised, ErrRejected.
func EnsureTopics(ctx context.Context, cfg Config, topics map[string]int32) error {
	client, err := cfg.client()
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for tries := 0; ; tries++ {
		err := createMissing(ctx, admin, topics)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !again(err) || !pause(ctx, backoff(tries)) {
			return explain(ctx, err, "create topics at %s", cfg.where())
		}
	}
}

// KeepTopics is EnsureTopics for as long as ctx lives: topics that vanish (a cluster that was built anew) come back
// within seconds, without a restart of whoever needs them. It returns nil when ctx has ended.
// Errors: ErrUnauthorised, ErrRejected.
func KeepTopics(ctx context.Context, cfg Config, topics map[string]int32) error {
	const every = 15 * time.Second
	for {
		err := EnsureTopics(ctx, cfg, topics)
		if ctx.Err() != nil || err == nil && !pause(ctx, every) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func createMissing(ctx context.Context, admin *kadm.Client, topics map[string]int32) error {
	known, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	stamp := "LogAppendTime"
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		if known.Has(name) {
			continue
		}
		const brokersDefault = -1 // of the replication factor
		_, err := admin.CreateTopic(ctx, topics[name], brokersDefault, map[string]*string{"message.timestamp.type": &stamp}, name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return err
		}
	}
	return nil
}

// Ping asks the cluster for its metadata. Errors: ErrUnreachable, ErrUnauthorised.
func Ping(ctx context.Context, cfg Config) error {
	client, err := cfg.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return explain(ctx, client.Ping(ctx), "ask Kafka at %s for its metadata", cfg.where())
}
