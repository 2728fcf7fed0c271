package sink

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/testbin"
)

// An hour without InfluxDB, in half a minute: it is killed again and again, now in the middle of a write, now away for
// seconds, while readings keep coming; so is the sink itself. Every reading is counted after, and the memory stayed what
// it was.
func TestNothingIsLostHoweverOftenInfluxDBIsKilled(t *testing.T) {
	onlyEmbedded(t)
	binary := testbin.Path(t, "worker")
	r := newRig(t, influxtest.New(t))
	start := func() *exec.Cmd {
		sink := exec.CommandContext(r.ctx, binary, "sink")
		sink.Env = []string{
			"KAFKA_BROKERS=" + r.config.Kafka.Brokers[0], "KAFKA_PREFIX=" + r.config.Kafka.Prefix, "INFLUX_URL=" + r.server.URL, "INFLUX_BUCKET=" + r.database + "/autogen",
			"OVERCLOUD_LISTEN_HOST=127.0.0.1", "HEALTH_PORT=" + freePort(t), "LOG_LEVEL=error",
		}
		sink.Stderr = os.Stderr
		sink.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		require.NoError(t, sink.Start())
		return sink
	}
	sink := start()
	stop := make(chan struct{})
	var producing sync.WaitGroup
	var halt sync.Once
	end := func() { halt.Do(func() { close(stop) }); producing.Wait() }
	t.Cleanup(end)
	sent := 0
	producing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				r.readings(sent, sent+200) // 4,000 a second: as of 40,000 sensors
				sent += 200
			}
		}
	})

	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for kills, began := 0, time.Now(); kills < 3 || kills < 12 && time.Since(began) < 15*time.Second; kills++ {
		time.Sleep(time.Duration(200+random.IntN(1500)) * time.Millisecond)
		r.server.Stop() // kill -9
		if kills == 2 {
			require.NoError(t, sink.Process.Kill())
			require.Error(t, sink.Wait())
			sink = start()
		}
		time.Sleep(time.Duration(random.IntN(2500)) * time.Millisecond)
		r.server.Start()
	}
	end()
	began := time.Now()
	points := -1
	for deadline := began.Add(time.Minute); points != sent && time.Now().Before(deadline); points = r.points() {
		time.Sleep(200 * time.Millisecond)
	}
	require.Equal(t, sent, points)
	peak := peakMemory(t, sink.Process.Pid)
	t.Logf("%d readings, all there %s after the last kill, peak %.1f MiB", sent, time.Since(began).Round(time.Millisecond), float64(peak)/(1<<20))
	require.NoError(t, sink.Process.Signal(syscall.SIGTERM))
	require.NoError(t, sink.Wait())
	require.Equal(t, sent, r.points(), "each once")
	require.Less(t, peak, memoryMost)
}
