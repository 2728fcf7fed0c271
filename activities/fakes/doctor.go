package fakes

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Checks are engines that a Doctor asks. Log lines: ask BOX, reach BOX REF [as USER].
type Checks struct {
	Log
	Faults

	mu      sync.Mutex
	answers map[string]activities.EngineAnswer
	free    map[string]int64
}

// NewChecks makes engines that do not answer until Answer says so.
func NewChecks() *Checks {
	return &Checks{answers: map[string]activities.EngineAnswer{}, free: map[string]int64{}}
}

// Answer says what the engine of a box tells from now on. An answer without a time was asked just now.
func (c *Checks) Answer(boxName string, answer activities.EngineAnswer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[boxName] = answer
}

// Free says how much disk a box has, bytes; without it nobody knows.
func (c *Checks) Free(boxName string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[boxName] = bytes
}

// Ask implements activities.EngineChecks.
func (c *Checks) Ask(ctx context.Context, box spec.Box) (activities.EngineAnswer, error) {
	if err := c.check(ctx, Call{Method: "Ask", Box: box.Name}); err != nil {
		return activities.EngineAnswer{}, err
	}
	c.Add("ask %s", box.Name)
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, found := c.answers[box.Name]
	if !found {
		return answer, fmt.Errorf("no engine listens: %w", fault.ErrUnreachable)
	}
	if answer.Asked.IsZero() {
		answer.Asked = time.Now()
		answer.Answered = answer.Asked
	}
	return answer, nil
}

// FreeDisk implements activities.EngineChecks.
func (c *Checks) FreeDisk(_ context.Context, box spec.Box, _ string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if free, known := c.free[box.Name]; known {
		return free
	}
	return -1
}

// Reach implements activities.EngineChecks.
func (c *Checks) Reach(ctx context.Context, box spec.Box, ref string, from activities.Source) error {
	if err := c.check(ctx, Call{Method: "Reach", Box: box.Name, Subject: ref}); err != nil {
		return err
	}
	line := fmt.Sprintf("reach %s %s", box.Name, ref)
	if from.User != "" {
		line += " as " + from.User
	}
	c.Add("%s", line)
	return nil
}

// Shells answer commands by what they contain. Log lines: run BOX COMMAND (its first line), forget BOX.
type Shells struct {
	Log
	Faults

	mu      sync.Mutex
	answers []shellAnswer
}

type shellAnswer struct {
	contains string
	rans     []activities.Ran // one after the other; the last stays
}

// Say makes commands that contain a text end so, one after the other; the last stays. What was said first goes first.
func (s *Shells) Say(contains string, rans ...activities.Ran) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, shellAnswer{contains, rans})
}

// Run implements activities.Shells. A command that nobody spoke of ends well and says nothing.
func (s *Shells) Run(ctx context.Context, box spec.Box, command string) (activities.Ran, error) {
	first, _, _ := strings.Cut(command, "\n")
	if err := s.check(ctx, Call{Method: "Run", Box: box.Name, Subject: first}); err != nil {
		return activities.Ran{}, err
	}
	s.Add("run %s %s", box.Name, first)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, answer := range s.answers {
		if !strings.Contains(command, answer.contains) {
			continue
		}
		if len(answer.rans) > 1 {
			s.answers[i].rans = answer.rans[1:]
		}
		return answer.rans[0], nil
	}
	return activities.Ran{}, nil
}

// Forget implements activities.Shells.
func (s *Shells) Forget(box spec.Box) { s.Add("forget %s", box.Name) }
