//go:build integration

package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A broker of others keeps what is theirs and loses what a test made.
func TestABrokerOfOthersIsLeftAsItWas(t *testing.T) {
	cluster := New(t, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	theirs := []string{"temp", "test-of-theirs"}
	_, err = admin.CreateTopics(ctx, 1, 1, nil, theirs...)
	require.NoError(t, err)
	t.Setenv(Address, cluster.Brokers()[0])
	var shared Shared
	t.Run("a test", func(t *testing.T) {
		place, other := shared.Place(t), shared.Place(t)
		require.NotEqual(t, place.Prefix, other.Prefix)
		topic := place.Prefix + "temp"
		_, err = admin.CreateTopic(ctx, 1, 1, nil, topic)
		require.NoError(t, err)
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: topic, At: 0})
		require.Eventually(t, func() bool { // the coordinator may not know the topic yet
			return admin.CommitAllOffsets(ctx, place.Prefix+"readers", offsets) == nil
		}, 10*time.Second, 50*time.Millisecond)
	})
	require.Nil(t, shared.cluster, "it started none")
	require.Eventually(t, func() bool {
		topics, err := admin.ListTopics(ctx)
		return err == nil && len(topics.Names()) == len(theirs) && topics.Has(theirs[0]) && topics.Has(theirs[1])
	}, 10*time.Second, 100*time.Millisecond)
	groups, err := admin.ListGroups(ctx)
	require.NoError(t, err)
	require.Empty(t, groups)
}
