// Package spool owns the edge's queue on disk: what was measured waits here until the broker has it. It is
// bounded, in order, and survives kill -9 and power cuts; it knows no broker.
//
// A spool is a folder of segments. Records are appended to the newest segment, read from the oldest, and a
// segment is deleted when its last record was acknowledged. At the size limit, and when the disk is full, the
// oldest segment is dropped, and counted. A damaged segment is set aside under the ending .damaged, what can be
// read of it stays in the queue, and the spool goes on.
//
// Delivery is at least once: what was delivered and not yet acknowledged when the process died is read again.
// Each acknowledgement carries a note of the owner's (where the records went), so that the owner can find out.
//
// One spool has one owner process. Append, Sync, Stats and one reader (Next, Read, Ack) may run at the same time;
// neither a sync nor a read holds up an Append.
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
	MaxBytes     int64 // of all segments; 64 MiB, about 3 million readings
	SegmentBytes int64 // of one; 1 MiB. It is also the least that is dropped at the limit
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
	return o
}

// Record is one queued record. The topic is the spool's owner's matter.
type Record struct {
	Key     []byte
	Value   []byte
	Headers map[string]string
	Time    time.Time // when it was made; resolution 1 ms
}

// Spool is an open queue.
type Spool struct {
	dir     string
	options Options
	appends chan struct{} // holds one token after an append, to wake the reader

	syncing sync.Mutex // one sync at a time; taken before mu
	mu      sync.Mutex
	// Segments, oldest first; the last one is appended to while tail is open. Empty until the first append.
	segments []*segment
	tail     *os.File
	ended    []*os.File // segments that a rotation ended and no sync has seen
	newFiles bool       // the folder has entries that no sync has seen
	next     uint64     // sequence number of the next record
	head     cursor     // the first record that was not acknowledged; in segments[0] unless there is none
	unsynced int
	words    vocabulary
	scratch  []byte
	acks     *ackFile
	oldest   aged
	dropped  uint64
	lost     uint64
	written  uint64
	damages  []Damage
	damaged  int
	closed   bool
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("spool is closed")

// ErrFull is returned by Append when the disk has no room and nothing older can make way. The record is lost and
// counted as dropped.
var ErrFull = errors.New("no space for the spool")

// Open opens the spool in dir, or makes it. Damage found on the way does not fail it: see Damages. Nor does a full
// disk.
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

// Append queues one record. It returns when the operating system has it, so a killed process loses nothing; Sync
// makes it survive a power cut. It waits for no sync. Errors: ErrFull, ErrClosed, the disk's.
func (s *Spool) Append(r Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.append(r); err != nil {
		if isFull(err) {
			s.dropped++
			err = fmt.Errorf("%w: %w", ErrFull, err)
		}
		return fmt.Errorf("append to spool %s: %w", s.dir, err)
	}
	select {
	case s.appends <- struct{}{}:
	default:
	}
	return nil
}

func (s *Spool) append(r Record) error {
	s.words.learn(r)
	if s.tail == nil || s.words.outgrew(s.last()) {
		if err := s.rotate(r.Time); err != nil {
			return err
		}
	}
	last := s.last()
	data, err := last.codec.encode(s.scratch[:0], s.next-last.first, r)
	if err != nil {
		return err
	}
	if last.count > 0 && last.size+int64(len(data)) > s.options.SegmentBytes {
		if err := s.rotate(r.Time); err != nil {
			return err
		}
		last = s.last()
		if data, err = last.codec.encode(data[:0], s.next-last.first, r); err != nil {
			return err
		}
	}
	s.scratch = data
	if err := s.makeRoom(int64(len(data))); err != nil {
		return err
	}
	if err := s.write(data); err != nil {
		return err
	}
	last.add(s.next, int64(len(data)))
	s.next++
	s.unsynced++
	return nil
}

// write puts data at the end of the newest segment. On a full disk the oldest make way.
func (s *Spool) write(data []byte) error {
	for {
		last := s.last()
		_, err := s.tail.WriteAt(data, last.size)
		if err == nil {
			s.written += uint64(len(data))
			return nil
		}
		// Half a record must not stay: what follows it could not be read.
		if cut := s.tail.Truncate(last.size); cut != nil {
			return errors.Join(err, cut)
		}
		if !isFull(err) || !s.giveWay() {
			return err
		}
	}
}

// Appended receives after records were appended; several appends may show as one.
func (s *Spool) Appended() <-chan struct{} { return s.appends }

// Sync makes everything appended so far survive a power cut. Appends go on meanwhile.
func (s *Spool) Sync() error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	ended, tail, appended, newFiles := s.ended, s.tail, s.unsynced, s.newFiles
	s.ended, s.newFiles = nil, false
	s.mu.Unlock()
	if len(ended) == 0 && appended == 0 && !newFiles {
		return nil
	}
	var faults []error
	for _, file := range ended {
		faults = append(faults, file.Sync(), file.Close())
	}
	if appended > 0 && tail != nil {
		err := tail.Sync()
		if errors.Is(err, os.ErrClosed) {
			err = nil // a rotation and a Close came between: Close has synced it
		}
		faults = append(faults, err)
	}
	if newFiles {
		faults = append(faults, syncDir(s.dir))
	}
	err := errors.Join(faults...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.newFiles = s.newFiles || newFiles
		return fmt.Errorf("sync spool %s: %w", s.dir, err)
	}
	s.unsynced -= appended
	return nil
}

func (s *Spool) last() *segment { return s.segments[len(s.segments)-1] }

// Close syncs and closes. The records stay for the next Open.
func (s *Spool) Close() error {
	err := s.Sync()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	faults := []error{err}
	for _, file := range append(s.ended, s.tail) {
		if file != nil {
			faults = append(faults, file.Sync(), file.Close())
		}
	}
	if s.acks != nil {
		faults = append(faults, s.acks.close())
	}
	return errors.Join(faults...)
}

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", first, segmentEnding))
}
