package server

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/wire"
)

// shownLine is one line as the page gets it. Its ID rises with its time.
type shownLine struct {
	ID     string  `json:"id"` // nanoseconds and a number, 1795484862155000001.0
	At     float64 `json:"at"` // Unix ms, by the engine's clock
	Stream string  `json:"stream"`
	Text   string  `json:"text"`
	Cut    bool    `json:"cut,omitempty"` // the rest of it is left out

	nanos int64
	n     int
}

func order(a, b shownLine) int { return cmp.Or(cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.n, b.n)) }

// logLines are the newest lines of a log, in the order of their times. A follower that begins anew brings some again.
type logLines struct {
	most  int // lines
	lines []shownLine
	bytes int // of their texts
}

// logBytes bounds what is kept of one log.
const logBytes = 2 << 20

func newLogLines(most int) *logLines { return &logLines{most: most} }

// add takes a line in unless it is there, or is older than all that are kept.
func (l *logLines) add(line wire.LogLine) (shownLine, bool) {
	shown := shownLine{
		ID: fmt.Sprintf("%d.%d", line.Nanos, line.N), At: float64(line.Nanos/1000) / 1000, Stream: line.Stream, Text: line.Text,
		Cut: line.Cut, nanos: line.Nanos, n: line.N,
	}
	at, there := slices.BinarySearchFunc(l.lines, shown, order)
	out, bytes := 0, l.bytes+len(line.Text)
	for len(l.lines)-out >= l.most || out < len(l.lines) && bytes > logBytes {
		bytes -= len(l.lines[out].Text)
		out++
	}
	if there || at < out {
		return shown, false
	}
	l.lines, l.bytes = slices.Insert(slices.Delete(l.lines, 0, out), at-out, shown), bytes
	return shown, true
}

// last are the newest lines: so many, or those after the line that a reader has.
func (l *logLines) last(tail int, after string) []shownLine {
	nanos, n, found := strings.Cut(after, ".")
	has := shownLine{}
	var err, errN error
	has.nanos, err = strconv.ParseInt(nanos, 10, 64)
	has.n, errN = strconv.Atoi(n)
	if !found || err != nil || errN != nil {
		return slices.Clone(l.lines[max(0, len(l.lines)-tail):])
	}
	at, there := slices.BinarySearchFunc(l.lines, has, order)
	if there {
		at++
	}
	return slices.Clone(l.lines[at:])
}
