package sink

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/testbin"
)

// memoryMost is the limit that a specification may set for the sink's container.
const memoryMost = 64 << 20

// A backlog of hours must not take more memory than a quiet day: the real process stores 300,000 readings.
func TestABacklogDoesNotGrowTheSink(t *testing.T) {
	binary := testbin.Path(t, "worker")
	r := newRig(t, influxtest.New(t))
	const backlog, batch = 300_000, 10_000
	for i := 0; i < backlog; i += batch {
		r.readings(i, i+batch/2)
		other := make([]kafka.Record, 0, batch/2)
		for j := i + batch/2; j < i+batch; j++ {
			record := r.reading(j)
			record.Key = fmt.Appendf(nil, "lab-%d", j%7) // all partitions
			other = append(other, record)
		}
		r.produce(other...)
	}
	sink := exec.CommandContext(r.ctx, binary, "sink")
	sink.Env = []string{
		"KAFKA_BROKERS=" + r.config.Kafka.Brokers[0], "KAFKA_PREFIX=" + r.config.Kafka.Prefix, "INFLUX_URL=" + r.server.URL, "INFLUX_BUCKET=" + r.database + "/autogen",
		"OVERCLOUD_LISTEN_HOST=127.0.0.1", "HEALTH_PORT=" + freePort(t), "LOG_LEVEL=warn",
	}
	sink.Stderr = os.Stderr
	sink.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	require.NoError(t, sink.Start())
	r.await(backlog)
	peak := peakMemory(t, sink.Process.Pid)
	t.Logf("%d readings in %s, peak %.1f MiB", backlog, time.Since(began).Round(time.Millisecond), float64(peak)/(1<<20))
	require.NoError(t, sink.Process.Signal(syscall.SIGTERM))
	require.NoError(t, sink.Wait())
	require.Less(t, peak, memoryMost)
}

// peakMemory is the most that a process had resident, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			require.NoError(t, err)
			return kib << 10
		}
	}
	t.Fatal("the kernel does not say")
	return 0
}

func freePort(t *testing.T) string {
	t.Helper()
	address := freeAddress(t)
	return address[strings.LastIndex(address, ":")+1:]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
