package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Heartbeat tells somebody outside, each Every, that alerts would be told: the notifier lives, Kafka answers it and
// no channel fails. Who watches it hears of a notifier that is silent because it is dead. While something is wrong
// nothing is posted, which is what the watcher waits for.
type Heartbeat struct {
	url    string
	every  time.Duration
	client *http.Client
}

// Beats is what became of the heartbeat.
type Beats struct {
	LastSent time.Time `json:"last_sent,omitzero"`
	Failing  string    `json:"failing,omitempty"` // why none is posted, or taken
}

// NewHeartbeat checks the address, which is a secret; it does not dial. Errors are ErrInvalid.
func NewHeartbeat(address string, every time.Duration) (*Heartbeat, error) {
	if err := checkURL("heartbeat", address); err != nil {
		return nil, err
	}
	return &Heartbeat{url: address, every: max(every, time.Second), client: postClient()}, nil
}

// beat posts until ctx ends.
func (n *Notifier) beat(ctx context.Context) {
	h := n.config.Heartbeat
	ticker := time.NewTicker(h.every)
	defer ticker.Stop()
	logged := ""
	for {
		err := n.beatOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		says := Beats{LastSent: n.config.Now()}
		n.health.mu.Lock()
		if err != nil {
			says.Failing = err.Error()
			says.LastSent = time.Time{}
			if n.health.beats != nil {
				says.LastSent = n.health.beats.LastSent
			}
		}
		n.health.beats = &says
		n.health.mu.Unlock()
		if says.Failing != logged {
			logged = says.Failing
			n.config.Log.Warn("the heartbeat changed", "failing", logged)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (n *Notifier) beatOnce(ctx context.Context) error {
	if why := n.unwell(); why != "" {
		return fmt.Errorf("no heartbeat: %s", why)
	}
	body, err := json.Marshal(map[string]any{"service": n.config.Service, "notifier": "alive", "at": n.config.Now().UTC()})
	if err != nil {
		return err
	}
	h := n.config.Heartbeat
	return post(ctx, h.client, "the heartbeat", h.url, http.Header{"Content-Type": {"application/json"}}, body)
}

// unwell is why alerts would not be told; empty when they would.
func (n *Notifier) unwell() string {
	link := n.config.Kafka.Pulse.Link()
	switch {
	case link.Fault != "":
		return "Kafka: " + link.Fault
	case link.SilentSeconds < 0 && len(n.ways) > 0:
		return "Kafka has not answered yet"
	}
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	for _, c := range n.health.channels {
		if c.Failing != "" {
			return c.Channel + ": " + c.Failing
		}
	}
	return ""
}
