package sink

import (
	"errors"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
)

// Health is what the sink says of itself.
type Health struct {
	Records     int64     `json:"records"`
	Lines       int64     `json:"lines"`
	Batches     int64     `json:"batches"`
	Quarantined int64     `json:"quarantined"`
	LastWrite   time.Time `json:"last_write,omitzero"`
	// Waiting is what it waits for, and since when.
	Waiting string     `json:"waiting,omitempty"`
	Since   time.Time  `json:"since,omitzero"`
	Kafka   kafka.Link `json:"kafka"`
}

// state is Health as it is counted.
type state struct {
	mu      sync.Mutex
	health  Health
	started bool // Kafka has answered once
}

// Check answers /healthz: the counts, and what the sink waits for. That is a fault only until Kafka has answered
// once: later a container that fails its check is replaced, and a new sink would wait for the same.
func (s *Sink) Check() (any, error) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	health := s.state.health
	health.Kafka = s.config.Kafka.Pulse.Link()
	if !s.state.started {
		return health, errors.New(health.Waiting)
	}
	return health, nil
}

// waiting says what is waited for, and whether that began just now.
func (s *state) waiting(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := s.health.Waiting == ""
	if began {
		s.health.Since = time.Now()
	}
	s.health.Waiting = what
	return began
}

func (s *state) working() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.Waiting, s.health.Since, s.started = "", time.Time{}, true
}

func (s *state) flushed(records, lines, quarantined int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health.Records += int64(records)
	s.health.Lines += int64(lines)
	s.health.Quarantined += int64(quarantined)
	s.health.Batches++
	s.health.LastWrite = time.Now()
}
