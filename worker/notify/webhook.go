package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// The formats of a webhook.
const (
	FormatJSON   = "json"   // the Notice
	FormatSlack  = "slack"  // Slack, Mattermost, Rocket.Chat: {"text"}
	FormatTeams  = "teams"  // Microsoft Teams: a message with an adaptive card
	FormatNtfy   = "ntfy"   // ntfy: text, with title and priority in headers
	FormatGotify = "gotify" // Gotify: {"title", "message", "priority"}
)

// WebhookConfig says where to post and how. URL, Secret and Token are secrets.
type WebhookConfig struct {
	URL    string
	Format string // one of the formats; empty means FormatJSON
	// Secret signs each request: the header X-OverCloud-Signature is sha256= and the hexadecimal HMAC-SHA256 of the
	// value of X-OverCloud-Timestamp (Unix seconds), a dot, and the body.
	Secret string
	Token  string // sent as "Authorization: Bearer"
}

// Webhook tells by POST.
type Webhook struct {
	config WebhookConfig
	client *http.Client
	now    func() time.Time
}

// NewWebhook checks the configuration; it does not dial. Errors are ErrInvalid.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if err := checkURL("webhook", cfg.URL); err != nil {
		return nil, err
	}
	if cfg.Format == "" {
		cfg.Format = FormatJSON
	}
	if !slices.Contains([]string{FormatJSON, FormatSlack, FormatTeams, FormatNtfy, FormatGotify}, cfg.Format) {
		return nil, fmt.Errorf("%w: webhook format %q is none of json, slack, teams, ntfy, gotify", fault.ErrInvalid, cfg.Format)
	}
	return &Webhook{config: cfg, client: postClient(), now: time.Now}, nil
}

func checkURL(what, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%w: the %s is no URL (write https://host/path)", fault.ErrInvalid, what)
	}
	return nil
}

// postClient follows no redirects: a POST would become a GET, and the page that answers it a success.
func postClient() *http.Client {
	return &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Name is webhook.
func (*Webhook) Name() string { return "webhook" }

// Send posts a notice; every 2xx is success. Errors name the host only: the path is often the secret.
func (w *Webhook) Send(ctx context.Context, notice Notice) error {
	body, headers, err := w.body(notice)
	if err != nil {
		return fmt.Errorf("encode a notice: %w: %w", fault.ErrInvalid, err)
	}
	headers.Set("Idempotency-Key", header(notice.ID))
	if w.config.Token != "" {
		headers.Set("Authorization", "Bearer "+w.config.Token)
	}
	if w.config.Secret != "" {
		at := strconv.FormatInt(w.now().Unix(), 10)
		headers.Set("X-OverCloud-Timestamp", at)
		headers.Set("X-OverCloud-Signature", sign(w.config.Secret, at, body))
	}
	return post(ctx, w.client, "the webhook", w.config.URL, headers, body)
}

func sign(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s", at, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// body writes a notice as the receiver reads it.
func (w *Webhook) body(n Notice) ([]byte, http.Header, error) {
	headers := http.Header{"Content-Type": {"application/json"}}
	var value any = n
	switch w.config.Format {
	case FormatSlack:
		value = map[string]string{"text": n.Text}
	case FormatTeams:
		type block map[string]any
		value = block{"type": "message", "attachments": []block{{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"content": block{"type": "AdaptiveCard", "version": "1.4", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "body": []block{
				{"type": "TextBlock", "text": n.Subject, "weight": "bolder", "wrap": true},
				{"type": "TextBlock", "text": n.Text, "wrap": true},
			}},
		}}}
	case FormatGotify:
		value = map[string]any{"title": n.Subject, "message": n.Text, "priority": n.priority(2, 5, 8, 10)}
	case FormatNtfy:
		headers.Set("Content-Type", "text/plain; charset=utf-8")
		headers.Set("Title", mime.BEncoding.Encode("utf-8", header(n.Subject)))
		headers.Set("Priority", strconv.Itoa(n.priority(2, 3, 4, 5)))
		headers.Set("Tags", map[bool]string{true: "white_check_mark", false: "warning"}[n.Event == EventEnded])
		return []byte(n.Text), headers, nil
	}
	body, err := json.Marshal(value)
	return body, headers, err
}

// priority is that of an end, a warning, a high and a critical alert.
func (n Notice) priority(ended, warning, high, critical int) int {
	switch {
	case n.Event == EventEnded || n.Event == EventTest:
		return ended
	case n.Severity == wire.SeverityCritical:
		return critical
	case n.Severity == wire.SeverityHigh:
		return high
	}
	return warning
}

// header keeps what the value of a header may hold: no line ends.
func header(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// post posts once. Errors: ErrUnreachable (try again), ErrUnauthorised, ErrRejected. They name no more than the host.
func post(ctx context.Context, client *http.Client, what, address string, headers http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %s is no URL", fault.ErrInvalid, what)
	}
	request.Header = headers
	doing := fmt.Sprintf("post to %s at %s", what, request.URL.Host)
	answer, err := client.Do(request)
	if err != nil {
		var whole *url.Error
		if errors.As(err, &whole) {
			err = whole.Err // the whole text holds the path
		}
		return fmt.Errorf("%s: %w: %w", doing, fault.ErrUnreachable, err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 300))
	if err != nil {
		said = nil // the status says enough
	}
	kind := fault.ErrUnreachable
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		kind = fault.ErrUnauthorised
	case code/100 != 5 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout:
		kind = fault.ErrRejected
	}
	return fmt.Errorf("%s: %w: %s %s", doing, kind, answer.Status, strings.TrimSpace(strings.ToValidUTF8(string(said), "?")))
}
