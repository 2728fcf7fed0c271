package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/ui/people"
)

const commandHelp = `
Who may use the Control Room. These commands change the files below UI_DATA; a running ui follows within a second.

Usage:
  ui user add NAME [--role viewer|operator|admin]   the password is asked for, or is the first line of standard input
  ui user password NAME                             a new password; ends NAME's sessions
  ui user role NAME viewer|operator|admin
  ui user disable NAME | ui user enable NAME | ui user remove NAME
  ui user list
  ui token add NAME [--role …] [--for 2160h]        prints the token, once
  ui token revoke ID
  ui token list
`

// terminal is what a command reads and writes.
type terminal struct {
	in        *os.File
	out, errs io.Writer
}

// command runs `ui user …` and `ui token …`; done is false for anything else.
func command(args []string, getenv func(string) string, t terminal) (code int, done bool) {
	if len(args) == 0 || args[0] != "user" && args[0] != "token" {
		return 0, false
	}
	if len(args) == 1 || args[1] == "--help" || args[1] == "-h" || args[1] == "help" {
		fmt.Fprintln(t.out, strings.TrimSpace(commandHelp))
		return 0, true
	}
	if err := t.run(args[0]+" "+args[1], args[2:], getenv); err != nil {
		fmt.Fprintf(t.errs, "ui: %v\n", err)
		return 1, true
	}
	return 0, true
}

func (t terminal) run(verb string, args []string, getenv func(string) string) error {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	role := flags.String("role", string(people.Viewer), "")
	lasts := flags.Duration("for", people.TokenFor, "")
	args, err := parse(flags, args)
	if err != nil {
		return fmt.Errorf("%w (try ui user --help)", err)
	}
	wanted := map[string]int{"user list": 0, "token list": 0, "user role": 2}
	count, known := wanted[verb]
	if !known {
		count = 1
	}
	if len(args) != count {
		return fmt.Errorf("%q takes %d arguments, not %d (try ui user --help)", verb, count, len(args))
	}
	house, err := people.Open(people.Rules{
		Folder: folder(getenv), SignIn: people.SignInOff, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		return err
	}
	return t.do(house, verb, args, people.Role(*role), *lasts)
}

func folder(getenv func(string) string) string {
	env := fn.NewEnv(getenv)
	return env.Path(env.String("UI_DATA", "/var/lib/ui"))
}

// parse takes flags before and after the arguments.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var plain []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return plain, nil
		}
		plain, args = append(plain, flags.Arg(0)), flags.Args()[1:]
	}
}

func (t terminal) do(house *people.House, verb string, args []string, role people.Role, lasts time.Duration) error {
	ctx := context.Background()
	off, on := true, false
	switch verb {
	case "user list":
		return t.users(house)
	case "token list":
		return t.tokens(house)
	case "user add", "user password":
		password, err := t.password()
		if err != nil {
			return err
		}
		if verb == "user add" {
			err = house.AddUser(ctx, args[0], role, password)
		} else {
			err = house.EditUser(ctx, args[0], people.Edit{Password: &password})
		}
		return t.noted(house, verb, args[0], err)
	case "user role":
		wanted := people.Role(args[1])
		return t.noted(house, verb+" "+args[1], args[0], house.EditUser(ctx, args[0], people.Edit{Role: &wanted}))
	case "user disable":
		return t.noted(house, verb, args[0], house.EditUser(ctx, args[0], people.Edit{Disabled: &off}))
	case "user enable":
		return t.noted(house, verb, args[0], house.EditUser(ctx, args[0], people.Edit{Disabled: &on}))
	case "user remove":
		return t.noted(house, verb, args[0], house.RemoveUser(args[0]))
	case "token add":
		secret, _, err := house.AddToken(args[0], role, lasts, "command line")
		if err == nil {
			fmt.Fprintln(t.out, secret)
		}
		return t.noted(house, verb, args[0], err)
	case "token revoke":
		name, err := house.RevokeToken(args[0])
		return t.noted(house, verb, name, err)
	}
	return fmt.Errorf("there is no command %q (try ui user --help)", verb)
}

// noted writes what was done into the audit.
func (t terminal) noted(house *people.House, what, detail string, err error) error {
	if err != nil {
		return err
	}
	return house.Journal.Add(people.Deed{At: time.Now(), By: "command line", What: what, Detail: detail, Outcome: people.Done})
}

// password asks twice on a terminal, and reads a line anywhere else.
func (t terminal) password() (string, error) {
	if !term.IsTerminal(int(t.in.Fd())) {
		line, err := bufio.NewReader(t.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(words string) (string, error) {
		fmt.Fprint(t.errs, words)
		text, err := term.ReadPassword(int(t.in.Fd()))
		fmt.Fprintln(t.errs)
		return string(text), err
	}
	first, err := ask("Password: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	second, err := ask("Once more: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if first != second {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}

func (t terminal) users(house *people.House) error {
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tSTATE\tPASSWORD SET")
	for _, u := range house.Users() {
		state := "enabled"
		if u.Disabled {
			state = "disabled"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.Name, u.Role, state, u.Changed.Format(time.DateOnly))
	}
	return table.Flush()
}

func (t terminal) tokens(house *people.House) error {
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tROLE\tUNTIL\tLAST USED")
	for _, one := range house.Tokens() {
		used := "never"
		if !one.Used.IsZero() {
			used = one.Used.Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", one.ID, one.Name, one.Role, one.Expires.Format(time.DateOnly), used)
	}
	return table.Flush()
}
