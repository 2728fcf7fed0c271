package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheWatchCountsFromTheStart(t *testing.T) {
	start := time.Now()
	w := newWatch(start)
	missing, began := w.tick(start.Add(4*time.Minute), 5*time.Minute)
	require.False(t, missing || began)
	missing, began = w.tick(start.Add(5*time.Minute), 5*time.Minute)
	require.True(t, missing && began)
	missing, began = w.tick(start.Add(6*time.Minute), 5*time.Minute)
	require.True(t, missing)
	require.False(t, began, "it begins once")

	require.True(t, w.seen(start.Add(7*time.Minute), 100), "orders are back")
	missing, _ = w.tick(start.Add(8*time.Minute), 5*time.Minute)
	require.False(t, missing)
	require.False(t, w.seen(start.Add(8*time.Minute), 100), "the same lease again renews nothing")
	missing, began = w.tick(start.Add(12*time.Minute), 5*time.Minute)
	require.True(t, missing && began)
}

func TestTheFirstLeaseIsOrdersComingBack(t *testing.T) {
	start := time.Now()
	w := newWatch(start)
	require.True(t, w.seen(start, 1))
	require.False(t, w.seen(start, 2))
}
