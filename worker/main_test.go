package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/influx/influxtest"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/worker/notify"
)

func environment(pairs ...string) func(string) string {
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func run(getenv func(string) string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = execute(args, getenv, &o, &e)
	return code, o.String(), e.String()
}

func TestTheCommandLineAnswersInSentences(t *testing.T) {
	none := environment()
	code, out, _ := run(none, "--help")
	require.Zero(t, code)
	for _, role := range roles() {
		require.Contains(t, out, role.name)
		code, out, _ := run(none, role.name, "--help")
		require.Zero(t, code)
		require.Contains(t, out, "Environment:")
		require.Contains(t, out, "HEALTH_PORT          port of GET /healthz ("+role.port+")")
	}
	code, _, errs := run(none, "sinks")
	require.Equal(t, 2, code)
	require.Contains(t, errs, `unknown command "sinks"`)
	code, _, errs = run(none, "health", "sinks")
	require.Equal(t, 2, code)
	require.Contains(t, errs, `there is no role "sinks"`)
	code, _, errs = run(environment("HEALTH_PORT", free(t)), "health")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "unreachable")
}

func TestAllFaultsOfARolesConfigurationAreTold(t *testing.T) {
	code, _, errs := run(environment("KAFKA_BROKERS", "kafka", "INFLUX_URL", "influx", "HEALTH_PORT", "x", fn.EnvRooms, "{"), "sink")
	require.Equal(t, 1, code)
	for _, part := range []string{`KAFKA_BROKERS "kafka"`, `INFLUX_URL "influx"`, `HEALTH_PORT "x"`, "OVERCLOUD_ROOMS"} {
		require.Contains(t, errs, part)
	}
	code, _, errs = run(environment("SMTP_ADDRESS", "mail:25", "WEBHOOK_URL", "ftp://hidden"), "notify")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "SMTP_FROM is not set")
	require.Contains(t, errs, "the webhook is no URL")
	require.NotContains(t, errs, "hidden")
	code, _, errs = run(environment("TEMPORAL_ADDRESS", "127.0.0.1:"+free(t), "HEALTH_PORT", free(t), fn.EnvListenHost, "127.0.0.1"), "workflows")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "does not answer")
}

func TestASinkAndANotifierRunFromTheirEnvironment(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer cluster.Close()
	server := influxtest.New(t)
	server.Database("overcloud")
	posted := make(chan notify.Notice, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var notice notify.Notice
		if json.NewDecoder(r.Body).Decode(&notice) == nil {
			posted <- notice
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer hook.Close()
	port, notifyPort := free(t), free(t)
	base := []string{"KAFKA_BROKERS", cluster.ListenAddrs()[0], "INFLUX_URL", server.URL, "WEBHOOK_URL", hook.URL, fn.EnvListenHost, "127.0.0.1"}
	env := environment(append(base, "HEALTH_PORT", port)...)
	codes := make(chan int, 2)
	go func() { code, _, _ := run(env, "sink"); codes <- code }()
	go func() {
		code, _, _ := run(environment(append(base, "HEALTH_PORT", notifyPort)...), "notify")
		codes <- code
	}()

	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	healthy := func() bool { code, _, _ := run(env, "health"); return code == 0 }
	require.Eventually(t, healthy, 20*time.Second, 50*time.Millisecond)
	producer, err := kafka.NewProducer(kafka.Config{Brokers: cluster.ListenAddrs()})
	require.NoError(t, err)
	defer producer.Close()
	now := time.Now()
	require.NoError(t, producer.Produce(ctx, kafka.Record{Topic: wire.TopicTemp, Key: []byte("lab"), Value: wire.AppendReading(nil, wire.Reading{
		Sensor: 1, At: now, Celsius: 21.5,
	})}, kafka.Record{Topic: wire.TopicAlert, Key: []byte("lab"), Value: wire.Encode(wire.Alert{
		ID: "lab/limit/1", Room: "lab", Kind: "limit", Severity: wire.SeverityCritical, BeganMillis: now.UnixMilli(), Source: "edge",
	})}))
	select {
	case notice := <-posted:
		require.Equal(t, "CRITICAL: limit 1 in lab", notice.Subject)
	case <-ctx.Done():
		t.Fatal("no notice came")
	}
	require.Eventually(t, func() bool {
		answer, err := http.Get("http://127.0.0.1:" + port + "/healthz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && strings.Contains(string(text), `"records":2`)
	}, 20*time.Second, 50*time.Millisecond)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	require.Zero(t, <-codes)
	require.Zero(t, <-codes)
	require.False(t, healthy())
}

func TestATestNoticeFromTheCommandLine(t *testing.T) {
	status := http.StatusOK
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer hook.Close()
	code, out, _ := run(environment("WEBHOOK_URL", hook.URL+"/hidden"), "notify", "test")
	require.Zero(t, code)
	require.Contains(t, out, "webhook: taken in")
	status = http.StatusForbidden
	code, out, errs := run(environment("WEBHOOK_URL", hook.URL+"/hidden"), "notify", "test")
	require.Equal(t, 1, code)
	require.Contains(t, out, "webhook: NOT taken: post to the webhook at")
	require.Contains(t, errs, "1 of 1 channels did not take the test notice")
	require.NotContains(t, out+errs, "hidden")
	code, _, errs = run(environment(), "notify", "test")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "nobody is told")
	code, _, errs = run(environment("WEBHOOK_URL", hook.URL, "NOTIFY_QUIET", "night", "NOTIFY_WEBHOOK_LEAST", "loud", "WEBHOOK_FORMAT", "fax"), "notify", "test")
	require.Equal(t, 2, code)
	for _, fault := range []string{"not like 22:00-07:00", "webhook format \"fax\""} {
		require.Contains(t, errs, fault)
	}
}

func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}
