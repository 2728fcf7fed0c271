package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// beginning is where a tail begins in each partition: at the first record of its time or later. The client's own
// search for it asks for the first record of that time and for the end at once, and passes over a record that comes
// between the two answers; here the end is asked for first.
type beginning struct {
	since time.Time
	last  int64 // instead of since: so many records before the end of each partition
	known bool  // the broker was asked
	// left are the partitions whose end, as the broker told it, has not been reached yet.
	left map[partition]int64
	// at is where each partition begins; one that is not here was unknown when the broker was asked, and begins at
	// its first record that is new enough.
	at map[partition]int64
	// passed are the partitions that have begun, behind those that have records before their beginning; jumped are
	// those that were spared them, once: what is then still before it is another log, shorter than the one asked for.
	passed, behind, jumped map[partition]bool
}

func newBeginning(since time.Time) *beginning {
	return &beginning{
		since: since, at: map[partition]int64{}, left: map[partition]int64{},
		passed: map[partition]bool{}, behind: map[partition]bool{}, jumped: map[partition]bool{},
	}
}

// find asks the broker. Partitions that it cannot tell of now stay unknown. An error says that it told of none.
func (b *beginning) find(ctx context.Context, client *kgo.Client, topics []string) error {
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if len(ends) == 0 && err != nil {
		return err
	}
	var first kadm.ListedOffsets
	if b.last > 0 {
		first, err = admin.ListStartOffsets(ctx, topics...)
	} else {
		first, err = admin.ListOffsetsAfterMilli(ctx, b.since.UnixMilli(), topics...)
	}
	if len(first) == 0 && err != nil {
		return err
	}
	ends.Each(func(end kadm.ListedOffset) {
		// Where no record is new enough, first is an end too, and a later one.
		begin, ok := first.Lookup(end.Topic, end.Partition)
		if !ok || begin.Err != nil || end.Err != nil {
			return
		}
		p, at := partition{end.Topic, end.Partition}, min(begin.Offset, end.Offset)
		if b.last > 0 {
			at = max(at, end.Offset-b.last)
		}
		b.at[p] = at
		if at < end.Offset {
			b.left[p] = end.Offset
		}
	})
	return nil
}

// reached says whether a record is after the beginning of its partition. What is new enough always is, wherever it
// stands. A nil beginning is the start of everything.
func (b *beginning) reached(r *kgo.Record) bool {
	if b == nil {
		return true
	}
	p := partition{r.Topic, r.Partition}
	if end, waited := b.left[p]; waited && r.Offset >= end-1 {
		delete(b.left, p)
	}
	at, found := b.at[p]
	if !b.passed[p] && r.Timestamp.UnixMilli() < b.since.UnixMilli() && (!found || r.Offset < at) {
		if found {
			b.behind[p] = true
		}
		return false
	}
	b.passed[p] = true
	return true
}

// jump spares the client what lies before the beginnings of the partitions that were behind.
func (b *beginning) jump(client *kgo.Client) {
	if b == nil || len(b.behind) == 0 {
		return
	}
	for p := range b.behind {
		if !b.passed[p] && !b.jumped[p] {
			b.jumped[p] = true
			client.SetOffsets(b.place(p))
		}
	}
	clear(b.behind)
}

// skip tells the client all beginnings; those of partitions that it does not know yet come by jump.
func (b *beginning) skip(client *kgo.Client) {
	for p := range b.at {
		client.SetOffsets(b.place(p))
	}
}

func (b *beginning) place(p partition) map[string]map[int32]kgo.EpochOffset {
	return map[string]map[int32]kgo.EpochOffset{p.topic: {p.number: {Epoch: -1, Offset: b.at[p]}}}
}
