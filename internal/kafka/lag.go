package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/overcloud/overcloud/internal/fault"
)

// Lags asks clusters for the lag of consumer groups. Its Config gives what else a connection needs (TLS, user); the
// brokers come with each question, since they are where a function was placed.
type Lags struct{ Config Config }

// Lag is the records between what the group has committed and the ends of the partitions of every topic that it has
// read, with the number of those partitions; empty brokers are those of Config. A partition that it has not committed counts from its beginning. It connects
// anew each time: one question in ten seconds is not worth a connection that may point at a broker that has moved.
// Errors: ErrUnreachable, ErrNotFound when the group has committed nothing yet, ErrUnauthorised, ErrInvalid.
func (l Lags) Lag(ctx context.Context, brokers []string, group string) (records int64, partitions int, err error) {
	config := l.Config
	if len(brokers) > 0 {
		config.Brokers = brokers
	}
	client, err := config.client()
	if err != nil {
		return 0, 0, err
	}
	defer client.Close()
	described, err := kadm.NewClient(client).Lag(ctx, group)
	if err == nil {
		err = described.Error()
	}
	if err != nil {
		return 0, 0, explain(ctx, err, "lag of group %s at %s", group, config.where())
	}
	one := described[group]
	if len(one.Lag) == 0 {
		return 0, 0, fmt.Errorf("group %s at %s has committed nothing yet: %w", group, config.where(), fault.ErrNotFound)
	}
	var faults []error
	for _, partition := range one.Lag.Sorted() {
		if partition.Err != nil {
			faults = append(faults, explain(ctx, partition.Err, "lag of %s in %s/%d", group, partition.Topic, partition.Partition))
			continue
		}
		partitions++
		records += max(0, partition.Lag)
	}
	return records, partitions, errors.Join(faults...)
}
