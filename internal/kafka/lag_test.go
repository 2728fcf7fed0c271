package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestTheLagOfAGroup(t *testing.T) {
	cfg := broker(t, 4, "work")
	ctx := within(t, 20*time.Second)
	lags := Lags{}
	_, _, err := lags.Lag(ctx, cfg.Brokers, cfg.Name("readers"))
	require.ErrorIs(t, err, fault.ErrNotFound, "a group that nobody knows has no lag, not a lag of zero")

	require.NoError(t, producer(t, cfg).Produce(ctx, numbered("work", 100)...))
	g := group(t, cfg, "work")
	records, err := g.Poll(ctx)
	require.NoError(t, err)
	for len(records) < 100 {
		more, err := g.Poll(ctx)
		require.NoError(t, err)
		records = append(records, more...)
	}
	require.NoError(t, g.Commit(ctx))
	left, partitions, err := lags.Lag(ctx, cfg.Brokers, cfg.Name("readers"))
	require.NoError(t, err)
	require.Zero(t, left)
	require.Equal(t, 4, partitions)

	require.NoError(t, producer(t, cfg).Produce(ctx, numbered("work", 30)...))
	left, _, err = lags.Lag(ctx, cfg.Brokers, cfg.Name("readers"))
	require.NoError(t, err)
	require.EqualValues(t, 30, left, "what was produced since and not committed")

	_, _, err = lags.Lag(within(t, time.Second), []string{"127.0.0.1:1"}, "readers")
	require.ErrorIs(t, err, fault.ErrUnreachable)
	_, _, err = lags.Lag(ctx, []string{"nowhere"}, "readers")
	require.ErrorIs(t, err, fault.ErrInvalid)
}
