package learn

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// LircdConfHelp is what `edge lircd-conf --help` prints.
const LircdConfHelp = `edge lircd-conf: write an lircd.conf for a remote that OverCloud knows

lircd sends only keys of its own configuration. The file has raw_codes for SET_18
to SET_30, as far as the remote goes (each switches on, cools, fan auto), and
POWER_OFF. Through lircd nothing else can be told: no other mode or fan speed.

Flags:
  --remote NAME   the remote: ` + "`edge lircd-conf --list`" + ` names them
  --name NAME     what lircd shall call it (default the remote's name)
  --output FILE   where it is written (default the standard output)
  --force         overwrite the file
  --list          name the remotes and say which of them fit lircd

Examples:
  edge lircd-conf --remote daikin > /etc/lirc/lircd.conf.d/daikin.lircd.conf
  systemctl restart lircd
  edge lircd-conf --remote lg --name office --output office.lircd.conf
In edge.yaml or the specification then:
  transmitter: "lircd:"
  remote: /etc/lirc/lircd.conf.d/daikin.lircd.conf#daikin
`

// LircdConf is `edge lircd-conf`; args are those after it. Errors are sentences; those of wrong flags and of remotes
// that do not fit are fault.ErrInvalid.
func LircdConf(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("edge lircd-conf", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	remote := flags.String("remote", "", "")
	name := flags.String("name", "", "")
	output := flags.String("output", "", "")
	force := flags.Bool("force", false, "")
	list := flags.Bool("list", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, LircdConfHelp)
		return nil
	case err != nil:
		return fmt.Errorf("edge lircd-conf: %w (edge lircd-conf --help): %w", err, fault.ErrInvalid)
	case flags.NArg() > 0:
		return fmt.Errorf("edge lircd-conf: %q is no flag (edge lircd-conf --help): %w", flags.Arg(0), fault.ErrInvalid)
	case *list:
		return listRemotes(out)
	case *remote == "":
		return fmt.Errorf("edge lircd-conf: --remote is missing (known: %s): %w", strings.Join(infrared.Names(), ", "), fault.ErrInvalid)
	}
	profile, err := infrared.ByName(*remote)
	if err != nil {
		return fmt.Errorf("edge lircd-conf: %w", err)
	}
	made, err := lirc.FromProfile(profile, cmp.Or(*name, *remote))
	if err != nil {
		return fmt.Errorf("edge lircd-conf: %w", err)
	}
	comment := fmt.Sprintf("%s, written by edge lircd-conf --remote %s.\nEach SET_ key switches on and cools, fan auto.", made.Name, *remote)
	if *output == "" {
		return made.Write(out, comment)
	}
	if err := Save(made, *output, comment, *force); err != nil {
		return fmt.Errorf("edge lircd-conf: %w", err)
	}
	fmt.Fprintf(out, "%s is written: %d keys.\n", *output, len(made.Keys))
	return nil
}

// listRemotes says of each remote whether lircd can send it.
func listRemotes(out io.Writer) error {
	for _, name := range infrared.Names() {
		profile, err := infrared.ByName(name)
		if err != nil {
			return err
		}
		made, err := lirc.FromProfile(profile, name)
		if err != nil {
			fmt.Fprintf(out, "%-12s no: %v\n", name, err)
			continue
		}
		longest := 0
		for _, k := range made.Keys {
			longest = max(longest, int(infrared.Frame{Pulses: k.Pulses}.Duration().Milliseconds()))
		}
		fmt.Fprintf(out, "%-12s yes: %d keys, the longest %d ms\n", name, len(made.Keys), longest)
	}
	return nil
}
