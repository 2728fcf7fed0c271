// Package screen draws the progress of long work: a block that redraws itself on a terminal, one line for
// each change anywhere else.
package screen

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// The states of a line. They are the workflows' step states too.
const (
	Waiting  = "waiting"
	Running  = "running"
	Done     = "done"
	Failed   = "failed"
	Undone   = "undone"
	Warning  = "warning" // it is done and somebody should know what came out
	Approval = "approval"
	Stopped  = "stopped" // cancelled, because another failed or by a person
)

// Line is one thing being done.
type Line struct {
	ID      string // stable; what changes under one ID redraws one line
	Title   string
	State   string
	Detail  string // only its first line is drawn
	Again   string // why it is tried again; a plain screen, which shows no details of running work, writes it once
	Started time.Time
	Ended   time.Time
	Steps   []Line // shown while the line runs or failed, folded when it is done
}

// beat is how often a live block is drawn while nothing changes: its wheels turn and its times count.
const beat = 100 * time.Millisecond

// Screen draws lines. It is safe for many goroutines.
type Screen struct {
	out  io.Writer
	live bool
	size func() (width, height int)
	now  func() time.Time

	mu      sync.Mutex
	lines   []Line
	drawn   int               // rows on the terminal now
	printed map[string]string // plain: the last state of each ID
	frame   int
	rest    chan struct{} // closed by Freeze; nil while nothing is animated
}

// New makes a screen. Live redraws in place with colours, within size columns and rows; plain writes each
// change once and never asks for the size.
func New(out io.Writer, live bool, size func() (width, height int), now func() time.Time) *Screen {
	return &Screen{out: out, live: live, size: size, now: now, printed: map[string]string{}}
}

// Show replaces everything that is shown.
func (s *Screen) Show(lines []Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = lines
	if s.live && s.rest == nil {
		s.rest = make(chan struct{})
		go s.animate(s.rest)
	}
	s.draw("")
}

// Print writes text above the block.
func (s *Screen) Print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(text + "\n")
}

// Freeze leaves the block as it is; what follows is written below it.
func (s *Screen) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rest != nil {
		close(s.rest)
		s.rest = nil
	}
	s.drawn, s.lines = 0, nil
}

func (s *Screen) animate(rest chan struct{}) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-rest:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		if s.rest == rest {
			s.frame++
			s.draw("")
		}
		s.mu.Unlock()
	}
}

// draw writes text where the block was and the block below it, in one write, so that nothing flickers. A row
// is overwritten rather than erased first, and never wraps: a wrapped one would count as one and be two.
func (s *Screen) draw(text string) {
	if !s.live {
		fmt.Fprint(s.out, text)
		s.plain(s.lines, "")
		return
	}
	var block strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&block, "\r\x1b[%dA", s.drawn) // the carriage return: somebody may have typed
	}
	if text != "" {
		block.WriteString("\x1b[J" + text)
	}
	width, height := s.size()
	rows := s.rows(width, height-1) // the cursor's own row is below the block
	for _, row := range rows {
		block.WriteString(row + "\x1b[K\n")
	}
	if s.drawn > len(rows) {
		block.WriteString("\x1b[J")
	}
	s.drawn = len(rows)
	fmt.Fprint(s.out, block.String())
}

// plain writes a line when its state changed: a log that a person or a build server can read. Details of
// running work change too often to be worth a line. What has ended is told after its steps.
func (s *Screen) plain(lines []Line, indent string) {
	for _, line := range lines {
		begins := line.State == Running || line.State == Approval
		if begins {
			s.plainLine(line, indent)
			s.plainAgain(line, indent)
		}
		if indent == "" { // the parts of a step (the layers of a pull) come and go too fast for a log
			s.plain(line.Steps, "  ")
		}
		if !begins {
			s.plainLine(line, indent)
		}
	}
}

func (s *Screen) plainLine(line Line, indent string) {
	if line.State == Waiting || s.printed[line.ID] == line.State {
		return
	}
	s.printed[line.ID] = line.State
	text := fmt.Sprintf("%s%-8s %s", indent, line.State, line.Title)
	if line.State != Running {
		if detail := firstLine(line.Detail); detail != "" {
			text += "  " + detail
		}
		if took := s.took(line); took != "" {
			text += "  (" + took + ")"
		}
	}
	fmt.Fprintln(s.out, text)
}

func (s *Screen) plainAgain(line Line, indent string) {
	key := line.ID + " again"
	if line.Again == "" || s.printed[key] == line.Again {
		return
	}
	s.printed[key] = line.Again
	fmt.Fprintf(s.out, "%s%-8s %s  %s\n", indent, "again", line.Title, firstLine(line.Again))
}

func (s *Screen) took(line Line) string {
	if line.Started.IsZero() {
		return ""
	}
	end := line.Ended
	if end.IsZero() {
		end = s.now()
	}
	return fmt.Sprintf("%.1f s", max(0, end.Sub(line.Started).Seconds()))
}

func firstLine(text string) string {
	first, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		first += " …"
	}
	return first
}
