// Package logs keeps the output of one container: a file of JSON lines as dockerd's json-file driver writes
// them, rotated by size, with readers that can follow.
package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// MaxBytes is the size at which a log file is set aside as <path>.1; the one before that is deleted.
const MaxBytes = 10 << 20

// The streams.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Entry is one line of output, or a part of a line longer than 16 KiB.
type Entry struct {
	// Text ends with a newline unless it is a part of a line.
	Text   string    `json:"log"`
	Stream string    `json:"stream"`
	Time   time.Time `json:"time"`
}

// Log is the log of one container. Its methods are safe for concurrent use.
type Log struct {
	path     string
	maxBytes int64

	mu         sync.Mutex
	file       *os.File
	size       int64
	generation int           // rises with each rotation; the current file has this one, <path>.1 the one before
	changed    chan struct{} // closed at the next write, rotation or close
}

// Open opens the log at path, making it if needed. maxBytes 0 is MaxBytes.
func Open(path string, maxBytes int64) (*Log, error) {
	if maxBytes <= 0 {
		maxBytes = MaxBytes
	}
	l := &Log{path: path, maxBytes: maxBytes, changed: make(chan struct{})}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

// Path is the current file.
func (l *Log) Path() string { return l.path }

func (l *Log) open() error {
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return fmt.Errorf("open log %s: %w", l.path, err)
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Write appends one entry. A line torn by a crash stays alone: readers skip what they cannot read.
func (l *Log) Write(entry Entry) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("write log %s: %w", l.path, err)
	}
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return fmt.Errorf("write log %s: %w", l.path, os.ErrClosed)
	}
	if l.size > 0 && l.size+int64(len(line)) > l.maxBytes {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	l.wake()
	if err != nil {
		return fmt.Errorf("write log %s: %w", l.path, err)
	}
	return nil
}

func (l *Log) rotate() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return fmt.Errorf("set log aside: %w", err)
	}
	l.file.Close()
	l.file = nil
	if err := l.open(); err != nil {
		return err
	}
	l.generation++
	return nil
}

func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Close ends all readers after what was written.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	l.wake()
	if err != nil {
		return fmt.Errorf("close log %s: %w", l.path, err)
	}
	return nil
}

// Copy reads lines from r into the log until r ends. Lines over 16 KiB are kept in parts, as dockerd does.
func (l *Log) Copy(stream string, r io.Reader) error {
	lines := newLineReader(r)
	for {
		line, err := lines.next()
		if len(line) > 0 {
			if err := l.Write(Entry{Text: string(line), Stream: stream, Time: time.Now().UTC()}); err != nil {
				// Go on reading: a full pipe would stop the container, which is worse than a lost line.
				_, copyErr := io.Copy(io.Discard, r)
				return errors.Join(err, copyErr)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
	}
}
