package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// channel fails as often as it is told to.
type channel struct {
	name string

	mu       sync.Mutex
	failures []error
	notices  []Notice
	taken    func() // called after a notice was taken, before anybody knows
}

func (c *channel) Name() string { return c.name }

func (c *channel) Send(_ context.Context, n Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) > 0 {
		err := c.failures[0]
		if err.Error() != "for ever" {
			c.failures = c.failures[1:]
		}
		return err
	}
	c.notices = append(c.notices, n)
	if c.taken != nil {
		c.taken()
	}
	return nil
}

func (c *channel) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, n := range c.notices {
		for _, line := range n.Alerts {
			ids = append(ids, line.Alert.ID+" "+line.Event)
		}
	}
	return ids
}

func (c *channel) heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = nil
}

type rig struct {
	t        *testing.T
	ctx      context.Context
	cluster  *kfake.Cluster
	kafka    kafka.Config
	producer *kafka.Producer
}

func newRig(t *testing.T) rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, wire.TopicAlert, wire.TopicAnswer))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	r := rig{t: t, ctx: ctx, cluster: cluster, kafka: kafka.Config{Brokers: cluster.ListenAddrs()}}
	r.producer, err = kafka.NewProducer(r.kafka)
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	return r
}

func (r rig) start(channels ...Channel) (n *Notifier, stop func()) {
	var outlets []Outlet
	for _, c := range channels {
		outlets = append(outlets, Outlet{Channel: c, Rules: Rules{hurry: 20 * time.Millisecond}})
	}
	n = New(Config{Kafka: r.kafka, Service: "s", Channels: outlets, RetryFirst: time.Millisecond, RetryMost: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); require.NoError(r.t, <-done) }) }
	r.t.Cleanup(stop)
	return n, stop
}

func (r rig) say(topic string, record wire.Validator) {
	r.t.Helper()
	require.NoError(r.t, record.Validate())
	require.NoError(r.t, r.producer.Produce(r.ctx, kafka.Record{Topic: topic, Key: []byte("lab"), Value: wire.Encode(record)}))
}

func (r rig) begin(id, severity string) { r.say(wire.TopicAlert, alert(id, severity, time.Now())) }

func (r rig) end(id, severity string) {
	a := alert(id, severity, time.Now())
	a.EndedMillis = a.BeganMillis
	r.say(wire.TopicAlert, a)
}

func (r rig) await(c *channel, want ...string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(c.told()) >= len(want) }, 30*time.Second, 5*time.Millisecond, "%v of %v", c.told(), want)
	require.ElementsMatch(r.t, want, c.told())
}

func TestAChannelThatIsAwayDelaysNoOther(t *testing.T) {
	r := newRig(t)
	away := &channel{name: "away", failures: []error{fmt.Errorf("for ever")}}
	works := &channel{name: "works", failures: []error{fault.ErrUnreachable, fault.ErrUnauthorised}}
	n, _ := r.start(away, works)
	require.NoError(t, r.producer.Produce(r.ctx, kafka.Record{Topic: wire.TopicAlert, Key: []byte("lab"), Value: []byte("no alert")}))
	r.begin("lab/limit/1", wire.SeverityHigh)
	told := []string{"lab/limit/1 began", "lab/notify/away began"}
	r.await(works, told...)
	r.begin("lab/limit/1", wire.SeverityHigh) // said again
	r.end("lab/limit/1", wire.SeverityHigh)
	r.begin("lab/limit/2", wire.SeverityHigh)
	told = append(told, "lab/limit/1 ended", "lab/limit/2 began")
	r.await(works, told...)
	detail, err := n.Check()
	require.NoError(t, err, "another notifier would fare no better")
	require.Equal(t, "for ever", detail.(Status).Channels[0].Failing)
	require.Empty(t, detail.(Status).Kafka.Fault)
	require.Empty(t, away.told())

	away.heal()
	r.await(away, "lab/limit/1 began", "lab/limit/1 ended", "lab/limit/2 began")
	r.await(works, append(told, "lab/notify/away ended")...)
}

func TestARestartTellsNothingAgainAndForgetsNoAnswer(t *testing.T) {
	r := newRig(t)
	first := &channel{name: "mail"}
	_, stop := r.start(first)
	r.begin("lab/limit/1", wire.SeverityHigh)
	r.begin("lab/limit/2", wire.SeverityWarning)
	r.await(first, "lab/limit/1 began", "lab/limit/2 began")
	r.say(wire.TopicAnswer, wire.Answer{Room: "lab", Alert: "lab/limit/1", Kind: wire.AnswerAcknowledge, Who: "kim", TimeMillis: time.Now().UnixMilli()})
	r.say(wire.TopicAnswer, wire.Answer{
		Room: "lab", Alert: "lab/limit/2", Kind: wire.AnswerShelve, Who: "kim", TimeMillis: time.Now().UnixMilli(), UntilMillis: time.Now().Add(time.Hour).UnixMilli(),
	})
	stop()
	r.begin("lab/limit/3", wire.SeverityHigh)
	second := &channel{name: "mail"}
	n, stop := r.start(second)
	r.await(second, "lab/limit/3 began")
	stop()
	ledger := n.ways[0].ledger
	require.Equal(t, "kim", ledger.matters["lab/limit/1"].acked.Who)
	require.Equal(t, "kim", ledger.matters["lab/limit/2"].shelved.Who)
	third := &channel{name: "mail"}
	r.start(third)
	r.end("lab/limit/3", wire.SeverityHigh)
	r.await(third, "lab/limit/3 ended")
	require.Equal(t, first.notices[0].ID == first.notices[len(first.notices)-1].ID, len(first.notices) == 1)
}

// The process is killed after the server took the notice and before that was noted: the same notice is told once more,
// and no more than that.
func TestKilledBetweenTakenAndNoted(t *testing.T) {
	r := newRig(t)
	ctx, kill := context.WithCancel(r.ctx)
	first := &channel{name: "mail", taken: kill}
	n := New(Config{Kafka: r.kafka, Service: "s", Channels: []Outlet{{first, Rules{hurry: 20 * time.Millisecond}}}})
	r.begin("lab/limit/1", wire.SeverityHigh)
	r.begin("lab/limit/2", wire.SeverityHigh)
	require.NoError(t, n.Run(ctx))
	require.Len(t, first.notices, 1)
	r.begin("lab/limit/3", wire.SeverityCritical) // more to tell by now
	second := &channel{name: "mail"}
	_, stop := r.start(second)
	r.await(second, "lab/limit/1 began", "lab/limit/2 began", "lab/limit/3 began")
	require.Equal(t, first.notices[0].ID, second.notices[0].ID, "a mail program knows it as the same")
	require.Equal(t, first.notices[0].Subject, second.notices[0].Subject)
	stop()
	third := &channel{name: "mail"}
	r.start(third)
	r.begin("lab/limit/4", wire.SeverityHigh)
	r.await(third, "lab/limit/4 began")
}

func TestARefusedNoticeIsCountedAndPassed(t *testing.T) {
	r := newRig(t)
	c := &channel{name: "mail", failures: []error{fmt.Errorf("to nobody: %w", fault.ErrRejected)}}
	n, _ := r.start(c)
	r.begin("lab/limit/1", wire.SeverityHigh)
	require.Eventually(t, func() bool {
		detail, err := n.Check()
		status, ok := detail.(Status)
		return ok && err == nil && status.Channels[0].Lost == 1
	}, 20*time.Second, 5*time.Millisecond)
	r.begin("lab/limit/2", wire.SeverityHigh)
	r.await(c, "lab/limit/2 began")
}

func TestKafkaThatGoesAwayCostsNoNotice(t *testing.T) {
	r := newRig(t)
	c := &channel{name: "mail"}
	r.start(c)
	r.begin("lab/limit/1", wire.SeverityHigh)
	r.await(c, "lab/limit/1 began")
	var refuse sync.Mutex
	refuse.Lock()
	r.cluster.ControlKey(1, func(_ kmsg.Request) (kmsg.Response, error, bool) { // fetches are not answered for a while
		r.cluster.KeepControl()
		if refuse.TryLock() {
			refuse.Unlock()
			return nil, nil, false
		}
		return nil, fault.ErrUnreachable, true
	})
	r.begin("lab/limit/2", wire.SeverityHigh)
	time.AfterFunc(300*time.Millisecond, refuse.Unlock)
	r.await(c, "lab/limit/1 began", "lab/limit/2 began")
}

func TestWithoutAChannelItSaysSo(t *testing.T) {
	var log bytes.Buffer
	n := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	detail, err := n.Check()
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(detail), "nothing configured")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, n.Run(ended))
	require.Equal(t, 1, strings.Count(log.String(), "nobody is told of alerts"))
}

func TestATestNoticeGoesByEveryChannelAndSaysHow(t *testing.T) {
	good, bad := &channel{name: "good"}, &channel{name: "bad", failures: []error{fmt.Errorf("no route: %w", fault.ErrUnreachable)}}
	n := New(Config{Service: "s", Channels: []Outlet{{Channel: good}, {Channel: bad}}})
	handler := n.TestHandler()
	ask := func(body string) (int, string) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/v1/test", strings.NewReader(body)))
		return answer.Code, answer.Body.String()
	}
	code, body := ask(`{"who":"kim"}`)
	require.Equal(t, http.StatusBadGateway, code)
	var said struct{ Channels []Tested }
	require.NoError(t, json.Unmarshal([]byte(body), &said))
	require.True(t, said.Channels[0].OK)
	require.Equal(t, "no route: unreachable", said.Channels[1].Fault)
	require.Equal(t, "[s] TEST: notices arrive", good.notices[0].Subject)
	require.Contains(t, good.notices[0].Text, "kim asked for")
	code, _ = ask("")
	require.Equal(t, http.StatusTooManyRequests, code)
	code, _ = ask("{")
	require.Equal(t, http.StatusBadRequest, code)
}

func TestTheHeartbeatStopsWhenAlertsWouldNotBeTold(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	beats := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if q.Method == http.MethodPost && q.URL.Path == "/hidden" {
			beats++
		}
	}))
	defer server.Close()
	heard := func() int { mu.Lock(); defer mu.Unlock(); return beats }
	h, err := NewHeartbeat(server.URL+"/hidden", 0)
	require.NoError(t, err)
	h.every = 10 * time.Millisecond
	c := &channel{name: "mail"}
	n := New(Config{Kafka: r.kafka, Channels: []Outlet{{c, Rules{hurry: time.Millisecond}}}, Heartbeat: h, RetryFirst: time.Millisecond, RetryMost: time.Millisecond})
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	defer func() { cancel(); <-done }()
	require.Eventually(t, func() bool { return heard() > 2 }, 20*time.Second, 5*time.Millisecond)
	c.mu.Lock()
	c.failures = []error{fmt.Errorf("for ever")}
	c.mu.Unlock()
	r.begin("lab/limit/1", wire.SeverityHigh)
	require.Eventually(t, func() bool {
		detail, _ := n.Check()
		b := detail.(Status).Heartbeat
		return b != nil && strings.Contains(b.Failing, "no heartbeat: mail: for ever")
	}, 20*time.Second, 5*time.Millisecond)
	quiet := heard()
	time.Sleep(100 * time.Millisecond) // ten beats
	require.Equal(t, quiet, heard())
	c.heal()
	require.Eventually(t, func() bool { return heard() > quiet }, 20*time.Second, 5*time.Millisecond)
	server.Close()
	require.Eventually(t, func() bool {
		detail, _ := n.Check()
		failing := detail.(Status).Heartbeat.Failing
		return failing != "" && !strings.Contains(failing, "hidden")
	}, 20*time.Second, 5*time.Millisecond)
}
