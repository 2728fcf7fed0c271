package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/fault"
)

// Group is one member of a consumer group. Poll and Commit are for one goroutine: poll, process, commit.
// Members share the partitions; a partition without a committed offset starts at its beginning.
//
// While records are being processed no partition is taken away, for at most the rebalance timeout; after it
// the member is thrown out, its commit does nothing, and the next owner gets the records again.
type Group struct {
	config Config
	name   string
	topics []string

	mu      sync.Mutex
	client  *kgo.Client
	closed  bool
	pending map[partition]*kgo.Record // the last record polled and not committed
}

type partition struct {
	topic  string
	number int32
}

// rebalanceTimeout is how long others wait for this member to finish its batch.
const rebalanceTimeout = 30 * time.Second

// NewGroup makes a member; it does not dial. Errors are ErrInvalid.
func NewGroup(cfg Config, group string, topics ...string) (*Group, error) {
	if group == "" || len(topics) == 0 {
		return nil, fmt.Errorf("%w: a consumer group needs a name and topics", fault.ErrInvalid)
	}
	g := &Group{config: cfg, name: group, topics: topics, pending: make(map[partition]*kgo.Record)}
	client, err := g.open()
	if err != nil {
		return nil, err
	}
	g.client = client
	return g, nil
}

func (g *Group) open() (*kgo.Client, error) {
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { g.forget(lost) }
	return g.config.client(
		kgo.ConsumerGroup(g.name), kgo.ConsumeTopics(g.topics...), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(10*time.Second), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsRevoked(forget), kgo.OnPartitionsLost(forget),
	)
}

// reopen joins the group anew: the topics that this member knew are gone.
func (g *Group) reopen() error {
	fresh, err := g.open()
	if err != nil {
		return err
	}
	g.mu.Lock()
	old := g.client
	if g.closed {
		old = fresh
	} else {
		g.client = fresh
	}
	clear(g.pending)
	g.mu.Unlock()
	old.CloseAllowingRebalance()
	return nil
}

func (g *Group) current() *kgo.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.client
}

// Poll blocks until there are records, at most 5,000, or ctx ends (its error is returned bare). A broker that
// is away is waited for. Records polled before and not committed stay to be committed.
// Errors: ctx's, ErrUnauthorised, the closed client's.
func (g *Group) Poll(ctx context.Context) ([]Record, error) {
	var records []*kgo.Record
	for {
		client := g.current()
		client.AllowRebalance()
		var err error
		if records, err = poll(ctx, client, g.config.log(), client.AllowRebalance); err == nil {
			break
		}
		client.AllowRebalance()
		if !errors.Is(err, errRebuilt) {
			return nil, err
		}
		if err := g.reopen(); err != nil {
			return nil, err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]Record, len(records))
	for i, record := range records {
		g.pending[partition{record.Topic, record.Partition}] = record
		out[i] = incoming(record)
	}
	return out, nil
}

// Commit makes everything polled so far count as processed, trying again until ctx ends. It returns nil also
// when the group has taken the partitions away meanwhile: their next owner gets the records again.
// Errors: ErrUnreachable, ErrUnauthorised, ErrRejected.
func (g *Group) Commit(ctx context.Context) error {
	g.mu.Lock()
	last := make([]*kgo.Record, 0, len(g.pending))
	for _, record := range g.pending {
		last = append(last, record)
	}
	g.mu.Unlock()
	for tries := 0; len(last) > 0; tries++ {
		err := g.current().CommitRecords(ctx, last...)
		switch {
		case err == nil:
		case moved(err):
			g.config.log().Info("partitions moved before their commit; their next owner reads the records again",
				"group", g.name, "cause", err.Error())
		case ctx.Err() == nil && again(err):
			pause(ctx, backoff(tries))
			continue
		default:
			return explain(ctx, err, "commit offsets of group %s at %s", g.name, g.config.where())
		}
		break
	}
	g.mu.Lock()
	clear(g.pending)
	g.mu.Unlock()
	g.current().AllowRebalance()
	return nil
}

// Close leaves the group, so that others take over at once. What was not committed is read again.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	client := g.client
	g.mu.Unlock()
	client.CloseAllowingRebalance()
}

// forget drops what is no longer ours to commit: committing it could rewind its new owner.
func (g *Group) forget(lost map[string][]int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for topic, numbers := range lost {
		for _, number := range numbers {
			delete(g.pending, partition{topic, number})
		}
	}
}

func moved(err error) bool {
	return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.UnknownMemberID) ||
		errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.FencedInstanceID) || errors.Is(err, kerr.StaleMemberEpoch)
}
