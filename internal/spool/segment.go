package spool

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

const (
	segmentEnding = ".seg"
	damagedEnding = ".damaged"
	ackName       = "acked"
)

// segment is one file and what is known of it. Sequence numbers in it rise; they have gaps where damaged
// records were.
type segment struct {
	path  string
	first uint64 // of the file's name: the least sequence number it can hold
	next  uint64 // the sequence number after its last record
	count int
	size  int64
}

func (g *segment) add(sequence uint64, bytes int64) {
	g.count++
	g.size += bytes
	g.next = sequence + 1
}

// load finds what is on disk.
func (s *Spool) load() error {
	acked, err := readAck(s.dir)
	if err != nil {
		// Without it everything is delivered again, which every reader of the streams expects.
		s.damages = append(s.damages, Damage{Reason: err.Error()})
	}
	acked = max(1, acked)
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
	// Always begin a segment: what was appended before a power cut stays apart from what comes.
	fresh, err := s.rotate()
	if err == nil && s.head.segment == nil {
		s.head.segment = fresh
	}
	return err
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
	found := scan(data, math.MaxInt)
	g := &segment{path: path, first: first, next: first}
	switch {
	case found.reason == "":
		g.take(found)
	case last && !found.resumed:
		// The last write before a crash or a power cut was cut short.
		s.damages = append(s.damages, Damage{
			Reason: fmt.Sprintf("%s: torn tail of %d bytes cut off", filepath.Base(path), int64(len(data))-found.good),
		})
		if err := os.Truncate(path, found.good); err != nil {
			return err
		}
		g.take(found)
	default:
		if err := s.salvage(g, found); err != nil {
			return err
		}
		s.lost += g.next - g.first - uint64(g.count) // a count
	}
	s.next = max(s.next, g.next)
	if g.next <= acked || g.count == 0 {
		return os.Remove(path)
	}
	if s.head.segment == nil {
		s.head = found.cursorAt(g, acked)
	}
	s.segments = append(s.segments, g)
	return nil
}

// take counts a scan's records as the segment's.
func (g *segment) take(found scanned) {
	for _, f := range found.records {
		g.add(f.sequence, f.bytes)
	}
}

func readAck(dir string) (uint64, error) {
	data, err := os.ReadFile(filepath.Join(dir, ackName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read how far the spool was delivered: %w", err)
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("how far the spool was delivered is unreadable (%q): everything is delivered again", data)
	}
	return v, nil
}

// writeAck replaces the file at once. It is not synced: losing it repeats records, and a sync for each batch
// would wear out an SD card.
func writeAck(dir string, acked uint64) error {
	path := filepath.Join(dir, ackName)
	if err := os.WriteFile(path+".new", []byte(strconv.FormatUint(acked, 10)+"\n"), 0o600); err != nil {
		return fmt.Errorf("note how far the spool was delivered: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("note how far the spool was delivered: %w", err)
	}
	return nil
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
