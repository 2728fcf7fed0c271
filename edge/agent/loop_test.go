package agent

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// world is an edge with a simulated room around it and, once started, a broker.
// start runs an edge; the returned function stops it and waits until it has closed in order.
// until polls a topic from its beginning until enough says so.
// machine is what the simulated air conditioner really does.
// readings checks that what came is in order for each sensor, each with its own time, none twice, and returns
// how many there are of each.
func TestTheLoopFromSensorToAirConditioner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	stop := w.start()

	records := w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) >= 20 })
	count := w.readings(records)
	require.Greater(t, count[1], 5)
	require.Greater(t, count[2], 5)

	w.lease()
	w.order(1, 20)
	acks := w.acks(has(wire.AckConfirmed, "command", 20))
	require.Equal(t, wire.AckSent, acks[0].State)
	require.Equal(t, "c1", acks[0].ID)
	require.Contains(t, acks[1].Evidence, "infrared echo 0x88")
	require.True(t, acks[1].Simulated)
	require.Equal(t, 20, w.machine().Setpoint)

	w.order(1, 25)
	w.order(2, 35)
	acks = w.acks(has(wire.AckRejected, "command", 35))
	require.Contains(t, acks[len(acks)-1].Evidence, "outside 18 to 27")
	require.Equal(t, 20, w.machine().Setpoint, "neither an old revision nor a forbidden setpoint")

	resources := w.until(wire.TopicResource, func(r []kafka.Record) bool { return len(r) >= 2 })
	r, err := wire.Decode[wire.Resource](resources[1].Value)
	require.NoError(t, err)
	require.Equal(t, "pi-1", r.Box)
	require.NotNil(t, r.CPUPercent, "the second look has rates")

	var status Status
	w.get("http://"+w.config.Listen+"/api/v1/status", &status)
	require.Len(t, status.Sensors, 2)
	require.Less(t, *status.Sensors[0].AgeS, 5.0)
	require.EqualValues(t, 2, status.AirConditioners[0].Revision)
	stop()
	require.Equal(t, 20, w.machine().Setpoint, "a stop leaves the air conditioner as it is")

	// The broker still has command 1, which a new process has seen before; the last state is repeated.
	w.start()
	w.acks(has(wire.AckConfirmed, "refresh", 20))
}

func TestNothingIsLostOrDoubledWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start()
	depth := func() int {
		var status Status
		w.get("http://"+w.config.Listen+"/api/v1/status", &status)
		return status.Queues[wire.TopicTemp].Depth
	}
	require.Eventually(t, func() bool { return healthy(w.config.Listen) }, 5*time.Second, 20*time.Millisecond, "a broker is optional")
	require.Eventually(t, func() bool { return depth() > 20 }, 10*time.Second, 50*time.Millisecond)
	stop()
	queued := 0
	{ // what is on disk after the stop
		o, err := openOutbox(w.config)
		require.NoError(t, err)
		queued = o.spools[wire.TopicTemp].Stats().Depth
		require.NoError(t, o.close())
		require.Greater(t, queued, 20)
	}
	w.start()
	require.Eventually(t, func() bool { return healthy(w.config.Listen) && depth() > queued+10 }, 10*time.Second, 50*time.Millisecond)

	w.startBroker()
	records := w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > queued+40 })
	count := w.readings(records)
	require.Greater(t, count[1], 20)
	require.Eventually(t, func() bool { return depth() < 5 }, 10*time.Second, 50*time.Millisecond, "the queue runs empty")
	first, err := wire.ParseReading("hall", records[0].Value, records[0].Time, nil)
	require.NoError(t, err)
	require.Greater(t, records[0].Time.Sub(first.At), 300*time.Millisecond, "its own time, not that of its arrival")

	// None was lost: no gap between readings is much longer than the interval, but for the restart.
	gaps := 0
	var last time.Time
	for _, r := range records {
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(t, err)
		if reading.Sensor == 1 {
			if !last.IsZero() && reading.At.Sub(last) > time.Second {
				gaps++
			}
			last = reading.At
		}
	}
	require.LessOrEqual(t, gaps, 1)
}

func TestWithoutLeasesTheRoomIsCooledAndWithThemAgainOrdersHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	w.start()
	w.lease()
	w.order(1, 26)
	w.acks(has(wire.AckConfirmed, "command", 26))
	require.Equal(t, 26, w.machine().Setpoint)

	// No lease for two seconds.
	w.acks(has(wire.AckConfirmed, "fail-safe", 22))
	require.Equal(t, 22, w.machine().Setpoint)
	alerts := w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) >= 1 })
	began, err := wire.Decode[wire.Alert](alerts[0].Value)
	require.NoError(t, err)
	require.Equal(t, "no-orders", began.Kind)
	require.Zero(t, began.EndedMillis)

	before := len(w.kept[wire.TopicAck])
	w.lease()
	w.until(wire.TopicAck, func(r []kafka.Record) bool {
		if len(r) <= before {
			return false
		}
		a, err := wire.Decode[wire.Ack](r[len(r)-1].Value)
		require.NoError(t, err)
		return a.State == wire.AckConfirmed && a.Source == "command" && a.Setpoint == 26
	})
	alerts = w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) >= 2 })
	ended, err := wire.Decode[wire.Alert](alerts[1].Value)
	require.NoError(t, err)
	require.Equal(t, began.ID, ended.ID)
	require.NotZero(t, ended.EndedMillis)
}

func TestHeatWithoutOrdersCoolsAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Rooms[0].Policy.High = 20 // the simulated room is warmer than that
	w.start()                          // no broker at all
	require.Eventually(t, func() bool { return w.machine().Setpoint == 18 }, 15*time.Second, 50*time.Millisecond)
}

func TestADeafAirConditionerIsToldAgainAndReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.EchoWait = 300 * time.Millisecond
	w.config.Rooms[0].Policy.ResendMost = 1
	w.startBroker()
	w.send("PUT", "infrared", `{"loss":1}`)
	w.start()
	w.order(1, 21)
	alerts := w.until(wire.TopicAlert, func(r []kafka.Record) bool {
		for _, one := range r {
			if strings.Contains(string(one.Value), `"infrared"`) {
				return true
			}
		}
		return false
	})
	require.NotEmpty(t, alerts)
	w.send("PUT", "infrared", `{"loss":0}`)
	w.lease()
	w.order(2, 22)
	w.acks(has(wire.AckConfirmed, "command", 22))
}

func TestTheHandRemoteIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	w.start()
	w.lease()
	w.order(1, 24)
	w.acks(has(wire.AckConfirmed, "command", 24))
	w.send("POST", "ac/ac1/remote", `{"setpoint":29,"heard":true}`)
	w.acks(has(wire.AckConfirmed, "hand remote", 29))
}

// The broker dies while readings come, and returns with what it had: the queue bridges it.
func TestABrokerThatDiesAndReturnsMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(w.port), kfake.DataDir(dir), kfake.SyncWrites())
		require.NoError(t, err)
		return cluster
	}
	cluster := start()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, kafka.EnsureTopics(ctx, w.broker, wire.Topics()))
	w.start()
	w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 10 })
	cluster.Close()
	var health struct {
		Detail Status `json:"detail"`
	}
	require.Eventually(t, func() bool { // the outage: readings pile up
		w.get("http://"+w.config.Listen+"/healthz", &health)
		return health.Detail.Queues[wire.TopicTemp].Depth > 20
	}, 20*time.Second, 50*time.Millisecond)
	cluster = start()
	t.Cleanup(cluster.Close)
	back := time.Now()
	records := w.until(wire.TopicTemp, func(r []kafka.Record) bool {
		return len(r) > 0 && r[len(r)-1].Time.After(back.Add(time.Second))
	})
	last := map[int]time.Time{}
	for _, r := range records {
		reading, err := wire.ParseReading(string(r.Key), r.Value, r.Time, r.Headers)
		require.NoError(t, err)
		if before := last[reading.Sensor]; !before.IsZero() && reading.At.After(before) {
			require.Less(t, reading.At.Sub(before), time.Second, "a gap: readings were lost")
		}
		last[reading.Sensor] = reading.At
	}
	require.True(t, last[1].After(back), "it goes on")
}

func TestAlertsOfAnEarlierRunEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := wire.Alert{
		ID: "hall/sensor/1/edge", Room: "hall", Kind: "sensor", Severity: wire.SeverityWarning, Source: "edge",
		BeganMillis: time.Now().UnixMilli(), Evidence: "it does not answer",
	}
	o, err := openOutbox(w.config)
	require.NoError(t, err)
	o.alert(began)
	require.NoError(t, o.close())

	o, err = openOutbox(w.config)
	require.NoError(t, err)
	batch, err := o.spools[wire.TopicAlert].Read(10)
	require.NoError(t, err)
	require.Len(t, batch.Records, 2)
	ended, err := wire.Decode[wire.Alert](batch.Records[1].Value)
	require.NoError(t, err)
	require.Equal(t, began.ID, ended.ID)
	require.NotZero(t, ended.EndedMillis)
	require.Empty(t, o.lasting.left())
	require.NoError(t, o.close())
}

func TestASensorThatDoesNotAnswerIsReportedAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startBroker()
	broken := make(chan bool, 1)
	broken <- true
	flaky := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		down := <-broken
		broken <- down
		if down {
			http.Error(rw, "no sensor here", http.StatusServiceUnavailable)
			return
		}
		rw.Write([]byte(`{"celsius":24.5}`))
	}))
	t.Cleanup(flaky.Close)
	w.config.Devices.Simulation.URL = flaky.URL
	w.config.Rooms[0].AirConditioners = nil
	w.config.Rooms[0].Sensors = w.config.Rooms[0].Sensors[:1]
	w.start()
	alerts := w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) == 1 })
	require.Contains(t, string(alerts[0].Value), "no sensor here")
	<-broken
	broken <- false
	alerts = w.until(wire.TopicAlert, func(r []kafka.Record) bool { return len(r) == 2 })
	ended, err := wire.Decode[wire.Alert](alerts[1].Value)
	require.NoError(t, err)
	require.NotZero(t, ended.EndedMillis)
	w.until(wire.TopicTemp, func(r []kafka.Record) bool { return len(r) > 0 })
}
