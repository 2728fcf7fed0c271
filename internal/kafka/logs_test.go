package kafka

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestLinesOfLogsAreKeptForAnHour(t *testing.T) {
	cfg := broker(t, 5, "temp")
	ctx := within(t, 10*time.Second)
	require.NoError(t, EnsureTopics(ctx, cfg, wire.Topics()))
	client, err := cfg.client()
	require.NoError(t, err)
	defer client.Close()
	settings, err := kadm.NewClient(client).DescribeTopicConfigs(ctx, cfg.Name(wire.TopicLog), cfg.Name(wire.TopicIntent))
	require.NoError(t, err)
	kept := map[string]string{}
	for _, topic := range settings {
		for _, one := range topic.Configs {
			if one.Key == "retention.ms" {
				kept[topic.Name] = one.MaybeValue()
			}
		}
	}
	require.Equal(t, "3600000", kept[cfg.Name(wire.TopicLog)])
	require.NotEqual(t, "3600000", kept[cfg.Name(wire.TopicIntent)], "what rooms are told stays as long as the cluster says")

	lines := wire.LogLines{Service: "smart-energy", Function: "sink", Replica: 2, TimeMillis: time.Now().UnixMilli(), Note: "its box is away"}
	require.NoError(t, Streams{Producer: producer(t, cfg)}.Log(ctx, lines))
	got, err := group(t, cfg, wire.TopicLog).Poll(ctx)
	require.NoError(t, err)
	require.Equal(t, "smart-energy/sink/2", string(got[0].Key))
	lines.Function = ""
	require.ErrorIs(t, Streams{Producer: producer(t, cfg)}.Log(ctx, lines), fault.ErrInvalid)
}
