package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/overcloud/overcloud/activities"
)

// sheetWidth is how wide a doctor's table is at the most, in columns: it fits a terminal beside an editor, and a
// mail.
const sheetWidth = 100

// sheet writes a doctor's table.
type sheet struct {
	out    io.Writer
	colour bool
}

// newSheet uses colours on a terminal only.
func newSheet(out io.Writer) sheet {
	file, isFile := out.(*os.File)
	return sheet{out: out, colour: isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == ""}
}

// terminal says whether a person watches.
func (s sheet) terminal() bool {
	file, isFile := s.out.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// findings writes the local checks, then each box under its name.
func (s sheet) findings(found findings) {
	width := 0
	for _, check := range found.Local {
		width = max(width, len(check.Name))
	}
	for _, box := range found.Boxes {
		for _, check := range box.Checks {
			width = max(width, len(check.Name))
		}
	}
	width = min(width, 32) // a registry's name may be long
	s.checks(found.Local, width)
	for _, box := range found.Boxes {
		fmt.Fprintf(s.out, "\nbox %s  %s  %s\n", box.Box, box.Engine, box.Took.D().Round(10*time.Millisecond))
		s.checks(box.Checks, width)
	}
}

func (s sheet) checks(checks []activities.Check, width int) {
	for _, check := range checks {
		s.row(s.paint(check.State), check.Name, width, check.Seen)
		if check.Advice != "" {
			s.row("    ", "", width, "-> "+check.Advice)
		}
	}
}

// row writes one check; what does not fit goes on below itself.
func (s sheet) row(state, name string, width int, text string) {
	indent := 4 + 2 + width + 2
	for i, line := range wrap(text, sheetWidth-indent) {
		if i > 0 {
			state, name = "    ", ""
		}
		fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf("%s  %-*s  %s", state, width, name, line), " "))
	}
}

// paint writes a state in four letters.
func (s sheet) paint(state string) string {
	word, code := strings.ToUpper(state), map[string]string{
		activities.CheckPass: "32", activities.CheckWarn: "33", activities.CheckFail: "31;1", activities.CheckSkip: "2",
	}[state]
	if !s.colour || code == "" {
		return fmt.Sprintf("%-4s", word)
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

// wrap breaks a text at its spaces into lines of at most width characters; a longer word stays whole.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
