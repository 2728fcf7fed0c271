package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/mail"
)

// Channel is one way to tell people. Send may be called again with the same notice; errors that are neither
// ErrRejected nor ErrInvalid are tried again.
type Channel interface {
	// Name is in the consumer group's name: do not change it.
	Name() string
	Send(ctx context.Context, notice Notice) error
}

// Mail tells by mail.
type Mail struct{ Sender *mail.Sender }

// Name is mail.
func (Mail) Name() string { return "mail" }

// Send mails a notice.
func (m Mail) Send(ctx context.Context, notice Notice) error {
	at := notice.Alert.BeganMillis
	if notice.Event == EventEnded {
		at = notice.Alert.EndedMillis
	}
	return m.Sender.Send(ctx, mail.Message{
		ID: notice.ID, Subject: notice.Subject, Text: notice.Text, Date: time.UnixMilli(at).UTC(),
	})
}

// Webhook tells by POST of the notice's JSON.
type Webhook struct {
	url    string
	client *http.Client
}

// NewWebhook checks the address; it does not dial. Errors are ErrInvalid.
func NewWebhook(address string) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: the webhook is no URL (write https://host/path)", fault.ErrInvalid)
	}
	return &Webhook{url: address, client: &http.Client{Timeout: 10 * time.Second}}, nil
}

// Name is webhook.
func (*Webhook) Name() string { return "webhook" }

// Send posts a notice; every 2xx is success. Errors name the host only: the path is often the secret.
func (w *Webhook) Send(ctx context.Context, notice Notice) error {
	body, err := json.Marshal(notice)
	if err != nil {
		return fmt.Errorf("encode a notice: %w: %w", fault.ErrInvalid, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: the webhook is no URL", fault.ErrInvalid)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", notice.ID)
	answer, err := w.client.Do(request)
	if err != nil {
		cause := err
		if inner, ok := err.(*url.Error); ok { //nolint:errorlint // Do always returns this type; its text holds the path
			cause = inner.Err
		}
		return fmt.Errorf("post to the webhook at %s: %w: %w", request.URL.Host, fault.ErrUnreachable, cause)
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
	return fmt.Errorf("post to the webhook at %s: %w: %s %s", request.URL.Host, kind, answer.Status, strings.TrimSpace(string(said)))
}
