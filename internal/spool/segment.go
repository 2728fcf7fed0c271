package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	segmentEnding = ".seg"
	damagedEnding = ".damaged"
)

// segment is one file and what is known of it. Sequence numbers in it rise; they have gaps where damaged
// records were.
type segment struct {
	path  string
	first uint64 // of the file's name: the least sequence number it can hold
	next  uint64 // the sequence number after its last record
	count int
	start int64 // where its records begin
	size  int64
	gone  bool   // deleted, or written anew: offsets into it mean nothing
	codec *codec // only of the segment that is appended to
}

func (g *segment) add(sequence uint64, bytes int64) {
	g.count++
	g.size += bytes
	g.next = sequence + 1
}

// cursor is a place between two records. Index counts from the beginning of the segment.
type cursor struct {
	segment  *segment
	index    int
	offset   int64
	sequence uint64 // of the next record, at the least
}

// rotate ends the newest segment and begins another, which knows the words and samples of its time.
func (s *Spool) rotate(now time.Time) error {
	codec := s.words.codec(now)
	header := encodeHeader(codec)
	fresh := &segment{path: segmentPath(s.dir, s.next), first: s.next, next: s.next, codec: codec}
	fresh.start, fresh.size = int64(len(header)), int64(len(header))
	if err := s.makeRoom(fresh.size); err != nil {
		return err
	}
	file, err := begin(fresh.path, header)
	for err != nil && isFull(err) && len(s.segments) > 1 && s.giveWay() {
		file, err = begin(fresh.path, header)
	}
	switch {
	case err == nil:
	case s.tail != nil && isFull(err):
		return nil // the old one grows a little longer than it should
	default:
		return fmt.Errorf("begin spool segment: %w", err)
	}
	s.written += uint64(len(header))
	if s.tail != nil {
		s.ended = append(s.ended, s.tail)
		s.last().codec = nil
	}
	s.tail, s.newFiles = file, true
	s.segments = append(s.segments, fresh)
	if s.head.segment == nil {
		s.head = cursor{segment: fresh, offset: fresh.start, sequence: s.next}
	}
	if oldest := s.segments[0]; len(s.segments) > 1 && s.head.segment == oldest && s.head.index == oldest.count {
		return s.removeOldest() // everything of it was delivered
	}
	return nil
}

// begin makes a file whole or not at all.
func begin(path string, header []byte) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(header); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return file, nil
}

// Ack takes a batch off the queue; note replaces the note that the owner finds after a restart, unless it is nil.
// A batch that was dropped meanwhile is no error. After an error the batch is off the queue all the same, but a
// restart may find it there again.
func (s *Spool) Ack(b *Batch, note []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if b.end.segment == nil || b.end.sequence <= s.head.sequence {
		return nil
	}
	noted := s.acks.write(b.end.sequence, note)
	for len(s.segments) > 1 && s.segments[0] != b.end.segment && s.segments[0].next <= b.end.sequence {
		if err := s.removeOldest(); err != nil {
			return errors.Join(noted, err)
		}
	}
	end := b.end
	if end.segment.gone {
		var err error
		if end, err = s.find(end.sequence); err != nil {
			return errors.Join(noted, err)
		}
	}
	s.head = end
	if s.head.segment == s.segments[0] && s.head.index == s.head.segment.count && len(s.segments) > 1 {
		return errors.Join(noted, s.removeOldest())
	}
	return noted
}

// Note returns the owner's note of the last acknowledgement; nil when there is none.
func (s *Spool) Note() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acks.note)
}

// SetNote replaces the note and acknowledges nothing. A note is at most MaxNote bytes.
func (s *Spool) SetNote(note []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.acks.write(max(s.head.sequence, s.acks.sequence), note)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync spool folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync spool folder %s: %w", dir, err)
	}
	return nil
}
