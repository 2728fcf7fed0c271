//go:build !integration

package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

func place(t *testing.T) Config {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return Config{Brokers: cluster.ListenAddrs(), ClientID: "test", Prefix: "here."}
}

// onlyEmbedded is for tests that reach into the embedded broker.
func onlyEmbedded(*testing.T) {}
