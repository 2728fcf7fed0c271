package notify

import (
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
)

// Health is what one channel says of itself.
type Health struct {
	Channel  string    `json:"channel"`
	Sent     int       `json:"sent"`
	Quiet    int       `json:"quiet"` // repeats, and alerts that were over before they were to be told
	Lost     int       `json:"lost"`  // refused for good, by anybody
	LastSent time.Time `json:"last_sent,omitzero"`
	// Failing is why the channel does not work now.
	Failing string `json:"failing,omitempty"`
	// LastLost is why the last one was lost.
	LastLost string `json:"last_lost,omitempty"`
}

// Status is the detail of /healthz.
type Status struct {
	Channels  []Health   `json:"channels"`
	Kafka     kafka.Link `json:"kafka"`
	Heartbeat *Beats     `json:"heartbeat,omitempty"`
}

type health struct {
	mu       sync.Mutex
	channels []Health
	beats    *Beats
}

// Check answers /healthz: how the channels are and whether Kafka answers. None of that is a fault of the notifier's:
// a container that fails its check is replaced, and a new one would reach no more people. A channel that fails shows
// as an alert.
func (n *Notifier) Check() (any, error) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	if len(n.health.channels) == 0 {
		return map[string]string{"channels": "nothing configured: set SMTP_ADDRESS or WEBHOOK_URL"}, nil
	}
	s := Status{Channels: append([]Health(nil), n.health.channels...), Kafka: n.config.Kafka.Pulse.Link()}
	if n.health.beats != nil {
		beats := *n.health.beats
		s.Heartbeat = &beats
	}
	return s, nil
}

func (h *health) add(name string) { h.channels = append(h.channels, Health{Channel: name}) }

func (h *health) change(name string, change func(*Health)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.channels {
		if h.channels[i].Channel == name {
			change(&h.channels[i])
		}
	}
}

func (h *health) sent(name string, at time.Time) {
	h.change(name, func(c *Health) { c.Sent++; c.LastSent, c.Failing = at, "" })
}

func (h *health) quiet(name string, n int) { h.change(name, func(c *Health) { c.Quiet = n }) }

func (h *health) lost(name string, err error) {
	h.change(name, func(c *Health) { c.Lost++; c.LastLost, c.Failing = err.Error(), "" })
}

// failing says whether that began just now.
func (h *health) failing(name string, err error) (began bool) {
	h.change(name, func(c *Health) { began = c.Failing == ""; c.Failing = err.Error() })
	return began
}
