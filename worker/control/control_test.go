package control

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// post stands for Temporal: it keeps signals, or is down.
// plant is a broker with all topics, and the control loop beside it.
// measure sends one reading of both sensors each 100 ms until the test ends it.
// read returns the first record of a topic that is wanted.
func TestFromReadingToRecommendationAndLease(t *testing.T) {
	p := newPlant(t)
	p.intent(24, 7)
	p.start()
	defer p.measure(27.8)()
	eventually(t, func() bool { return len(signalled[workflows.Recommendation](p.post)) > 0 }, "a recommendation")
	first := signalled[workflows.Recommendation](p.post)[0]
	require.Equal(t, 22, first.Setpoint)
	require.Contains(t, first.Reason, "inlet 27.8 °C is above 27.5")
	require.Contains(t, first.Reason, "24 -> 22 °C")
	lease := read(p, wire.TopicLease, func(wire.Lease) bool { return true })
	require.Equal(t, "me", lease.Holder)
	require.Equal(t, spec.DefaultPolicy().LeaseTTL.D().Milliseconds(), lease.TTLMillis)

	answer, err := http.Get("http://" + p.health + "/healthz")
	require.NoError(t, err)
	defer answer.Body.Close()
	var health struct {
		OK     bool   `json:"ok"`
		Detail Status `json:"detail"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&health))
	require.True(t, health.OK)
	require.Equal(t, 2, health.Detail.Rooms[0].Fresh)
	require.Less(t, health.Detail.Rooms[0].ReadingAgeSeconds, 5.0)
}

func TestAnEmergencyDoesNotNeedTemporal(t *testing.T) {
	p := newPlant(t)
	p.post.set(true)
	p.intent(24, time.Now().Unix()+50)
	p.start()
	defer p.measure(33)()
	c := read(p, wire.TopicControl, func(wire.Command) bool { return true })
	require.Equal(t, 18, c.Setpoint)
	require.True(t, c.Emergency)
	alert := read(p, wire.TopicAlert, func(a wire.Alert) bool { return a.Kind == "critical" })
	require.Equal(t, "hall/critical", alert.ID)
	require.NoError(t, fn.ProbeHealth(t.Context(), p.health))
	p.post.set(false)
	eventually(t, func() bool { return len(signalled[workflows.Recommendation](p.post)) > 0 }, "the workflow hears of it")
	told := signalled[workflows.Recommendation](p.post)[0]
	require.True(t, told.Emergency)
	require.Equal(t, c.ID, told.CommandID)
	require.Equal(t, c.Revision, told.Revision)
	eventually(t, func() bool { return len(signalled[wire.Alert](p.post)) > 0 }, "and of the alert")
}

// From a critical reading to the command, without waiting for the tick.
func TestACriticalReadingDoesNotWaitForTheTick(t *testing.T) {
	p := newPlant(t)
	p.post.set(true)
	p.tick = 4 * time.Second
	p.intent(24, time.Now().Unix()+50)
	p.start()
	stop := p.measure(26)
	read(p, wire.TopicLease, func(wire.Lease) bool { return true }) // the first tick
	stop()
	began := time.Now()
	defer p.measure(33)()
	read(p, wire.TopicControl, func(wire.Command) bool { return true })
	t.Logf("reading to command: %s", time.Since(began))
	require.Less(t, time.Since(began), p.tick/2)
}

func TestAcksAreForwardedEachOnceAlsoAfterTemporalWasAway(t *testing.T) {
	p := newPlant(t)
	p.post.set(true)
	p.start()
	ack := wire.Ack{ID: "c1", Revision: 1, Room: "hall", AC: "ac1", State: wire.AckConfirmed, Power: true, Setpoint: 24, Source: "command", TimeMillis: time.Now().UnixMilli()}
	send := func(a wire.Ack) { p.put(wire.TopicAck, "hall/ac1", wire.Encode(a)) }
	send(ack)
	refresh := ack
	refresh.Source = "refresh"
	for range 5 {
		send(refresh)
	}
	p.put(wire.TopicAck, "hall/ac1", []byte(`{"not":"an ack"`))
	own := wire.Alert{ID: "hall/unconfirmed/ac1", Room: "hall", Kind: "unconfirmed", Severity: wire.SeverityHigh, BeganMillis: time.Now().UnixMilli(), Source: "workflow"}
	p.put(wire.TopicAlert, "hall", wire.Encode(own))
	p.post.set(false)
	eventually(t, func() bool { return len(signalled[wire.Ack](p.post)) == 1 }, "the ack")
	p.stop()
	next := ack
	next.Revision, next.ID = 2, "c2"
	send(next)
	p.start()
	eventually(t, func() bool { return slices.Contains(signalled[wire.Ack](p.post), next) }, "the next one, after a restart")
	// A refresh that had not been looked at before the restart may be told as well.
	told := slices.DeleteFunc(signalled[wire.Ack](p.post), func(a wire.Ack) bool { return a.Source == "refresh" })
	require.Equal(t, []wire.Ack{ack, next}, told)
	require.NotContains(t, signalled[wire.Alert](p.post), own, "the workflow knows its own")
}

func TestARoomWithoutItsWorkflowHoldsUpNoOther(t *testing.T) {
	p := newPlant(t)
	p.rooms = append(p.rooms, spec.Room{Name: "annex", Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{{ID: 9}}, AirConditioners: []spec.AirConditioner{{Name: "ac1"}}})
	p.post.lose("annex")
	p.start()
	ack := wire.Ack{ID: "c1", Revision: 1, Room: "annex", AC: "ac1", State: wire.AckConfirmed, Power: true, Setpoint: 24, Source: "command", TimeMillis: time.Now().UnixMilli()}
	for ack.Revision = range int64(50) {
		ack.Revision++
		p.put(wire.TopicAck, "annex/ac1", wire.Encode(ack))
	}
	lasting := wire.Alert{ID: "annex/infrared/ac1", Room: "annex", Kind: "infrared", Severity: wire.SeverityHigh, BeganMillis: time.Now().UnixMilli(), Source: "edge"}
	p.put(wire.TopicAlert, "annex", wire.Encode(lasting))
	other := ack
	other.Room = "hall"
	p.put(wire.TopicAck, "hall/ac1", wire.Encode(other))
	began := time.Now()
	eventually(t, func() bool { return len(signalled[wire.Ack](p.post)) == 1 }, "the other room's ack")
	require.Less(t, time.Since(began), asideEvery, "nobody was waited for")
	p.post.lose("")
	eventually(t, func() bool {
		return len(signalled[wire.Ack](p.post)) == 2 && slices.Contains(signalled[wire.Alert](p.post), lasting)
	}, "the newest words")
	require.Equal(t, ack, signalled[wire.Ack](p.post)[1])
}

func TestARestartKnowsTheSetpointAgain(t *testing.T) {
	p := newPlant(t)
	p.intent(24, 7)
	p.start()
	stop := p.measure(26)
	lease := read(p, wire.TopicLease, func(wire.Lease) bool { return true })
	p.stop()
	stop()
	p.start()
	defer p.measure(26)()
	eventually(t, func() bool {
		room := p.room("hall")
		return room.Ours && room.Fresh == 2 && room.ACs[0].Auto == 24 && room.ACs[0].Wants == 24
	}, "the room as it was")
	require.Equal(t, 404, p.get("/rooms/hal", nil))
	read(p, wire.TopicLease, func(l wire.Lease) bool { return l.Revision > lease.Revision })
}

func TestAConfigurationThatCannotBeIsOneSentence(t *testing.T) {
	for want, cfg := range map[string]Config{
		"invalid: control: no service is named (OVERCLOUD_SERVICE)":     {},
		"invalid: no Kafka broker is given (KAFKA_BROKERS=host:port,…)": {Service: "s", Signaller: &post{}},
		`invalid: Kafka broker "nowhere" is not host:port`:              {Service: "s", Signaller: &post{}, Kafka: kafka.Config{Brokers: []string{"nowhere"}}},
	} {
		require.EqualError(t, Run(t.Context(), cfg), want)
	}
}
