package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/fault"
)

// Member is one member of a consumer group that reads nothing by it: the group only says which partitions of a topic
// are this member's, and with them the keys of which it is in charge. What it reads, it reads by a Tail.
type Member struct {
	config Config
	topic  string // as the broker knows it
	client *kgo.Client
	woken  chan struct{}

	mu    sync.Mutex
	share Share
	moved func(Share)
}

// Share is what a member of a group is in charge of.
type Share struct {
	// Partitions is how many the topic has; zero while that is not known.
	Partitions int32
	// Mine are the member's own, rising.
	Mine []int32
}

// Home is the partition of a key among so many: where Kafka's own clients put its records.
func Home(topic, key string, partitions int32) int32 {
	place := kgo.StickyKeyPartitioner(nil).ForTopic(topic)
	return int32(place.Partition(&kgo.Record{Topic: topic, Key: []byte(key)}, int(partitions))) //nolint:gosec // below partitions
}

// Owns says whether a partition is the member's.
func (s Share) Owns(partition int32) bool { return slices.Contains(s.Mine, partition) }

// recountEvery is how often the topic's partitions are counted again.
const recountEvery = 15 * time.Second

// NewMember makes a member of a group over one topic; it does not dial. Errors are ErrInvalid.
func NewMember(cfg Config, group, topic string) (*Member, error) {
	if group == "" || topic == "" {
		return nil, fmt.Errorf("%w: a member of a group needs the group's name and a topic", fault.ErrInvalid)
	}
	topic = cfg.Name(topic)
	m := &Member{config: cfg, topic: topic, woken: make(chan struct{}, 1)}
	gained := func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { m.change(parts[topic], nil) }
	lost := func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { m.change(nil, parts[topic]) }
	client, err := cfg.client(
		kgo.ConsumerGroup(cfg.Name(group)), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatEvery), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsAssigned(gained), kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost), kgo.DisableClientMetrics(),
	)
	if err != nil {
		return nil, err
	}
	client.PauseFetchTopics(topic)
	m.client = client
	return m, nil
}

// Run says each change of the share until ctx ends (nil). What is taken away is said before another member gets it: that
// one waits until moved has returned. Errors: ErrUnauthorised, the closed client's.
func (m *Member) Run(ctx context.Context, moved func(Share)) error {
	m.mu.Lock()
	m.moved = moved
	m.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- m.faults(ctx) }()
	ticker := time.NewTicker(recountEvery)
	defer ticker.Stop()
	for tries := 0; ; {
		if err := m.recount(ctx); err != nil && ctx.Err() == nil {
			if !pause(ctx, backoff(tries)) {
				continue
			}
			tries++
		} else {
			tries = 0
		}
		select {
		case err := <-ended:
			return err
		case <-m.woken:
		case <-ticker.C:
		}
	}
}

// faults waits for what the client cannot cure, or for the end of ctx.
func (m *Member) faults(ctx context.Context) error {
	for tries := 0; ; tries++ {
		fetches := m.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var denied error
		fetches.EachError(func(_ string, _ int32, err error) {
			if errors.Is(err, kgo.ErrClientClosed) || isDenied(err) {
				denied = err
			}
		})
		if denied != nil {
			return explain(ctx, denied, "be a member of a group at %s", m.config.where())
		}
		if !pause(ctx, backoff(tries)) {
			return nil
		}
	}
}

// recount asks how many partitions the topic has.
func (m *Member) recount(ctx context.Context) error {
	once, cancel := context.WithTimeout(ctx, recountEvery)
	defer cancel()
	topics, err := kadm.NewClient(m.client).ListTopics(once, m.topic)
	if err != nil {
		return err
	}
	count := int32(len(topics[m.topic].Partitions)) //nolint:gosec // a topic has at most some thousands
	if count == 0 {
		return topics[m.topic].Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.share.Partitions != count {
		m.share.Partitions = count
		m.say()
	}
	return nil
}

func (m *Member) change(gained, lost []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := slices.DeleteFunc(slices.Concat(m.share.Mine, gained), func(p int32) bool { return slices.Contains(lost, p) })
	slices.Sort(mine)
	m.share.Mine = slices.Compact(mine)
	m.say()
	select {
	case m.woken <- struct{}{}:
	default:
	}
}

// say tells the share; whoever listens must not ask the member anything. mu is held, so that changes keep their order.
func (m *Member) say() {
	if m.moved != nil {
		m.moved(Share{Partitions: m.share.Partitions, Mine: slices.Clone(m.share.Mine)})
	}
}

// Close leaves the group, so that others take over at once.
func (m *Member) Close() { m.client.CloseAllowingRebalance() }
