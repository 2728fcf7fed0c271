package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// load finds what is on disk.
func (s *Spool) load() error {
	var err error
	if s.acks, err = openAck(s.dir); err != nil {
		s.damages = append(s.damages, Damage{Reason: err.Error()})
	}
	acked := max(1, s.acks.sequence)
	paths, err := filepath.Glob(filepath.Join(s.dir, "*"+segmentEnding))
	if err != nil {
		return err
	}
	sort.Strings(paths)
	for i, path := range paths {
		if err := s.loadSegment(path, i == len(paths)-1, acked); err != nil {
			return err
		}
	}
	s.next = max(s.next, acked)
	if s.head.segment == nil {
		s.head.sequence = s.next
	}
	// The next append begins a segment: what was appended before a power cut stays apart from what comes.
	return nil
}

// loadSegment adds one file's records to the queue; a file with nothing left to deliver is deleted.
func (s *Spool) loadSegment(path string, last bool, acked uint64) error {
	first, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), segmentEnding), 10, 64)
	if err != nil {
		s.setAside(path, "its name is no sequence number")
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	found := scan(data, first, nil)
	g := &segment{path: path, first: first, next: first}
	switch {
	case found.reason == "":
		g.take(found, int64(len(data)))
	case last && found.codec != nil && !found.resumed && !found.headed, len(data) == 0:
		// The last write before a crash or a power cut was cut short.
		s.damages = append(s.damages, Damage{
			Reason: fmt.Sprintf("%s: torn tail of %d bytes cut off", filepath.Base(path), int64(len(data))-found.good),
		})
		if err := os.Truncate(path, found.good); err != nil {
			return err
		}
		g.take(found, found.good)
	default:
		if found, err = s.salvage(g, data, found); err != nil {
			return err
		}
		s.lost += g.next - g.first - uint64(g.count) // a count
	}
	if found.codec != nil {
		s.words.adopt(found.codec)
	}
	s.next = max(s.next, g.next)
	if g.next <= acked || g.count == 0 {
		return os.Remove(path)
	}
	s.segments = append(s.segments, g)
	if s.head.segment == nil {
		s.head, err = s.find(acked)
	}
	return err
}

// take counts a scan's records as the segment's.
func (g *segment) take(found scanned, size int64) {
	g.start, g.count, g.next, g.size = found.start, found.count, found.next, size
}

// salvage sets a damaged segment aside and writes what could be read of it in its place, under a good header.
func (s *Spool) salvage(g *segment, data []byte, found scanned) (scanned, error) {
	s.setAside(g.path, found.reason)
	if found.codec == nil {
		found.codec = newCodec(0, nil, nil)
	}
	whole := encodeHeader(found.codec)
	for _, good := range found.spans {
		whole = append(whole, data[good.from:good.to]...)
	}
	if err := os.WriteFile(g.path, whole, 0o600); err != nil {
		return scanned{}, fmt.Errorf("write what is left of a damaged spool segment: %w", err)
	}
	s.written += uint64(len(whole))
	s.newFiles = true
	found = scan(whole, g.first, nil)
	g.take(found, int64(len(whole)))
	return found, nil
}

// setAside keeps a damaged file for people. Only the newest ones stay, so that a bad disk does not fill.
func (s *Spool) setAside(path, reason string) {
	aside := path + damagedEnding
	if err := os.Rename(path, aside); err != nil {
		reason += " (" + err.Error() + ")"
	}
	s.damaged++
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

// find is the place of the first record with at least this sequence number.
func (s *Spool) find(sequence uint64) (cursor, error) {
	for i, g := range s.segments {
		if g.next <= sequence && i < len(s.segments)-1 {
			continue
		}
		if g.first >= sequence {
			return cursor{segment: g, offset: g.start, sequence: sequence}, nil
		}
		data, err := os.ReadFile(g.path)
		if err != nil && !os.IsNotExist(err) {
			return cursor{}, fmt.Errorf("read spool segment: %w", err)
		}
		c := cursor{segment: g, offset: g.size, index: g.count, sequence: sequence}
		scan(data[:min(int64(len(data)), g.size)], g.first, func(at uint64, _ []byte, offset int64) {
			if at >= sequence && offset < c.offset {
				c.offset = offset
			}
			if at >= sequence {
				c.index--
			}
		})
		return c, nil
	}
	return cursor{sequence: sequence}, nil
}

// repair salvages a segment, damaged since it was opened, in place of which a fresh one comes.
func (s *Spool) repair(g *segment) error {
	at := -1
	for i := range s.segments {
		if s.segments[i] == g {
			at = i
		}
	}
	if at < 0 {
		return nil // dropped or repaired meanwhile
	}
	data, err := os.ReadFile(g.path)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read spool segment: %w", err)
	}
	found := scan(data[:min(int64(len(data)), g.size)], g.first, nil)
	if found.reason == "" {
		found.reason = fmt.Sprintf("%d of %d records are there", found.count, g.count)
	}
	if g == s.last() && s.tail != nil { // later appends go to a segment of their own
		s.ended, s.tail = append(s.ended, s.tail), nil
	}
	fresh := &segment{path: g.path, first: g.first, next: g.next}
	if _, err := s.salvage(fresh, data, found); err != nil {
		return err
	}
	fresh.next = max(fresh.next, g.next)
	g.gone = true
	s.segments[at] = fresh
	s.lost += uint64(max(0, g.count-fresh.count)) // not negative
	if s.head.segment == g {
		s.head, err = s.find(s.head.sequence)
	}
	return err
}
