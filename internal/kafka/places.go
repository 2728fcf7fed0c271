package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/fault"
)

// Places is how far each partition of a topic reaches: the offset of its next record, by partition. A missing or
// negative one is unknown.
type Places []int64

// mostPlaces bounds what an unreadable note could ask for.
const mostPlaces = 1024

// reach notes that a partition reaches at least to next.
func (p Places) reach(partition int32, next int64) Places {
	for len(p) <= int(partition) {
		p = append(p, -1)
	}
	p[partition] = max(p[partition], next)
	return p
}

func (p Places) reset() Places { return p[:0] }

// Of is a partition's place, or -1.
func (p Places) Of(partition int32) int64 {
	if int(partition) >= len(p) {
		return -1
	}
	return p[partition]
}

// Reach is p with what further knows of more.
func (p Places) Reach(further Places) Places {
	out := slices.Clone(p)
	for partition, next := range further {
		if next >= 0 {
			out = out.reach(int32(partition), next) // at most mostPlaces
		}
	}
	return out
}

// Encode is p in few bytes.
func (p Places) Encode() []byte {
	out := binary.AppendUvarint(nil, uint64(len(p)))
	for _, next := range p {
		out = binary.AppendVarint(out, next)
	}
	return out
}

// DecodePlaces reads what Encode wrote. Errors are ErrInvalid.
func DecodePlaces(data []byte) (Places, error) {
	count, n := binary.Uvarint(data)
	if n <= 0 || count > mostPlaces {
		return nil, fmt.Errorf("%w: no places of partitions", fault.ErrInvalid)
	}
	p := make(Places, 0, count)
	for range count {
		data = data[n:]
		var next int64
		if next, n = binary.Varint(data); n <= 0 {
			return nil, fmt.Errorf("%w: places of partitions that end early", fault.ErrInvalid)
		}
		p = append(p, next)
	}
	return p, nil
}

// Ends asks how far a topic reaches now. It asks once. Errors: ErrUnreachable, ErrNotFound, ErrUnauthorised.
func Ends(ctx context.Context, cfg Config, topic string) (Places, error) {
	client, err := cfg.client(kgo.DisableClientMetrics())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	topic = cfg.Name(topic)
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	var ends Places
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Partition >= 0 && o.Partition < mostPlaces {
			ends = ends.reach(o.Partition, o.Offset)
		}
	})
	if err == nil && len(ends) == 0 {
		err = kerr.UnknownTopicOrPartition
	}
	return ends, explain(ctx, err, "ask how far topic %s reaches at %s", topic, cfg.where())
}

// Between visits the records of a topic from the places from up to the places to, in each partition in order; a
// partition that from does not know, and one that was made anew and is shorter, is read from its beginning. It looks
// at no more than most records and says whether that was all. Errors: ErrUnreachable, ErrUnauthorised.
func Between(ctx context.Context, cfg Config, topic string, from, to Places, most int, visit func(Record)) (all bool, err error) {
	client, err := cfg.client(kgo.DisableClientMetrics())
	if err != nil {
		return false, err
	}
	topic = cfg.Name(topic)
	starts, err := kadm.NewClient(client).ListStartOffsets(ctx, topic)
	client.Close()
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return false, explain(ctx, err, "ask where topic %s begins at %s", topic, cfg.where())
	}
	begins, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for partition := range int32(len(to)) { // at most mostPlaces
		begin, end, first := from.Of(partition), to[partition], int64(0)
		if start, ok := starts.Lookup(topic, partition); ok {
			first = start.Offset
		}
		if begin > end {
			begin = first
		}
		if begin = max(begin, first); begin < end {
			begins[partition], left[partition] = kgo.NewOffset().At(begin), end
		}
	}
	if len(left) == 0 {
		return true, nil
	}
	return between(ctx, cfg, topic, begins, left, most, visit)
}

// quietMost is how long nothing may come before it is asked whether there is anything: a broker may be away while the
// others answer. What is still said to be there and does not come after so many times has gaps, as a compacted topic has.
const (
	quietMost  = 10 * time.Second
	quietTimes = 3
)

func between(ctx context.Context, cfg Config, topic string, begins map[int32]kgo.Offset, left map[int32]int64, most int, visit func(Record)) (all bool, err error) {
	client, err := cfg.client(kgo.DisableClientMetrics(), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: begins}), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return false, err
	}
	defer client.Close()
	for seen, quiets := 0, 0; len(left) > 0; {
		once, cancel := context.WithTimeout(ctx, quietMost)
		fetches := client.PollRecords(once, pollMost)
		quiet := once.Err() != nil
		cancel()
		if quiet {
			if err := stillThere(ctx, client, topic, left); err != nil {
				return false, explain(ctx, err, "read topic %s at %s", topic, cfg.where())
			}
			if quiets++; quiets == quietTimes {
				return true, nil
			}
			continue
		}
		quiets = 0
		var failed error
		fetches.EachError(func(_ string, _ int32, err error) { failed = errors.Join(failed, err) })
		if failed != nil {
			return false, explain(ctx, failed, "read topic %s at %s", topic, cfg.where())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			seen++
			end, wanted := left[r.Partition]
			if wanted && r.Offset < end && !r.Attrs.IsControl() {
				visit(cfg.incoming(r))
			}
			if wanted && r.Offset >= end-1 {
				delete(left, r.Partition)
			}
		})
		if seen >= most {
			return len(left) == 0, nil
		}
	}
	return true, nil
}

// stillThere takes those partitions out of left that have nothing more before its places: their records were deleted, or
// they are others' and shorter. An error says that one of them has no leader now, or that ctx has ended.
func stillThere(ctx context.Context, client *kgo.Client, topic string, left map[int32]int64) error {
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	for partition, place := range left {
		start, known := starts.Lookup(topic, partition)
		end, still := ends.Lookup(topic, partition)
		if !known || !still || start.Offset >= place || end.Offset < place {
			delete(left, partition)
		}
	}
	return nil
}
