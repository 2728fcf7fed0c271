package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func alert(id, severity string, ended bool) wire.Alert {
	a := wire.Alert{
		ID: id, Room: "lab", Kind: "limit", Severity: severity, BeganMillis: noon.UnixMilli(), Evidence: "inlet 31.2 °C", Source: "control",
	}
	if ended {
		a.EndedMillis = noon.Add(90 * time.Second).UnixMilli()
	}
	return a
}

func TestPeopleAreToldOfChangesAndNotOfRepeats(t *testing.T) {
	told, now := make(told), noon
	step := func(after time.Duration, severity string, ended bool, want string) {
		t.Helper()
		now = now.Add(after)
		a := alert("lab/limit/1", severity, ended)
		got := told.silence(a, now, now)
		require.Equal(t, want, got)
		if got == "" {
			told.tell(a, now)
		}
	}
	step(0, wire.SeverityWarning, false, "")
	step(time.Minute, wire.SeverityWarning, false, "it was told less than 10m0s ago")
	step(time.Minute, wire.SeverityCritical, false, "")
	step(time.Minute, wire.SeverityHigh, false, "it was told less than 10m0s ago")
	step(10*time.Minute, wire.SeverityHigh, false, "")
	step(time.Minute, wire.SeverityHigh, true, "")
	step(time.Minute, wire.SeverityHigh, true, "its end was told")
	step(time.Minute, wire.SeverityHigh, false, "")
	require.Equal(t, "it is older than 1h0m0s", told.silence(alert("new", wire.SeverityHigh, false), noon, noon.Add(2*time.Hour)))
	require.Empty(t, told.silence(alert("other", wire.SeverityHigh, true), now, now), "the end of what was told before a restart")
	told.tell(alert("other", wire.SeverityHigh, true), now.Add(25*time.Hour))
	require.Len(t, told, 1, "it does not grow for ever")
}

func TestANoticeReadsLikeThis(t *testing.T) {
	n := newNotice("smart-energy", alert("lab/limit/1", wire.SeverityHigh, false))
	require.Equal(t, "[smart-energy] HIGH: limit in lab", n.Subject)
	n = newNotice("smart-energy", alert("lab/limit/1", wire.SeverityHigh, true))
	require.Equal(t, `[smart-energy] ENDED: limit in lab
inlet 31.2 °C

Began: 2026-11-23 12:00:00 UTC
Ended: 2026-11-23 12:01:30 UTC, after 1m30s
Alert: lab/limit/1 (high, from the control)
`, n.Text)
}

// channel fails as often as it is told to.
type channel struct {
	name string

	mu       sync.Mutex
	failures []error
	notices  []Notice
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
	return nil
}

func (c *channel) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, n := range c.notices {
		ids = append(ids, n.Alert.ID+" "+n.Event)
	}
	return ids
}

type rig struct {
	t        *testing.T
	ctx      context.Context
	kafka    kafka.Config
	producer *kafka.Producer
}

func newRig(t *testing.T) rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, wire.TopicAlert))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	r := rig{t: t, ctx: ctx, kafka: kafka.Config{Brokers: cluster.ListenAddrs()}}
	r.producer, err = kafka.NewProducer(r.kafka)
	require.NoError(t, err)
	t.Cleanup(r.producer.Close)
	return r
}

func (r rig) start(channels ...Channel) (n *Notifier, stop func()) {
	n = New(Config{Kafka: r.kafka, Service: "s", Channels: channels, RetryFirst: time.Millisecond, RetryMost: 5 * time.Millisecond})
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); require.NoError(r.t, <-done) }) }
	r.t.Cleanup(stop)
	return n, stop
}

func (r rig) alert(a wire.Alert) {
	r.t.Helper()
	require.NoError(r.t, r.producer.Produce(r.ctx, kafka.Record{Topic: wire.TopicAlert, Key: []byte(a.Room), Value: wire.Encode(a)}))
}

func (r rig) await(c *channel, want ...string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(c.told()) >= len(want) }, 20*time.Second, 5*time.Millisecond)
	require.Equal(r.t, want, c.told())
}

func TestAChannelThatIsAwayDelaysNoOther(t *testing.T) {
	r := newRig(t)
	away := &channel{name: "away", failures: []error{fmt.Errorf("for ever")}}
	works := &channel{name: "works", failures: []error{fault.ErrUnreachable, fault.ErrUnauthorised}}
	n, stop := r.start(away, works)
	require.NoError(t, r.producer.Produce(r.ctx, kafka.Record{Topic: wire.TopicAlert, Key: []byte("lab"), Value: []byte("no alert")}))
	r.alert(alert("lab/limit/1", wire.SeverityHigh, false))
	r.alert(alert("lab/limit/1", wire.SeverityHigh, false))
	r.alert(alert("lab/limit/1", wire.SeverityHigh, true))
	told := func(c *channel, want ...string) { // in any order: the notifier's own alert comes whenever it does
		t.Helper()
		// A stop between telling and committing tells once more.
		distinct := func() []string { return slices.Compact(slices.Sorted(slices.Values(c.told()))) }
		require.Eventually(t, func() bool { return len(distinct()) >= len(want) }, 20*time.Second, 5*time.Millisecond, "%v", want)
		require.ElementsMatch(t, want, distinct())
	}
	began := []string{"lab/limit/1 began", "lab/limit/1 ended", "lab/notify/away began"}
	told(works, began...)
	detail, err := n.Check()
	require.NoError(t, err, "another notifier would fare no better")
	require.Equal(t, "for ever", detail.(Status).Channels[0].Failing)
	require.Empty(t, detail.(Status).Kafka.Fault)
	require.Empty(t, away.told())
	stop()

	back := &channel{name: "away"}
	r.start(back, works)
	r.await(back, "lab/limit/1 began", "lab/limit/1 ended")
	told(works, append(began, "lab/notify/away ended")...)
	r.alert(alert("lab/limit/2", wire.SeverityHigh, false))
	r.await(back, "lab/limit/1 began", "lab/limit/1 ended", "lab/limit/2 began")
}

func TestARefusedNoticeIsCountedAndPassed(t *testing.T) {
	r := newRig(t)
	c := &channel{name: "mail", failures: []error{fmt.Errorf("to nobody: %w", fault.ErrRejected)}}
	n, _ := r.start(c)
	r.alert(alert("lab/limit/1", wire.SeverityHigh, false))
	r.alert(alert("lab/limit/2", wire.SeverityHigh, false))
	r.await(c, "lab/limit/2 began")
	require.Eventually(t, func() bool {
		detail, err := n.Check()
		status, ok := detail.(Status)
		return ok && err == nil && status.Channels[0].Lost == 1 && status.Channels[0].Sent == 1
	}, 10*time.Second, 5*time.Millisecond)
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

func TestAWebhookIsPosted(t *testing.T) {
	var got Notice
	var status int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 0 {
			http.Error(w, "no", status)
			return
		}
		if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&got) != nil || r.Header.Get("Idempotency-Key") != got.ID {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer server.Close()
	hook, err := NewWebhook(server.URL + "/hidden")
	require.NoError(t, err)
	notice := newNotice("s", alert("lab/limit/1", wire.SeverityHigh, false))
	require.NoError(t, hook.Send(t.Context(), notice))
	require.Equal(t, notice, got)
	for code, want := range map[int]error{
		500: fault.ErrUnreachable, 429: fault.ErrUnreachable, 400: fault.ErrRejected, 404: fault.ErrRejected, 403: fault.ErrUnauthorised,
	} {
		status = code
		require.ErrorIs(t, hook.Send(t.Context(), notice), want, "%d", code)
	}
	server.Close()
	err = hook.Send(t.Context(), notice)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.NotContains(t, err.Error(), "hidden")
	_, err = NewWebhook("ftp://x")
	require.ErrorIs(t, err, fault.ErrInvalid)
}
