package registry

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// defaultWait is for a registry that asks for patience without saying how long; see
	// activities.rateLimitWait, which holds for engines.
	defaultWait = time.Minute
	// leastWait and mostWait bound what a registry asks for: nonsense (0, a year) must neither hammer it nor
	// hold a deploy for longer than anybody waits.
	leastWait = time.Second
	mostWait  = time.Hour
)

// patience is a transport that remembers how long a registry asked to be left alone: the client library keeps
// the answer's words and drops its headers.
type patience struct {
	next http.RoundTripper

	mu   sync.Mutex
	wait time.Duration
}

// RoundTrip implements http.RoundTripper.
func (p *patience) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := p.next.RoundTrip(request)
	if err == nil && answer.StatusCode == http.StatusTooManyRequests {
		p.mu.Lock()
		p.wait = retryAfter(answer.Header.Get("Retry-After"), time.Now())
		p.mu.Unlock()
	}
	return answer, err
}

// asked is how long the registry wants to be left alone.
func (p *patience) asked() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wait == 0 {
		return defaultWait
	}
	return p.wait
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	wait := defaultWait
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(max(seconds, 0), int(mostWait/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		wait = date.Sub(now).Round(time.Second)
	}
	return min(max(wait, leastWait), mostWait)
}
