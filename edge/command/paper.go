package command

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// wide is the width of what is no terminal: nothing is folded there, so that a line stays a line for grep.
const wide = 1 << 20

// widthOf is how many columns out has.
func widthOf(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return wide
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return wide
	}
	return int(size.Col)
}

// columns are characters, of which each takes one column here: the texts are Latin.
func columns(text string) int { return utf8.RuneCountInString(text) }

// fold breaks text at blanks so that every line fits into width columns when the first one begins at column `indent` and
// the others are put there. Where less than 30 columns are left, it begins on a line of its own.
func fold(text string, indent, width int) string {
	var b strings.Builder
	if width-indent < 30 && columns(text) > width-indent {
		indent = min(indent, 6)
		b.WriteString("\n" + strings.Repeat(" ", indent))
	}
	at := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+columns(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += columns(word)
	}
	return b.String()
}

// beside puts text, folded, behind what begins its line.
func beside(head, text string, width int) string {
	folded := fold(text, columns(head), width)
	if folded == "" || folded[0] == '\n' {
		head = strings.TrimRight(head, " ")
	}
	return head + folded
}

// printFlags lists flags as people write them, each with its meaning beside it.
func printFlags(out io.Writer, flags *flag.FlagSet) {
	var names, abouts []string
	flags.VisitAll(func(f *flag.Flag) {
		value, about := flag.UnquoteUsage(f)
		name := "--" + f.Name
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		if f.DefValue != "" && f.DefValue != "false" {
			about += " (default " + f.DefValue + ")"
		}
		names, abouts = append(names, name), append(abouts, about)
	})
	widest := 0
	for _, name := range names {
		widest = max(widest, columns(name))
	}
	for i, name := range names {
		fmt.Fprintln(out, beside(fmt.Sprintf("  %-*s  ", widest, name), abouts[i], min(120, widthOf(out))))
	}
}
