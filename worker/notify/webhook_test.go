package notify

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

func someNotice(event, severity string) Notice {
	a := alert("lab/limit/1", severity, noon)
	return Notice{Service: "s", ID: "x-1", At: noon, Alerts: []Line{{event, a, "inlet 31.2 °C"}}}.write(noon.Add(time.Minute))
}

func TestANoticeReadsLikeThis(t *testing.T) {
	n := newLedger("mail", Rules{})
	a := alert("lab/limit/1", wire.SeverityHigh, noon)
	n.alert(a, noon)
	told := wire.Notice{ID: "1", TimeMillis: noon.UnixMilli(), Channel: "mail", State: wire.NoticeTold, Matters: []wire.NoticeMatter{{Alert: a.ID, BeganMillis: a.BeganMillis, Event: EventBegan, Severity: a.Severity}}}
	require.Equal(t, `[smart-energy] HIGH: limit 1 in lab
inlet 31.2 °C

Began: 2026-11-23 12:00:00 UTC
Alert: lab/limit/1 (high, from the control)

To answer: starter acknowledge lab lab/limit/1, or starter shelve.
`, n.words("smart-energy", told, noon).Text)
	n.notice(told, noon)
	a.EndedMillis = noon.Add(90 * time.Second).UnixMilli()
	n.alert(a, noon.Add(90*time.Second))
	told.Matters[0].Event, told.ID = EventEnded, "2"
	words := n.words("smart-energy", told, noon.Add(2*time.Minute))
	require.Equal(t, `[smart-energy] ENDED: limit 1 in lab
inlet 31.2 °C (it lasted 1 min 30 s)

Began: 2026-11-23 12:00:00 UTC
Ended: 2026-11-23 12:01:30 UTC, after 1 min 30 s
Alert: lab/limit/1 (high, from the control)
`, words.Text)
	require.Equal(t, "1", words.Thread)
	require.Contains(t, words.HTML(), "ENDED: limit 1 in lab")
	a.Evidence = `<script>alert("x")</script>`
	n.matters[a.ID].alert = a
	require.NotContains(t, n.words("s", told, noon).HTML(), "<script>")
}

func TestAWebhookIsPosted(t *testing.T) {
	var request *http.Request
	var body []byte
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request = r
		body, _ = io.ReadAll(r.Body)
		if status == http.StatusFound {
			http.Redirect(w, r, "/login", status)
			return
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	post := func(cfg WebhookConfig, n Notice) error {
		cfg.URL = server.URL + "/hidden"
		hook, err := NewWebhook(cfg)
		require.NoError(t, err)
		return hook.Send(t.Context(), n)
	}
	n := someNotice(EventBegan, wire.SeverityCritical)

	require.NoError(t, post(WebhookConfig{Secret: "key", Token: "bearer"}, n))
	var got Notice
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, n, got)
	require.Equal(t, "x-1", request.Header.Get("Idempotency-Key"))
	require.Equal(t, "Bearer bearer", request.Header.Get("Authorization"))
	require.Equal(t, sign("key", request.Header.Get("X-OverCloud-Timestamp"), body), request.Header.Get("X-OverCloud-Signature"))
	// echo -n '1.{}' | openssl dgst -sha256 -hmac key
	require.Equal(t, "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224", sign("key", "1", []byte("{}")))

	var text map[string]any
	require.NoError(t, post(WebhookConfig{Format: FormatSlack}, n))
	require.NoError(t, json.Unmarshal(body, &text))
	require.Equal(t, map[string]any{"text": n.Text}, text)

	require.NoError(t, post(WebhookConfig{Format: FormatGotify}, n))
	text = nil
	require.NoError(t, json.Unmarshal(body, &text))
	require.Equal(t, map[string]any{"title": n.Subject, "message": n.Text, "priority": 10.0}, text)

	require.NoError(t, post(WebhookConfig{Format: FormatTeams}, n))
	require.Contains(t, string(body), `"type":"AdaptiveCard"`)

	require.NoError(t, post(WebhookConfig{Format: FormatNtfy}, someNotice(EventEnded, wire.SeverityHigh)))
	title, err := new(mime.WordDecoder).DecodeHeader(request.Header.Get("Title"))
	require.NoError(t, err)
	require.Equal(t, "[s] ENDED: limit 1 in lab", title)
	require.Equal(t, "2", request.Header.Get("Priority"))

	for code, want := range map[int]error{
		500: fault.ErrUnreachable, 429: fault.ErrUnreachable, 400: fault.ErrRejected, 404: fault.ErrRejected, 403: fault.ErrUnauthorised,
		302: fault.ErrRejected, // a page to log in is no receiver
	} {
		status = code
		require.ErrorIs(t, post(WebhookConfig{}, n), want, "%d", code)
	}
	server.Close()
	err = post(WebhookConfig{}, n)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.NotContains(t, err.Error(), "hidden")
	_, err = NewWebhook(WebhookConfig{URL: "ftp://x"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = NewWebhook(WebhookConfig{URL: "http://x", Format: "fax"})
	require.ErrorContains(t, err, strings.Join([]string{"json", "slack", "teams", "ntfy", "gotify"}, ", "))
}
