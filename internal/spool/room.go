package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
)

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// giveWay frees disk space: by dropping the oldest of several segments, or by emptying the only one where
// everything was delivered. It says whether there was anything.
func (s *Spool) giveWay() bool {
	if len(s.segments) > 1 {
		return s.dropOldest() == nil
	}
	last := s.last()
	if last.count == 0 || s.head.segment != last || s.head.index < last.count {
		return false
	}
	if err := s.tail.Truncate(last.start); err != nil {
		return false
	}
	last.count, last.size = 0, last.start
	s.head = cursor{segment: last, offset: last.start, sequence: s.next}
	return true
}

// makeRoom drops whole segments, oldest first, until n more bytes fit.
func (s *Spool) makeRoom(n int64) error {
	for s.bytes()+n > s.options.MaxBytes && len(s.segments) > 1 {
		if err := s.dropOldest(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) dropOldest() error {
	waiting := s.segments[0].count - s.head.index
	if err := s.removeOldest(); err != nil {
		return err
	}
	s.dropped += uint64(waiting) // a cursor's index is at most the count
	return nil
}

// removeOldest deletes the oldest of several segments; the head moves to the next one.
func (s *Spool) removeOldest() error {
	path := s.segments[0].path
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("drop spool segment: %w", err)
	}
	s.ended = slices.DeleteFunc(s.ended, func(file *os.File) bool {
		if file.Name() != path {
			return false
		}
		_ = file.Close() // while it is open, its space stays taken; nobody needs what it holds
		return true
	})
	s.segments[0].gone = true
	s.segments = s.segments[1:]
	first := s.segments[0]
	s.head = cursor{segment: first, offset: first.start, sequence: max(s.head.sequence, first.first)}
	return nil
}

func (s *Spool) bytes() int64 {
	var total int64
	for _, g := range s.segments {
		total += g.size
	}
	return total
}
