package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxPart is the longest part of a line that one entry holds, in bytes.
const maxPart = 16 << 10

// lineReader gives lines with their newline, longer ones in parts.
type lineReader struct{ buffer *bufio.Reader }

func newLineReader(r io.Reader) lineReader {
	return lineReader{buffer: bufio.NewReaderSize(r, maxPart)}
}

func (r lineReader) next() ([]byte, error) {
	line, err := r.buffer.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return line, nil
	}
	return line, err
}

// Query chooses entries.
type Query struct {
	Stdout, Stderr bool
	// Since and Until bound the entries' times; zero is no bound.
	Since, Until time.Time
	// Tail is how many of the last entries to begin with; negative is all.
	Tail int
	// Until this channel is closed, wait for more. nil: do not follow.
	Follow <-chan struct{}
}

func (q Query) wants(e Entry) bool {
	switch {
	case e.Stream == Stdout && !q.Stdout, e.Stream == Stderr && !q.Stderr:
		return false
	case !q.Since.IsZero() && e.Time.Before(q.Since):
		return false
	case !q.Until.IsZero() && e.Time.After(q.Until):
		return false
	}
	return true
}

// Read gives the chosen entries in order to emit until the end, or, following, until the container's end,
// ctx's end or an error of emit, which it returns.
func (l *Log) Read(ctx context.Context, query Query, emit func(Entry) error) error {
	cursor := &cursor{log: l}
	defer cursor.close()
	tail := newTail(query.Tail)
	if err := cursor.drain(ctx, func(e Entry) error {
		if query.wants(e) {
			return tail.add(e, emit)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := tail.flush(emit); err != nil {
		return err
	}
	if query.Follow == nil {
		return nil
	}
	return l.follow(ctx, query, cursor, emit)
}

func (l *Log) follow(ctx context.Context, query Query, cursor *cursor, emit func(Entry) error) error {
	var until <-chan time.Time
	if !query.Until.IsZero() {
		timer := time.NewTimer(time.Until(query.Until))
		defer timer.Stop()
		until = timer.C
	}
	for last := false; ; {
		l.mu.Lock()
		changed, closed := l.changed, l.file == nil
		l.mu.Unlock()
		if err := cursor.drain(ctx, func(e Entry) error {
			if query.wants(e) {
				return emit(e)
			}
			return nil
		}); err != nil {
			return err
		}
		if last || closed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-query.Follow:
			last = true // once more, for what was written before it
		case <-until:
			last = true
		case <-changed:
		}
	}
}

// tail holds back the last entries; a negative size holds back none.
type tail struct {
	size    int
	entries []Entry
}

func newTail(size int) *tail { return &tail{size: size} }

func (t *tail) add(e Entry, emit func(Entry) error) error {
	if t.size < 0 {
		return emit(e)
	}
	t.entries = append(t.entries, e)
	if len(t.entries) > 2*t.size {
		t.entries = append(t.entries[:0], t.entries[len(t.entries)-t.size:]...)
	}
	return nil
}

func (t *tail) flush(emit func(Entry) error) error {
	if over := len(t.entries) - t.size; t.size >= 0 && over > 0 {
		t.entries = t.entries[over:]
	}
	for _, e := range t.entries {
		if err := emit(e); err != nil {
			return err
		}
	}
	t.entries = nil
	return nil
}

// cursor is a place in the chain of files.
type cursor struct {
	log        *Log
	generation int // of the open file
	file       *os.File
	reader     *bufio.Reader
	part       []byte // of a line that is being written
}

func (c *cursor) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// drain reads all that is there now.
func (c *cursor) drain(ctx context.Context, emit func(Entry) error) error {
	for {
		if c.file != nil {
			if err := c.readFile(ctx, emit); err != nil {
				return err
			}
		}
		more, err := c.next(ctx, emit)
		if err != nil || !more {
			return err
		}
	}
}

func (c *cursor) readFile(ctx context.Context, emit func(Entry) error) error {
	for ctx.Err() == nil {
		text, err := c.reader.ReadBytes('\n')
		c.part = append(c.part, text...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read log: %w", err)
		}
		var entry Entry
		line := bytes.TrimSpace(c.part)
		c.part = c.part[:0]
		if json.Unmarshal(line, &entry) != nil {
			continue // torn by a crash
		}
		if err := emit(entry); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// next opens the file after the one that was read to its end; false when that was the current one.
func (c *cursor) next(ctx context.Context, emit func(Entry) error) (bool, error) {
	c.log.mu.Lock()
	current := c.log.generation
	if c.file != nil && c.generation == current {
		c.log.mu.Unlock()
		return false, nil
	}
	old := c.file
	// The oldest that is left: a reader that was too slow loses what rotation deleted.
	want, path := current, c.log.path
	if c.file == nil || c.generation < current-1 {
		want, path = current-1, c.log.path+".1"
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && want != current {
		want = current
		file, err = os.Open(c.log.path)
	}
	c.log.mu.Unlock()
	if err != nil {
		return false, fmt.Errorf("read log: %w", err)
	}
	if old != nil {
		// Between the last read and the rotation more may have come.
		if err := c.readFile(ctx, emit); err != nil {
			file.Close()
			return false, err
		}
		old.Close()
	}
	c.file, c.generation, c.reader, c.part = file, want, bufio.NewReaderSize(file, 64<<10), nil
	return true, nil
}
