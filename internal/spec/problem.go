package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// Problem is one mistake in a specification: where it is and what to do.
type Problem struct {
	// File and Line (from 1) say where; both are zero when the specification came without a file.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Column counts from 1; zero means unknown.
	Column int `json:"column,omitempty"`
	// Path names the value as the Compose file spells it: services.sink.x-overcloud.consumes[0].
	Path string `json:"path"`
	// Message is one sentence for the person who wrote the file.
	Message string `json:"message"`
}

// String is "compose.yaml:41: message", or "path: message" where no line is known.
func (p Problem) String() string {
	where := p.File
	switch {
	case p.Line > 0:
		where = fmt.Sprintf("%s:%d", cmp.Or(p.File, "specification"), p.Line)
	case p.Path != "" && p.File != "":
		where = p.File + ": " + p.Path
	case p.Path != "":
		where = p.Path
	}
	if where == "" {
		return p.Message
	}
	return where + ": " + p.Message
}

// Problems are all mistakes of one specification, sorted by file, line and path.
type Problems []Problem

// Error lists them, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes errors.Is(err, fault.ErrInvalid) true.
func (p Problems) Unwrap() error { return fault.ErrInvalid }

// Sort orders them by file, line, column, path and message and drops repetitions.
func (p Problems) Sort() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(p, func(a, b Problem) bool {
		return a.File == b.File && a.Line == b.Line && a.Message == b.Message
	})
}

// Err is nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p.Sort()
}

// Suggest returns ` (did you mean "x"?)` for the nearest of the known names, or nothing when none is near:
// at most two edits away, and one for names of up to four letters.
func Suggest(name string, known []string) string {
	best, least := "", 3
	if len(name) <= 4 {
		least = 2
	}
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance counts the letters to insert, delete, replace or swap with a neighbour.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64 // nobody mistypes a name this long into another
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
