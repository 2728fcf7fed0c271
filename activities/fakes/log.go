// Package fakes holds hand-written stand-ins for everything that activities reach: engines with boxes in
// memory, a registry, streams, secrets and a scheduler. Each keeps a log of what was done, in order, and can
// be told to fail. Tests of activities and of workflows register the real activities over them.
package fakes

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// Log is what was done, one line for each call that was allowed to act, in order. Many goroutines may
// write and read it. The zero value is ready.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Add writes one line.
func (l *Log) Add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Lines are all lines so far.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// Matching are the lines that begin with prefix.
func (l *Log) Matching(prefix string) []string {
	var found []string
	for _, line := range l.Lines() {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	return found
}

// Count is how many lines begin with prefix.
func (l *Log) Count(prefix string) int { return len(l.Matching(prefix)) }

// Index is the place of the first line that begins with prefix, or -1.
func (l *Log) Index(prefix string) int {
	for i, line := range l.Lines() {
		if strings.HasPrefix(line, prefix) {
			return i
		}
	}
	return -1
}

// String is the whole log, one line each.
func (l *Log) String() string { return strings.Join(l.Lines(), "\n") }

// Call names one call of a fake. In a match an empty field stands for any.
type Call struct {
	// Method is the interface's method: Pull, EnsureContainer, Command, …
	Method string
	// Box is the box it happens on; empty for calls that concern none.
	Box string
	// Subject is what it happens to: the image of a pull, the function of a container that is started, a
	// container's name, a network, a volume, the address of a dial, a room, a service, a secret.
	Subject string
}

func (c Call) matches(other Call) bool {
	return (c.Method == "" || c.Method == other.Method) &&
		(c.Box == "" || c.Box == other.Box) &&
		(c.Subject == "" || c.Subject == other.Subject)
}

// Faults makes calls fail. The zero value fails none.
type Faults struct {
	mu     sync.Mutex
	faults []*injected
	hooks  []hook
}

type injected struct {
	match Call
	left  int // negative: for ever
	err   error
}

type hook struct {
	match Call
	do    func(ctx context.Context, call Call) error
}

// Fail makes the next `times` calls that match fail with err; zero or less is every one from now on. A
// call that fails does nothing.
func (f *Faults) Fail(match Call, times int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if times <= 0 {
		times = -1
	}
	f.faults = append(f.faults, &injected{match: match, left: times, err: err})
}

// Before runs do ahead of every call that matches: to wait, to signal a test, to change the world. An
// error from it fails the call.
func (f *Faults) Before(match Call, do func(ctx context.Context, call Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hooks = append(f.hooks, hook{match: match, do: do})
}

// Heal forgets all that Fail and Before were told.
func (f *Faults) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.hooks = nil, nil
}

// check runs the hooks and says whether the call is to fail.
func (f *Faults) check(ctx context.Context, call Call) error {
	f.mu.Lock()
	hooks := append([]hook(nil), f.hooks...)
	f.mu.Unlock()
	for _, h := range hooks {
		if !h.match.matches(call) {
			continue
		}
		if err := h.do(ctx, call); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.faults {
		if fault.left == 0 || !fault.match.matches(call) {
			continue
		}
		if fault.left > 0 {
			fault.left--
		}
		return fault.err
	}
	return nil
}
