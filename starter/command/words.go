package command

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/starter/follow"
)

// sentence is an error for people: without the words of a sentinel that repeat what it says, and without
// cobra's layout.
func sentence(err error) string {
	text := follow.Brief(err.Error())
	for _, sentinel := range []error{fault.ErrInvalid, fault.ErrNotFound} {
		text = strings.TrimPrefix(strings.TrimSuffix(text, ": "+sentinel.Error()), sentinel.Error()+": ")
	}
	if said, meant, found := strings.Cut(text, "\n\nDid you mean this?\n"); found {
		text = said + " (did you mean " + strings.Join(strings.Fields(meant), " or ") + "?)"
	}
	return text
}

// flagFault says what a flag takes, without the words of the standard library's parsers.
func flagFault(cmd *cobra.Command, err error) error {
	text := err.Error()
	for words, better := range map[string]string{
		`strconv\.Parse(Int|Uint): parsing "[^"]*": invalid syntax`: "write a whole number",
		`strconv\.ParseFloat: parsing "[^"]*": invalid syntax`:      "write a number",
		`strconv\.ParseBool: parsing "[^"]*": invalid syntax`:       "write true or false",
		`strconv\.Parse\w+: parsing "[^"]*": value out of range`:    "the number is too large",
		`time: .*duration "?[^"]*"?`:                                "write a duration, as in 30m or 1h30m",
	} {
		text = regexp.MustCompile(words).ReplaceAllString(text, better)
	}
	return fmt.Errorf("%s (%s --help)", text, cmd.CommandPath())
}

// words is how many arguments a command takes; anything else is answered with how it is written.
func words(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			given := map[int]string{0: "no argument", 1: "1 argument"}[len(args)]
			if given == "" {
				given = fmt.Sprintf("too much (%d arguments)", len(args))
			}
			return fmt.Errorf("%s was given; write %s %s", given, cmd.Parent().CommandPath(), cmd.Use)
		}
		return nil
	}
}
