//go:build !integration

package sink

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/kafka"
)

// place is an embedded broker of the test's own. In make integration it is Apache Kafka.
func place(t *testing.T) kafka.Config {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	return kafka.Config{Brokers: cluster.ListenAddrs(), Prefix: "here."}
}

// onlyEmbedded is for tests that are long and not about the broker.
func onlyEmbedded(*testing.T) {}
