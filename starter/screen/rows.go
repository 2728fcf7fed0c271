package screen

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// widest keeps the times near their titles on a wide terminal, in columns.
	widest = 110
	// narrowest is what is drawn into at least; a terminal below that clips by itself.
	narrowest = 20
)

// rows draws all lines into at most most rows of width columns. What does not fit is folded: the parts of steps and
// finished steps first, then those to come, then the rest; headlines last.
func (s *Screen) rows(width, most int) []string {
	width = max(narrowest, min(width, widest))
	for fold := range 3 {
		rows := s.lay(width, fold, 0)
		if len(rows) <= most {
			return rows
		}
	}
	open := 0
	for _, line := range s.lines {
		if opened(line) {
			open++
		}
	}
	rows := s.lay(width, 2, max(1, (most-len(s.lines))/max(1, open)))
	return rows[:min(len(rows), max(0, most))]
}

// lay draws every line, and the steps of those that are open: at most limit rows for each, if it is not zero.
func (s *Screen) lay(width, fold, limit int) []string {
	var rows []string
	for _, line := range s.lines {
		rows = append(rows, s.row(line, 0, width))
		if !opened(line) {
			continue
		}
		steps := folded(line, fold)
		if limit > 0 && len(steps) > limit {
			more := len(steps) - limit + 1
			steps = append(steps[:limit-1:limit-1], Line{Title: fmt.Sprintf("%d more", more), State: Waiting})
		}
		for _, step := range steps {
			rows = append(rows, s.row(step, 1, width))
			if fold > 0 || step.State != Running {
				continue
			}
			for _, part := range step.Steps {
				rows = append(rows, s.row(part, 2, width))
			}
		}
	}
	return rows
}

func opened(line Line) bool {
	return line.State == Running || line.State == Failed || line.State == Approval
}

// folded are the steps of a line, with those that nobody needs to look at as one row: from fold 1 those that
// are done, from fold 2 those to come. A line that failed is about what failed.
func folded(line Line, fold int) []Line {
	if line.State == Failed {
		fold = 2
	}
	count := map[string]int{}
	for _, step := range line.Steps {
		count[step.State]++
	}
	var steps []Line
	if fold >= 1 && count[Done] > 0 {
		steps = append(steps, Line{Title: fmt.Sprintf("%d done", count[Done]), State: Done})
	}
	for _, step := range line.Steps {
		if (step.State == Done && fold >= 1) || (step.State == Waiting && fold >= 2) {
			continue
		}
		steps = append(steps, step)
	}
	if fold >= 2 && count[Waiting] > 0 {
		steps = append(steps, Line{Title: fmt.Sprintf("%d to come", count[Waiting]), State: Waiting})
	}
	return steps
}

// row is mark, title and detail to the left and the time to the right.
func (s *Screen) row(line Line, depth, width int) string {
	indent := strings.Repeat("  ", depth)
	took := s.took(line)
	room := width - len(indent) - len("* ") - len("  ") - utf8.RuneCountInString(took)
	title := clip(firstLine(line.Title), room)
	room -= utf8.RuneCountInString(title)
	detail := ""
	if line.Detail != "" && room > len("  …") {
		detail = clip("  "+firstLine(line.Detail), room)
		room -= utf8.RuneCountInString(detail)
	}
	row := indent + s.mark(line.State) + " " + title
	if detail != "" {
		row += "\x1b[2m" + detail + "\x1b[0m"
	}
	if took == "" {
		return row
	}
	return row + strings.Repeat(" ", room) + "  \x1b[2m" + took + "\x1b[0m"
}

func (s *Screen) mark(state string) string {
	switch state {
	case Done:
		return "\x1b[32m✓\x1b[0m"
	case Failed:
		return "\x1b[31m✗\x1b[0m"
	case Warning:
		return "\x1b[33m!\x1b[0m"
	case Undone:
		return "\x1b[33m↩\x1b[0m"
	case Stopped:
		return "\x1b[2m-\x1b[0m"
	case Running:
		wheel := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
		return "\x1b[36m" + string(wheel[s.frame%len(wheel)]) + "\x1b[0m"
	case Approval:
		return "\x1b[33m?\x1b[0m"
	}
	return "\x1b[2m·\x1b[0m"
}

func clip(text string, room int) string {
	if utf8.RuneCountInString(text) <= room {
		return text
	}
	if room < 1 {
		return ""
	}
	return string([]rune(text)[:room-1]) + "…"
}
