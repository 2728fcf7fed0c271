package learn

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	devices "github.com/overcloud/overcloud/edge/device/lirc"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// Help is what `edge learn --help` prints.
const Help = `edge learn: record a remote control, or say what a remote sends

  edge learn --receiver /dev/lirc1                 say which remote each key is of
  edge learn --receiver /dev/lirc1 --name my-ac    record it: my-ac.lircd.conf

Flags:
  --receiver DEVICE   what hears: /dev/lirc1; a lircd may go on using it
  --from FILE         instead: what mode2 printed, - for the standard input
                      (mode2 --raw -d /dev/lirc1 > FILE)
  --name NAME         of the remote; without it nothing is recorded
  --keys LIST         keys to record (default POWER_OFF,SET_18..SET_30); add
                      POWER_ON if the machine must be switched on before it can
                      be set
  --output FILE       where it is written (default NAME.lircd.conf)
  --force             overwrite the file
  --carrier HZ        the remote's carrier (default what the receiver measures,
                      else 38000)
  --wait DURATION     for one key press (default 30s)
  --tries N           recordings of one key before giving up (default 8)

Each key is heard twice, and both recordings have to agree. If the remote is a
known one, that is said: ` + "`remote: lg`" + ` in edge.yaml or the specification does more
than a recorded file, all modes and fan speeds.

Examples:
  edge learn --receiver /dev/lirc1
  edge learn --receiver /dev/lirc1 --name my-ac --keys POWER_OFF,SET_22..SET_27
  edge learn --receiver /dev/lirc1 --name my-ac --output /etc/lirc/my-ac.conf
  edge learn --from recorded.txt --name my-ac --keys POWER_OFF,SET_24
`

type options struct {
	receiver, from, name, keys, output string
	force                              bool
	carrier, tries                     int
	wait                               time.Duration
	open                               lirc.Open
}

// Command is `edge learn`; args are those after "learn". Errors are sentences; those of wrong flags are
// fault.ErrInvalid.
func Command(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	return command(ctx, args, in, out, lirc.OpenDevice)
}

func command(ctx context.Context, args []string, in io.Reader, out io.Writer, open lirc.Open) error {
	o := options{open: open}
	flags := flag.NewFlagSet("edge learn", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.receiver, "receiver", "", "")
	flags.StringVar(&o.from, "from", "", "")
	flags.StringVar(&o.name, "name", "", "")
	flags.StringVar(&o.keys, "keys", infrared.KeyPowerOff+",SET_18..SET_30", "")
	flags.StringVar(&o.output, "output", "", "")
	flags.BoolVar(&o.force, "force", false, "")
	flags.IntVar(&o.carrier, "carrier", 0, "")
	flags.DurationVar(&o.wait, "wait", 30*time.Second, "")
	flags.IntVar(&o.tries, "tries", 8, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, Help)
		return nil
	case err != nil:
		return fmt.Errorf("edge learn: %w (edge learn --help): %w", err, fault.ErrInvalid)
	case flags.NArg() > 0:
		return fmt.Errorf("edge learn: %q is no flag (edge learn --help): %w", flags.Arg(0), fault.ErrInvalid)
	}
	return o.run(ctx, in, out)
}

// check finds what is wrong before anybody presses a key, and returns the keys.
func (o *options) check() ([]string, error) {
	switch {
	case (o.receiver == "") == (o.from == ""):
		return nil, fmt.Errorf("edge learn: give either --receiver or --from (edge learn --help): %w", fault.ErrInvalid)
	case o.carrier != 0 && (o.carrier < 20_000 || o.carrier > 60_000):
		return nil, fmt.Errorf("edge learn: --carrier %d is outside 20000 to 60000 Hz: %w", o.carrier, fault.ErrInvalid)
	case o.tries < 2 || o.wait <= 0:
		return nil, fmt.Errorf("edge learn: --tries must be 2 or more and --wait above 0: %w", fault.ErrInvalid)
	case o.name == "":
		return nil, nil
	case strings.ContainsAny(o.name, " \t\n#/"):
		return nil, fmt.Errorf("edge learn: --name %q: no blanks, # or / in a remote's name: %w", o.name, fault.ErrInvalid)
	}
	if o.output == "" {
		o.output = o.name + ".lircd.conf"
	}
	if err := free(o.output, o.force); err != nil {
		return nil, fmt.Errorf("edge learn: %w", err)
	}
	return keyList(o.keys)
}

func (o *options) run(ctx context.Context, in io.Reader, out io.Writer) error {
	keys, err := o.check()
	if err != nil {
		return err
	}
	source, end, err := o.source(ctx, in)
	if err != nil {
		return err
	}
	defer end()
	if o.name == "" {
		if o.from == "" {
			fmt.Fprintln(out, "Listening; press keys of the remote, Ctrl-C ends.")
		}
		return Identify(ctx, source, out)
	}
	if o.from == "-" {
		in = nil // it is the recording
	}
	learned, err := Session{
		Name: o.name, Keys: keys, CarrierHz: o.carrier, Source: source, Wait: o.wait, Tries: o.tries, In: in, Out: out,
	}.Learn(ctx)
	if err != nil {
		return err
	}
	comment := fmt.Sprintf("%s, recorded by edge learn: each key from two recordings that agreed.", o.name)
	if err := Save(learned.Remote, o.output, comment, o.force); err != nil {
		return err
	}
	o.report(learned, out)
	return nil
}

// report says what to do with the file.
func (o *options) report(learned Learned, out io.Writer) {
	path, err := filepath.Abs(o.output)
	if err != nil {
		path = o.output
	}
	fmt.Fprintf(out, "\n%s is written: %d keys, carrier %d Hz.\n", path, len(learned.Remote.Keys), learned.Remote.CarrierHz)
	if len(learned.Known) > 0 {
		fmt.Fprintf(out, "This remote is known; the file is not needed. In the specification write\n  remote: %s\n", learned.Known[0])
		return
	}
	found, err := lirc.Find(o.output, o.name)
	if err == nil {
		_, err = found.Profile()
	}
	if err != nil {
		fmt.Fprintf(out, "It is no air conditioner's remote yet: %v\n", err)
		return
	}
	fmt.Fprintf(out, "In the specification write\n  remote: %s#%s\nIt is sent through /dev/lirc0, or through lircd if lircd has the same file.\n", path, o.name)
}

// source opens where frames come from, and how it is closed.
func (o *options) source(ctx context.Context, in io.Reader) (Source, func(), error) {
	switch {
	case o.from == "-":
		return recording(in, "the input")
	case o.from != "":
		file, err := os.Open(o.from)
		if err != nil {
			return nil, nil, fmt.Errorf("edge learn: %w", err)
		}
		defer file.Close()
		return recording(file, o.from)
	case strings.HasPrefix(o.receiver, "lircd:"):
		// Its input log (SET_INPUTLOG) loses lengths of remotes that it does not know: seen with lirc 0.10.1.
		return nil, nil, fmt.Errorf("edge learn: lircd tells only keys that it knows already: give its device, --receiver /dev/lirc1, which both may read at once: %w", fault.ErrInvalid)
	}
	receiver, err := devices.Receiver(o.receiver, o.open)
	if err != nil {
		return nil, nil, fmt.Errorf("edge learn: %w", err)
	}
	if c, ok := receiver.(interface {
		Check(ctx context.Context) (string, error)
	}); ok {
		if _, err := c.Check(ctx); err != nil {
			return nil, nil, fmt.Errorf("edge learn: %w", err)
		}
	}
	end := func() {}
	if c, ok := receiver.(io.Closer); ok {
		end = func() { c.Close() }
	}
	return Live(receiver), end, nil
}

func recording(r io.Reader, name string) (Source, func(), error) {
	frames, err := lirc.ReadMode2(r)
	if err != nil {
		return nil, nil, fmt.Errorf("edge learn: %s: %w", name, err)
	}
	return Recorded(frames), func() {}, nil
}

// keyList reads POWER_OFF,SET_18..SET_30.
func keyList(text string) ([]string, error) {
	var keys []string
	seen := map[string]bool{}
	for word := range strings.SplitSeq(text, ",") {
		some, err := keyRange(strings.ToUpper(strings.TrimSpace(word)))
		if err != nil {
			return nil, err
		}
		for _, key := range some {
			if seen[key] {
				return nil, fmt.Errorf("edge learn: --keys names %s twice: %w", key, fault.ErrInvalid)
			}
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func keyRange(word string) ([]string, error) {
	first, last, isRange := strings.Cut(word, "..")
	if !isRange {
		if word == "" || strings.ContainsAny(word, " \t#") {
			return nil, fmt.Errorf("edge learn: --keys: %q is no key (write POWER_OFF,SET_18..SET_30): %w", word, fault.ErrInvalid)
		}
		return []string{word}, nil
	}
	from, err1 := strconv.Atoi(strings.TrimPrefix(first, "SET_"))
	to, err2 := strconv.Atoi(strings.TrimPrefix(last, "SET_"))
	if err1 != nil || err2 != nil || from > to || from < 10 || to > 35 || !strings.HasPrefix(first, "SET_") {
		return nil, fmt.Errorf("edge learn: --keys: %q is no range (write SET_18..SET_30, within 10 to 35): %w", word, fault.ErrInvalid)
	}
	var keys []string
	for n := from; n <= to; n++ {
		keys = append(keys, lirc.KeySet(n))
	}
	return keys, nil
}
