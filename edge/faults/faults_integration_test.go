//go:build integration

package faults

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestAHundredKillsLoseAndDoubleNothing(t *testing.T) {
	killed(t, 100, 1200*time.Millisecond)
}

// The broker is there for a second and away for a second, half a minute long.
func TestAFlappingBrokerLosesAndDoublesNothing(t *testing.T) {
	l := newLab(t, 100*time.Millisecond)
	edge := l.startEdge()
	for range 15 {
		l.startBroker()
		pause(t.Context(), time.Second)
		l.stopBroker()
		pause(t.Context(), time.Second)
	}
	l.startBroker()
	l.settled(nil)
	require.NoError(t, edge.Process.Signal(syscall.SIGTERM))
	require.NoError(t, edge.Wait())
}

// settled waits until the queue runs empty, and checks that everything that the sensors gave until then has arrived
// once, but for what holes says may be missing.
func (l *lab) settled(holes func(id, n int) bool) {
	t := l.t
	require.Eventually(t, func() bool { depth, ok := l.depth(); return ok && depth < 4*howMany }, time.Minute, 100*time.Millisecond)
	given := l.sensors.counts()
	require.Eventually(t, func() bool {
		arrived := l.arrived()
		for id, most := range given {
			for n := 1; n <= most; n++ {
				if arrived[id][n] == 0 && (holes == nil || !holes(id, n)) {
					return false
				}
			}
		}
		return true
	}, 30*time.Second, 500*time.Millisecond, "everything that was given has arrived")
	t.Logf("readings given by each sensor, all of them there once: %v", given)
}

// The disk of the queue is full, of somebody else's files, while the broker is away: sampling goes on, what is lost is
// counted and told, and when there is room again all is as before, without a restart.
func TestAFullDiskIsToldAndLeft(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	l := newLab(t, 100*time.Millisecond)
	data := filepath.Join(l.root, "var/lib/edge")
	require.NoError(t, os.MkdirAll(data, 0o700))
	require.NoError(t, unix.Mount("tmpfs", data, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(data, unix.MNT_DETACH)) })
	edge := l.startEdge()
	require.Eventually(t, func() bool { depth, ok := l.depth(); return ok && depth > 20 }, 20*time.Second, 50*time.Millisecond)
	hog := filepath.Join(data, "somebody-elses")
	file, err := os.Create(hog)
	require.NoError(t, err)
	var full error
	for chunk := make([]byte, 4096); full == nil; {
		_, full = file.Write(chunk)
	}
	require.ErrorIs(t, full, syscall.ENOSPC)
	require.NoError(t, file.Close())
	before := l.sensors.counts()
	require.Eventually(t, func() bool { return l.metric("overcloud_edge_spool_dropped_total") > 20 }, time.Minute, 100*time.Millisecond)
	require.Greater(t, l.sensors.counts()[1], before[1]+4, "sampling goes on")
	lostUntil := l.sensors.counts()
	require.NoError(t, os.Remove(hog))
	require.Eventually(t, func() bool { // told, once there is room to tell it
		text, err := os.ReadFile(l.logs.Name())
		require.NoError(t, err)
		return strings.Contains(string(text), "the queue can be written again")
	}, 20*time.Second, 100*time.Millisecond)
	after := l.sensors.counts()
	l.startBroker()
	l.settled(func(id, n int) bool { return n > before[id]-2 && n <= max(lostUntil[id], after[id]) })
	require.Eventually(t, func() bool { return l.told("spool-drops") }, 30*time.Second, 200*time.Millisecond)
	require.NoError(t, edge.Process.Signal(syscall.SIGTERM))
	require.NoError(t, edge.Wait())
}

// metric is the sum of one of the edge's metrics over its labels.
func (l *lab) metric(name string) (sum float64) {
	response, err := http.Get("http://" + net.JoinHostPort(l.host, "8096") + "/metrics")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), name) {
			continue
		}
		fields := strings.Fields(lines.Text())
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		require.NoError(l.t, err)
		sum += value
	}
	return sum
}

// told says whether Kafka has an alert of a kind.
func (l *lab) told(kind string) (found bool) {
	config := kafka.Config{Brokers: []string{l.address()}}
	ends, err := kafka.Ends(l.t.Context(), config, wire.TopicAlert)
	require.NoError(l.t, err)
	_, err = kafka.Between(l.t.Context(), config, wire.TopicAlert, nil, ends, 1<<20, func(r kafka.Record) {
		a, err := wire.Decode[wire.Alert](r.Value)
		require.NoError(l.t, err)
		found = found || a.Kind == kind
	})
	require.NoError(l.t, err)
	return found
}
