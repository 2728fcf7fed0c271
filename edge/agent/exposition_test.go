package agent

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAScraperLearnsTypeAndHelpOfEverything(t *testing.T) {
	manual, err := os.ReadFile("../../docs/edge.md")
	require.NoError(t, err)
	for _, f := range families() {
		require.Contains(t, string(manual), "`"+f.name+"`", "docs/edge.md lists every metric")
		require.Equal(t, strings.HasSuffix(f.name, "_total"), f.kind == "counter", f.name)
		require.NotContains(t, f.help, "\n")
	}
	// What the code tells is among the families, or nobody would be told.
	for _, file := range []string{"metrics.go", "tally.go"} {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		names := regexp.MustCompile(`(?:\.put\(|\.count\(|\t\t\t\{)"([a-z_]+)"`).FindAllStringSubmatch(string(code), -1)
		require.NotEmpty(t, names, file)
		for _, name := range names {
			require.True(t, among(name[1]), name[1])
		}
	}
}

func among(name string) bool {
	for _, f := range families() {
		if f.name == name {
			return true
		}
	}
	return false
}

func TestSeriesOfOneNameStandTogether(t *testing.T) {
	var counts counters
	counts.add("alerts_total", "kind", "spool")
	counts.add("alerts_total", "kind", "box")
	counts.add("alerts_total", "kind", "spool")
	s := newScrape(&counts)
	for _, topic := range []string{"ack", "temp"} {
		s.put("spool_bytes", 1<<26, "topic", topic)
		s.put("spool_records", 0.5, "topic", topic)
	}
	s.put("healthy", 1)
	s.put("no_orders", 0, "room", "a \"hall\"\\\nä")
	require.Equal(t, strings.TrimLeft(`
# HELP overcloud_edge_healthy 1 while every loop goes round
# TYPE overcloud_edge_healthy gauge
overcloud_edge_healthy 1
# HELP overcloud_edge_no_orders 1 while nobody decides for the room
# TYPE overcloud_edge_no_orders gauge
overcloud_edge_no_orders{room="a \"hall\"\\\nä"} 0
# HELP overcloud_edge_spool_records Records that wait for Kafka
# TYPE overcloud_edge_spool_records gauge
overcloud_edge_spool_records{topic="ack"} 0.5
overcloud_edge_spool_records{topic="temp"} 0.5
# HELP overcloud_edge_spool_bytes Bytes on disk of a queue
# TYPE overcloud_edge_spool_bytes gauge
overcloud_edge_spool_bytes{topic="ack"} 67108864
overcloud_edge_spool_bytes{topic="temp"} 67108864
# HELP overcloud_edge_alerts_total Alerts that began
# TYPE overcloud_edge_alerts_total counter
overcloud_edge_alerts_total{kind="box"} 1
overcloud_edge_alerts_total{kind="spool"} 2
`, "\n"), string(s.text()))
}

func TestCountersOutliveTheirAskers(t *testing.T) {
	var counts counters
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 1000 {
			counts.add("readings_total", "room", "hall")
		}
	}()
	for range 100 {
		newScrape(&counts).text()
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("counting hangs")
	}
	require.Contains(t, string(newScrape(&counts).text()), `readings_total{room="hall"} 1000`)
}
