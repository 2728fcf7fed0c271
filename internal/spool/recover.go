package spool

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

type located struct {
	sequence uint64
	record   Record
	bytes    int64 // on disk
}

// scanned is what a segment's bytes hold.
type scanned struct {
	records []located
	reason  string // of the first damage; empty when there is none
	good    int64  // bytes before the first damage
	resumed bool   // good records follow the first damage
}

// cursorAt is the place of the first record with at least this sequence number.
func (f scanned) cursorAt(g *segment, sequence uint64) cursor {
	c := cursor{segment: g, sequence: sequence}
	for _, r := range f.records {
		if r.sequence >= sequence {
			break
		}
		c.index++
		c.offset += r.bytes
	}
	return c
}

// scan reads up to limit records of a segment. After damage it goes on at the next whole record.
func scan(data []byte, limit int) scanned {
	var out scanned
	for at := 0; at < len(data) && len(out.records) < limit; {
		n, err := frame(data[at:])
		var sequence uint64
		var record Record
		if err == nil {
			sequence, record, err = decode(data[at : at+n])
		}
		if err != nil {
			if out.reason == "" {
				out.reason, out.good = err.Error(), int64(at)
			}
			at = resync(data, at+1)
			continue
		}
		out.resumed = out.reason != ""
		out.records = append(out.records, located{sequence, record, int64(n)})
		at += n
	}
	return out
}

// resync is the next offset, from at on, where a whole good record begins, or the end.
func resync(data []byte, at int) int {
	for ; at < len(data); at++ {
		n, err := frame(data[at:])
		if err != nil {
			continue
		}
		if _, _, err := decode(data[at : at+n]); err == nil {
			return at
		}
	}
	return len(data)
}

// salvage sets a damaged segment aside and writes what could be read of it in its place.
func (s *Spool) salvage(g *segment, found scanned) error {
	s.setAside(g.path, found.reason)
	var data []byte
	*g = segment{path: g.path, first: g.first, next: g.first}
	for _, f := range found.records {
		var err error
		if data, err = encode(data, f.sequence, f.record); err != nil {
			return err
		}
	}
	g.take(found)
	if err := os.WriteFile(g.path, data, 0o600); err != nil {
		return fmt.Errorf("write what is left of a damaged spool segment: %w", err)
	}
	return nil
}

// setAside keeps a damaged file for people. Only the newest ones stay, so that a bad disk does not fill.
func (s *Spool) setAside(path, reason string) {
	aside := path + damagedEnding
	if err := os.Rename(path, aside); err != nil {
		reason += " (" + err.Error() + ")"
	}
	s.damages = append(s.damages, Damage{Segment: aside, Reason: filepath.Base(path) + ": " + reason})
	const keep = 8
	old, err := filepath.Glob(filepath.Join(s.dir, "*"+damagedEnding))
	for i := 0; err == nil && i < len(old)-keep; i++ {
		err = os.Remove(old[i])
	}
	if err != nil {
		s.damages = append(s.damages, Damage{Reason: "delete an old damaged segment: " + err.Error()})
	}
}

// Read returns up to n records from the head of the queue, in order, without taking them off. An empty batch
// means an empty queue. Damage that appeared since Open is set aside as at Open.
func (s *Spool) Read(n int) (Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Batch{}, ErrClosed
	}
	b := Batch{end: s.head}
	for i := 0; i < len(s.segments) && len(b.Records) < n; i++ {
		if i > 0 {
			b.end = cursor{segment: s.segments[i], sequence: max(b.end.sequence, s.segments[i].first)}
		}
		if b.end.index == b.end.segment.count {
			continue
		}
		found, err := s.readOn(&b.end, n-len(b.Records))
		if err != nil {
			return Batch{}, err
		}
		b.Records = append(b.Records, found...)
	}
	return b, nil
}

// readOn reads up to n records of the cursor's segment and moves the cursor.
func (s *Spool) readOn(c *cursor, n int) ([]Record, error) {
	n = min(n, c.segment.count-c.index)
	found, err := s.scanFrom(*c, n)
	if err != nil {
		return nil, err
	}
	if found.reason != "" || len(found.records) != n {
		if err := s.repair(c); err != nil {
			return nil, err
		}
		n = min(n, c.segment.count-c.index)
		if found, err = s.scanFrom(*c, n); err != nil {
			return nil, err
		}
	}
	var records []Record
	for _, f := range found.records {
		records = append(records, f.record)
		c.index++
		c.offset += f.bytes
		c.sequence = f.sequence + 1
	}
	return records, nil
}

// repair salvages the cursor's segment, damaged since it was opened, and finds the cursor's place again.
func (s *Spool) repair(c *cursor) error {
	g, had := c.segment, c.segment.count
	if g == s.segments[len(s.segments)-1] { // later appends go to a segment of their own
		if _, err := s.rotate(); err != nil {
			return err
		}
	}
	data, err := os.ReadFile(g.path)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read spool segment: %w", err)
	}
	found := scan(data, math.MaxInt)
	if found.reason == "" {
		found.reason = fmt.Sprintf("%d of %d records are there", len(found.records), had)
	}
	if err := s.salvage(g, found); err != nil {
		return err
	}
	s.lost += uint64(max(0, had-g.count)) // not negative
	*c = found.cursorAt(g, c.sequence)
	if g == s.head.segment {
		s.head = found.cursorAt(g, s.head.sequence)
	}
	return nil
}

// scanFrom reads up to n records at a place. A file that is gone reads as empty.
func (s *Spool) scanFrom(c cursor, n int) (scanned, error) {
	file, err := os.Open(c.segment.path)
	if os.IsNotExist(err) {
		return scanned{}, nil
	}
	if err != nil {
		return scanned{}, fmt.Errorf("read spool segment: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, c.offset, c.segment.size-c.offset))
	if err != nil {
		return scanned{}, fmt.Errorf("read spool segment: %w", err)
	}
	return scan(data, n), nil
}
