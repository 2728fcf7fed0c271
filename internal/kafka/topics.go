package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/wire"
)

// What a topic of ours is made with, where the cluster's own settings are not stricter: a record counts as written when
// two of three brokers have it, so that one may be away and one may be lost.
const (
	replicasWanted = 3
	inSyncWanted   = 2
	replicasMost   = 32 // of Config.Replicas
)

// EnsureTopics creates the topics (name to partitions) that do not exist and leaves those that do as they
// are. New ones stamp records with the broker's time, which the lives of commands are counted from, and are kept by
// Config.Replicas brokers. It waits for a broker, and for as many as shall keep a topic, until ctx ends.
// Errors: ErrUnreachable, ErrUnauthorised, ErrRejected.
func EnsureTopics(ctx context.Context, cfg Config, topics map[string]int32) error {
	return ensure(ctx, cfg, topics, true)
}

func ensure(ctx context.Context, cfg Config, topics map[string]int32, tell bool) error {
	client, err := cfg.client()
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	var logged time.Time
	for tries := 0; ; tries++ {
		err := createMissing(ctx, cfg, admin, topics, tell)
		if err == nil {
			return nil
		}
		few := errors.Is(err, kerr.InvalidReplicationFactor) // brokers of a cluster that starts come one by one
		if ctx.Err() != nil || !again(err) && !few || !pause(ctx, backoff(tries)) {
			return explain(ctx, err, "create topics at %s", cfg.where())
		}
		if few && time.Since(logged) >= logEvery {
			logged = time.Now()
			cfg.log().Warn("waiting for as many brokers as shall keep a topic", "cause", err.Error())
		}
	}
}

// KeepTopics is EnsureTopics for as long as ctx lives: topics that vanish (a cluster that was built anew) come back
// within seconds, without a restart of whoever needs them. It returns nil when ctx has ended.
// Errors: ErrUnauthorised, ErrRejected.
func KeepTopics(ctx context.Context, cfg Config, topics map[string]int32) error {
	const every = 15 * time.Second
	for {
		err := ensure(ctx, cfg, topics, false)
		if ctx.Err() != nil || err == nil && !pause(ctx, every) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func createMissing(ctx context.Context, cfg Config, admin *kadm.Client, topics map[string]int32, tell bool) error {
	names := slices.Sorted(maps.Keys(topics))
	known, err := admin.ListTopics(ctx, cfg.names(names)...)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return known.Has(cfg.Name(name)) })
	if len(missing) == 0 && !tell {
		return nil
	}
	made, err := cfg.making(ctx, admin)
	if err != nil {
		return err
	}
	for len(missing) > 0 { // all with as many partitions, and kept as long, at once
		partitions, kept := topics[missing[0]], wire.Retention(missing[0])
		like := func(name string) bool { return topics[name] == partitions && wire.Retention(name) == kept }
		alike := slices.DeleteFunc(slices.Clone(missing), func(name string) bool { return !like(name) })
		missing = slices.DeleteFunc(missing, like)
		answers, err := admin.CreateTopics(ctx, partitions, made.replicas, made.keptFor(kept), cfg.names(alike)...)
		if err != nil {
			return err
		}
		for _, answer := range answers.Sorted() {
			if answer.Err != nil && !errors.Is(answer.Err, kerr.TopicAlreadyExists) {
				return fmt.Errorf("topic %s, %d replicas: %w", answer.Topic, made.replicas, answer.Err)
			}
		}
		if err := settled(ctx, admin, cfg.names(alike)); err != nil {
			return err
		}
	}
	if tell {
		made.tellOfFew(cfg, known)
	}
	return nil
}

// settled waits until topics that have just been made have leaders, as far as the broker that is asked knows: whoever
// made them writes next.
func settled(ctx context.Context, admin *kadm.Client, names []string) error {
	for tries := 0; ; tries++ {
		known, err := admin.ListTopics(ctx, names...)
		if err == nil {
			err = known.Error()
		}
		known.EachPartition(func(p kadm.PartitionDetail) {
			if p.Err != nil {
				err = p.Err
			}
		})
		unsettled := isUnknown(err) || errors.Is(err, kerr.LeaderNotAvailable)
		if err == nil || !unsettled || !pause(ctx, backoff(tries)) {
			return err
		}
	}
}

// making is how topics are made.
type making struct {
	replicas int16
	settings map[string]*string
}

// making looks at the cluster and what its operators have set. What nobody has set, or may be read, is 1 in Kafka.
func (c Config) making(ctx context.Context, admin *kadm.Client) (making, error) {
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return making{}, err
	}
	if len(brokers) == 0 {
		return making{}, kerr.BrokerNotAvailable
	}
	ours := map[string]int{}
	if configs, err := admin.DescribeBrokerConfigs(ctx, brokers[0].NodeID); err == nil && len(configs) == 1 && configs[0].Err == nil {
		for _, config := range configs[0].Configs {
			if n, err := strconv.Atoi(config.MaybeValue()); err == nil && config.Source != kmsg.ConfigSourceDefaultConfig {
				ours[config.Key] = n
			}
		}
	}
	m := making{replicas: c.Replicas, settings: map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime")}}
	if m.replicas == 0 {
		m.replicas = int16(min(max(min(replicasWanted, len(brokers)), ours["default.replication.factor"]), replicasMost))
	}
	if m.replicas >= replicasWanted && ours["min.insync.replicas"] < inSyncWanted {
		m.settings["min.insync.replicas"] = kadm.StringPtr(strconv.Itoa(inSyncWanted))
	}
	return m, nil
}

// keptFor are the settings of topics that are kept for a while of their own; zero is the cluster's. What is removed are
// whole segments, so theirs are short.
func (m making) keptFor(retention time.Duration) map[string]*string {
	if retention == 0 {
		return m.settings
	}
	settings := maps.Clone(m.settings)
	settings["retention.ms"] = kadm.StringPtr(strconv.FormatInt(retention.Milliseconds(), 10))
	settings["segment.ms"] = kadm.StringPtr(strconv.FormatInt((retention / 4).Milliseconds(), 10))
	return settings
}

// tellOfFew says which topics are kept by fewer brokers than they would be if they were made now: those of a cluster
// that has grown, or that others made. Moving records is its operator's matter.
func (m making) tellOfFew(cfg Config, known kadm.TopicDetails) {
	var few []string
	for _, topic := range known.Sorted() {
		if topic.Err == nil && len(topic.Partitions) > 0 && topic.Partitions.NumReplicas() < int(m.replicas) {
			few = append(few, topic.Topic)
		}
	}
	if len(few) > 0 {
		cfg.log().Warn("topics are kept by fewer brokers than there are to keep them: kafka-reassign-partitions.sh cures it",
			"topics", few, "wanted", m.replicas)
	}
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
