package kafka

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// broker is a place of the test's own, with topics. In make test that is the embedded broker; in make integration, and
// wherever KAFKA_ADDR says, Apache Kafka itself.
func broker(t *testing.T, partitions int32, topics ...string) Config {
	t.Helper()
	cfg := place(t)
	if len(topics) == 0 {
		return cfg
	}
	client, err := cfg.client()
	require.NoError(t, err)
	defer client.Close()
	// The tests' records are of 2023: without this they would soon be deleted.
	settings := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	made, err := kadm.NewClient(client).CreateTopics(within(t, 30*time.Second), partitions, -1, settings, cfg.names(topics)...)
	require.NoError(t, err)
	require.NoError(t, made.Error())
	return cfg
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func producer(t *testing.T, cfg Config) *Producer {
	t.Helper()
	p, err := NewProducer(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func group(t *testing.T, cfg Config, topics ...string) *Group {
	t.Helper()
	g, err := NewGroup(cfg, "readers", topics...)
	require.NoError(t, err)
	t.Cleanup(g.Close)
	return g
}

func numbered(topic string, n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Topic: topic, Key: fmt.Append(nil, "key", i%7), Value: fmt.Append(nil, i)}
	}
	return records
}

func read(t *testing.T, ctx context.Context, poll func(context.Context) ([]Record, error), n int) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for len(seen) < n {
		records, err := poll(ctx)
		require.NoError(t, err, "after %d of %d", len(seen), n)
		for _, record := range records {
			seen[string(record.Value)]++
		}
	}
	return seen
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
