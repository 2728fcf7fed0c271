package kafka

import (
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Pulse knows whether the cluster answers, without asking it. Clients whose Config names it share it; consumers
// hear from the cluster at least twice a second, a producer only when it produces.
type Pulse struct {
	mu    sync.Mutex
	heard time.Time
	fault string
	since time.Time
}

// Link is what a Pulse says, for health pages.
type Link struct {
	// SilentSeconds is how long ago the cluster last answered; -1 before its first answer.
	SilentSeconds float64 `json:"silent_s"`
	// Fault is why it does not answer, and Since when that began; empty while it does.
	Fault string    `json:"fault,omitempty"`
	Since time.Time `json:"since,omitzero"`
}

// silence is how long a consumer may hear nothing before that is a fault by itself: a fetch is answered within
// 0.5 s, and a stuck broker fails no dial.
const silence = 10 * time.Second

// Link is the state now. A nil Pulse has heard nothing.
func (p *Pulse) Link() Link {
	if p == nil {
		return Link{SilentSeconds: -1}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Link{SilentSeconds: -1, Fault: p.fault, Since: p.since}
	if p.heard.IsZero() {
		return l
	}
	quiet := time.Since(p.heard)
	l.SilentSeconds = quiet.Seconds()
	if l.Fault == "" && quiet > silence {
		l.Fault, l.Since = "no answer", p.heard
	}
	return l
}

// OnBrokerE2E hears of each request and its answer.
func (p *Pulse) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e kgo.BrokerE2E) {
	p.note(e.Err())
}

// OnBrokerConnect hears of each dial. One that succeeds proves nothing yet.
func (p *Pulse) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		p.note(err)
	}
}

func (p *Pulse) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.heard, p.fault, p.since = time.Now(), "", time.Time{}
	case strings.Contains(err.Error(), "canceled"):
		// We ended it ourselves.
	default:
		if p.fault == "" {
			p.since = time.Now()
		}
		p.fault = err.Error()
	}
}
