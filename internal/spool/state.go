package spool

import "time"

// Stats is a spool's state for health pages.
type Stats struct {
	Depth   int       `json:"depth"`            // records waiting
	Bytes   int64     `json:"bytes"`            // on disk
	Max     int64     `json:"max_bytes"`        // the limit
	Oldest  time.Time `json:"oldest,omitzero"`  // time of the oldest waiting record
	Dropped uint64    `json:"dropped"`          // records lost at the limit or on a full disk since the spool was opened
	Damaged int       `json:"damaged_segments"` // set aside since it was opened
	Lost    uint64    `json:"damaged_records"`  // records that could not be read of those, as far as known
	Written uint64    `json:"written_bytes"`    // handed to write(2) since it was opened
}

// Damage is one piece of bad news found on disk.
type Damage struct {
	Segment string // where the damaged file is now; empty for a torn tail, which is simply cut off
	Reason  string
}

// aged remembers the time of one record, so that Stats reads it from disk once.
type aged struct {
	sequence uint64
	time     time.Time
}

// Stats is the state now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	stats := Stats{
		Bytes: s.bytes(), Max: s.options.MaxBytes, Dropped: s.dropped, Lost: s.lost, Damaged: s.damaged, Written: s.written,
	}
	if s.acks != nil {
		stats.Written += s.acks.written
	}
	for _, g := range s.segments {
		stats.Depth += g.count
	}
	stats.Depth -= s.head.index
	at, known := s.head, s.oldest
	s.mu.Unlock()
	if stats.Depth == 0 {
		return stats
	}
	if known.time.IsZero() || known.sequence != at.sequence {
		known = aged{at.sequence, s.timeAt(at)}
		s.mu.Lock()
		s.oldest = known
		s.mu.Unlock()
	}
	stats.Oldest = known.time
	return stats
}

// Damages returns what was found damaged since the last call.
func (s *Spool) Damages() []Damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.damages
	s.damages = nil
	return fresh
}
