package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	pending places   // the last records polled and not committed
	marks   []places // handed out by Mark and not committed
}

// places are the last record of each partition.
type places map[partition]*kgo.Record

type partition struct {
	topic  string
	number int32
}

// A member that was killed is missed after sessionTimeout, the least that brokers allow unless they are told otherwise;
// the others hear of it with their next heartbeat. Until then its partitions stand still.
const (
	sessionTimeout = 6 * time.Second
	heartbeatEvery = time.Second
)

// rebalanceTimeout is how long others wait for this member to finish its batch.
const rebalanceTimeout = 30 * time.Second

// NewGroup makes a member; it does not dial. Errors are ErrInvalid.
func NewGroup(cfg Config, group string, topics ...string) (*Group, error) {
	if group == "" || len(topics) == 0 {
		return nil, fmt.Errorf("%w: a consumer group needs a name and topics", fault.ErrInvalid)
	}
	g := &Group{config: cfg, name: group, topics: topics, pending: make(places)}
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
		kgo.ConsumerGroup(g.config.Name(g.name)), kgo.ConsumeTopics(g.config.names(g.topics)...), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatEvery), kgo.RebalanceTimeout(rebalanceTimeout),
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
	for _, mark := range g.marks {
		clear(mark)
	}
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
		out[i] = g.config.incoming(record)
	}
	return out, nil
}

// Commit makes everything polled so far count as processed, trying again until ctx ends. It returns nil also
// when the group has taken the partitions away meanwhile: their next owner gets the records again; and when the topics
// are gone.
// Errors: ErrUnreachable, ErrUnauthorised, ErrRejected.
func (g *Group) Commit(ctx context.Context) error {
	defer g.current().AllowRebalance()
	return g.commit(ctx, g.mark(), 0) // partitions stay meanwhile: no commit is refused for a moment only
}

// Mark remembers everything polled so far for a later CommitMark, and lets partitions go: whoever processes on
// another goroutine than it polls has nothing to hold them for. What is taken away meanwhile is not committed.
// Every Mark is to be committed, in the order in which they were made.
func (g *Group) Mark() Mark {
	mark := g.mark()
	g.current().AllowRebalance()
	return mark
}

func (g *Group) mark() Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	mark := g.pending
	g.pending = make(places, len(mark))
	g.marks = append(g.marks, mark)
	return Mark{mark}
}

// Mark is how far a group had been polled.
type Mark struct{ places places }

// CommitMark makes everything before the mark count as processed; it may run beside Poll. It waits and errs as
// Commit does. A commit that meets a rebalance is made again for the partitions that stayed: nothing may come to them
// for days, and until then their records would count as not processed.
func (g *Group) CommitMark(ctx context.Context, mark Mark) error {
	return g.commit(ctx, mark, commitPatience)
}

// commitPatience is for a rebalance, and for a broker that has just started and does not know all topics yet.
const commitPatience = 10 * time.Second

func (g *Group) commit(ctx context.Context, mark Mark, patience time.Duration) error {
	began := time.Now()
	for tries := 0; ; tries++ {
		client, last := g.left(mark)
		if len(last) == 0 {
			break
		}
		err := client.CommitRecords(ctx, last...)
		switch {
		case err == nil:
		case (isUnknown(err) || moved(err)) && client == g.current() && time.Since(began) < patience && pause(ctx, backoff(tries)):
			continue
		case isUnknown(err), errors.Is(err, kgo.ErrClientClosed) && client != g.current():
			g.config.log().Info("topics were made anew before the commit of what their predecessors held", "group", g.name)
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
	defer g.mu.Unlock()
	clear(mark.places) // a mark is empty once it is committed
	g.marks = slices.DeleteFunc(g.marks, func(p places) bool { return len(p) == 0 })
	return nil
}

// left is what of a mark is still ours, and the client that polled it: another one would commit it of topics that were
// made anew.
func (g *Group) left(mark Mark) (*kgo.Client, []*kgo.Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.client, slices.Collect(maps.Values(mark.places))
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
			for _, mark := range g.marks {
				delete(mark, partition{topic, number})
			}
		}
	}
}

func moved(err error) bool {
	return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.UnknownMemberID) ||
		errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.FencedInstanceID) || errors.Is(err, kerr.StaleMemberEpoch)
}
