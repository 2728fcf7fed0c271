// Package spool owns the edge's queue on disk: what was measured waits here until the broker has it. It is
// bounded, in order, and survives kill -9 and power cuts; it knows no broker.
//
// A spool is a folder of segments. Records are appended to the newest segment, read from the oldest, and a
// segment is deleted when its last record was acknowledged. At the size limit the oldest segment is dropped,
// and counted. A damaged segment is set aside under the ending .damaged, what can be read of it stays in the
// queue, and the spool goes on. Delivery is at least once: after a crash up to one batch comes again.
//
// One spool has one owner process. Append, Read and Ack may be called from different goroutines.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options bound a spool. Zero values mean the defaults.
type Options struct {
	MaxBytes     int64 // of all segments; 64 MiB, about 1.2 million readings
	SegmentBytes int64 // of one; 1 MiB. It is also the least that is dropped at the limit
	// SyncEvery is how many appended records may be lost to a power cut (not to a crash); 64. The owner also
	// calls Sync on a timer.
	SyncEvery int
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 1 << 20
	}
	// Dropping needs at least a second segment to go on with.
	o.SegmentBytes = max(1, min(o.SegmentBytes, o.MaxBytes/2))
	if o.SyncEvery <= 0 {
		o.SyncEvery = 64
	}
	return o
}

// Record is one queued record. The topic is the spool's owner's matter.
type Record struct {
	Key     []byte
	Value   []byte
	Headers map[string]string
	Time    time.Time // when it was made; resolution 1 ms
}

// Batch is what one Read returned. Hand it to Ack when every record of it was delivered.
type Batch struct {
	Records []Record
	end     cursor
}

// cursor is a place between two records. Index and offset count from the beginning of the segment.
type cursor struct {
	segment  *segment
	index    int
	offset   int64
	sequence uint64 // of the next record, at the least
}

// Stats is a spool's state for health pages.
type Stats struct {
	Depth   int       `json:"depth"`            // records waiting
	Bytes   int64     `json:"bytes"`            // on disk
	Max     int64     `json:"max_bytes"`        // the limit
	Oldest  time.Time `json:"oldest,omitzero"`  // time of the oldest waiting record
	Dropped uint64    `json:"dropped"`          // records lost at the limit since the spool was opened
	Damaged int       `json:"damaged_segments"` // set aside since it was opened
	Lost    uint64    `json:"damaged_records"`  // records that could not be read of those, as far as known
}

// Damage is one piece of bad news found on disk.
type Damage struct {
	Segment string // where the damaged file is now; empty for a torn tail, which is simply cut off
	Reason  string
}

// Spool is an open queue.
type Spool struct {
	dir     string
	options Options
	appends chan struct{} // holds one token after an append, to wake the reader

	mu       sync.Mutex
	segments []*segment // oldest first; the last one is appended to
	tail     *os.File
	next     uint64 // sequence number of the next record
	head     cursor // the first record that was not acknowledged; always in segments[0]
	unsynced int
	dropped  uint64
	lost     uint64
	damages  []Damage
	reported int
	closed   bool
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("spool is closed")

// Open opens the spool in dir, or makes it. Damage found on the way does not fail it: see Damages.
func Open(dir string, options Options) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &Spool{dir: dir, options: options.withDefaults(), appends: make(chan struct{}, 1), next: 1}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open spool %s: %w", dir, err)
	}
	return s, nil
}

// Append queues one record. It returns when the operating system has it; Sync makes it survive a power cut.
func (s *Spool) Append(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	last := s.segments[len(s.segments)-1]
	data, err := encode(nil, s.next, r)
	if err != nil {
		return fmt.Errorf("append to spool %s: %w", s.dir, err)
	}
	if last.count > 0 && last.size+int64(len(data)) > s.options.SegmentBytes {
		if last, err = s.rotate(); err != nil {
			return err
		}
	}
	if err := s.makeRoom(int64(len(data))); err != nil {
		return err
	}
	if _, err := s.tail.WriteAt(data, last.size); err != nil {
		// Half a record must not stay: what follows it could not be read.
		return errors.Join(fmt.Errorf("append to spool %s: %w", s.dir, err), s.tail.Truncate(last.size))
	}
	last.add(s.next, int64(len(data)))
	s.next++
	s.unsynced++
	select {
	case s.appends <- struct{}{}:
	default:
	}
	if s.unsynced >= s.options.SyncEvery {
		return s.sync()
	}
	return nil
}

// Appended receives after records were appended; several appends may show as one.
func (s *Spool) Appended() <-chan struct{} { return s.appends }

// Sync makes everything appended survive a power cut.
func (s *Spool) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.sync()
}

func (s *Spool) sync() error {
	if s.unsynced == 0 {
		return nil
	}
	if err := s.tail.Sync(); err != nil {
		return fmt.Errorf("sync spool %s: %w", s.dir, err)
	}
	s.unsynced = 0
	return nil
}

// rotate ends the newest segment and begins another.
func (s *Spool) rotate() (*segment, error) {
	if err := s.sync(); err != nil {
		return nil, err
	}
	fresh := &segment{path: segmentPath(s.dir, s.next), first: s.next}
	file, err := os.OpenFile(fresh.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin spool segment: %w", err)
	}
	if s.tail != nil {
		if err := s.tail.Close(); err != nil {
			return nil, fmt.Errorf("end spool segment: %w", err)
		}
	}
	s.tail = file
	s.segments = append(s.segments, fresh)
	return fresh, syncDir(s.dir)
}

// makeRoom drops whole segments, oldest first, until n more bytes fit.
func (s *Spool) makeRoom(n int64) error {
	for s.bytes()+n > s.options.MaxBytes && len(s.segments) > 1 {
		dropped := s.segments[0].count - s.head.index
		if err := s.removeOldest(); err != nil {
			return err
		}
		s.dropped += uint64(dropped) // a cursor's index is at most the count
	}
	return nil
}

// removeOldest deletes the oldest segment; the head moves to the next one.
func (s *Spool) removeOldest() error {
	if err := os.Remove(s.segments[0].path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("drop spool segment: %w", err)
	}
	s.segments = s.segments[1:]
	s.head = cursor{segment: s.segments[0], sequence: max(s.head.sequence, s.segments[0].first)}
	return nil
}

func (s *Spool) bytes() int64 {
	var total int64
	for _, g := range s.segments {
		total += g.size
	}
	return total
}

// Ack takes a batch off the queue. A batch that was dropped meanwhile is no error.
func (s *Spool) Ack(b Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if b.end.segment == nil || b.end.sequence <= s.head.sequence {
		return nil
	}
	if err := writeAck(s.dir, b.end.sequence); err != nil {
		return err
	}
	for s.segments[0] != b.end.segment && len(s.segments) > 1 {
		if err := s.removeOldest(); err != nil {
			return err
		}
	}
	s.head = b.end
	if s.head.index == s.head.segment.count && len(s.segments) > 1 {
		return s.removeOldest()
	}
	return nil
}

// Stats is the state now.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := Stats{Bytes: s.bytes(), Max: s.options.MaxBytes, Dropped: s.dropped, Lost: s.lost}
	for _, d := range s.damages {
		if d.Segment != "" {
			stats.Damaged++
		}
	}
	for _, g := range s.segments {
		stats.Depth += g.count
	}
	stats.Depth -= s.head.index
	if stats.Depth > 0 && !s.closed {
		// One small read; a damaged head shows at the next Read.
		if found, err := s.scanFrom(s.head, 1); err == nil && len(found.records) > 0 {
			stats.Oldest = found.records[0].record.Time
		}
	}
	return stats
}

// Damages returns what was found damaged since the last call.
func (s *Spool) Damages() []Damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := append([]Damage(nil), s.damages[s.reported:]...)
	s.reported = len(s.damages)
	return fresh
}

// Close syncs and closes. The records stay for the next Open.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	err := s.sync()
	s.closed = true
	return errors.Join(err, s.tail.Close())
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentEnding))
}
