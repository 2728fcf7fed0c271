package lirc

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// What lircd hands to the kernel in one write, and the kernel takes (linux: drivers/media/rc/lirc_dev.c).
const (
	mostEntries = 1024
	longestSend = 500 * time.Millisecond
)

// defaultGap is the silence after a key, µs, in files that are written here: longer than any gap in a frame, so that
// lircd knows a frame's end when it hears one.
const defaultGap = 100_000

// Write writes the remote as an lircd.conf with raw_codes; the comment, if any, stands above it line by line. The
// remote is checked whole before the first byte; errors are fault.ErrInvalid, or the writer's.
func (r Remote) Write(w io.Writer, comment string) error {
	if err := r.check(); err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for line := range strings.Lines(comment) {
		fmt.Fprintf(out, "# %s\n", strings.TrimRight(line, "\r\n"))
	}
	gap := r.Gap
	if gap == 0 {
		gap = defaultGap
	}
	fmt.Fprintf(out, "\nbegin remote\n\n  name       %s\n  flags      RAW_CODES\n  eps        25\n  aeps       100\n", r.Name)
	fmt.Fprintf(out, "  gap        %d\n  frequency  %d\n", gap, r.CarrierHz)
	if r.Duty > 0 {
		fmt.Fprintf(out, "  duty_cycle %d\n", r.Duty)
	}
	fmt.Fprint(out, "\n  begin raw_codes\n")
	for _, k := range r.Keys {
		fmt.Fprintf(out, "\n    name %s\n", k.Name)
		writeLengths(out, k.Pulses)
	}
	fmt.Fprint(out, "\n  end raw_codes\n\nend remote\n")
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write remote %s: %w", r.Name, err)
	}
	return nil
}

// writeLengths writes eight to a line; lircd's own lines end at 4096 bytes.
func writeLengths(out *bufio.Writer, lengths []int) {
	for i, us := range lengths {
		if i%8 == 0 {
			fmt.Fprint(out, "     ")
		}
		fmt.Fprintf(out, " %7s", strconv.Itoa(us))
		if i%8 == 7 || i == len(lengths)-1 {
			fmt.Fprintln(out)
		}
	}
}

// check says the first thing that lircd would not read or no transmitter could send. A key that is too long for one
// write may be sent in parts through /dev/lirc0; whether lircd can send it is FitsLircd's.
func (r Remote) check() error {
	switch {
	case !printable(r.Name):
		return fmt.Errorf("%q is no name for a remote: no blanks, at most 64 bytes: %w", r.Name, fault.ErrInvalid)
	case len(r.Keys) == 0:
		return fmt.Errorf("remote %s has no keys: %w", r.Name, fault.ErrInvalid)
	case r.CarrierHz < 20_000 || r.CarrierHz > 60_000:
		return fmt.Errorf("remote %s: carrier %d Hz is outside 20000 to 60000 Hz: %w", r.Name, r.CarrierHz, fault.ErrInvalid)
	}
	seen := map[string]bool{}
	for _, k := range r.Keys {
		if !printable(k.Name) || strings.EqualFold(k.Name, "name") || strings.EqualFold(k.Name, "end") {
			return fmt.Errorf("remote %s: %q is no name for a key: %w", r.Name, k.Name, fault.ErrInvalid)
		}
		if seen[strings.ToUpper(k.Name)] {
			return fmt.Errorf("remote %s has two keys %s: %w", r.Name, k.Name, fault.ErrInvalid)
		}
		seen[strings.ToUpper(k.Name)] = true
		if err := (infrared.Frame{CarrierHz: r.CarrierHz, Pulses: k.Pulses}).Validate(); err != nil || len(k.Pulses) == 0 {
			return fmt.Errorf("remote %s, key %s: %w", r.Name, k.Name, cmp.Or(err, error(fault.ErrInvalid)))
		}
	}
	return nil
}

// FitsLircd says whether lircd can send the pulses (µs of mark, space, mark, …) as one key: it gives the kernel the
// whole key in one write, and the kernel takes an odd number of lengths, at most 1024 of them and 500 ms in all. Errors
// are fault.ErrInvalid.
func FitsLircd(pulses []int) error {
	switch total := (infrared.Frame{Pulses: pulses}).Duration(); {
	case len(pulses)%2 == 0:
		return fmt.Errorf("%d lengths; it must begin and end with a pulse: %w", len(pulses), fault.ErrInvalid)
	case len(pulses) > mostEntries:
		return fmt.Errorf("%d lengths, but lircd gives the kernel a whole key and the kernel takes %d at once: %w", len(pulses), mostEntries, fault.ErrInvalid)
	case total > longestSend:
		return fmt.Errorf("lasts %s, but lircd gives the kernel a whole key and the kernel sends at most %s at once: %w", total, longestSend, fault.ErrInvalid)
	}
	for _, us := range pulses {
		if us <= 0 || us > longestPulse {
			return fmt.Errorf("a length of %d µs: %w", us, fault.ErrInvalid)
		}
	}
	return nil
}

// The setpoints that a file for lircd gets, °C: the keys of 2017.
const (
	firstSet = 18
	lastSet  = 30
)

// KeySet is the name of the key that tells cooling to a setpoint, °C.
func KeySet(setpoint int) string { return "SET_" + strconv.Itoa(setpoint) }

// FromProfile makes a remote with raw_codes of a profile's frames, so that lircd can send what only pulses could say:
// SET_18 to SET_30 as far as the profile goes, each of which also switches on, cooling with the fan on auto, and
// POWER_OFF. A profile with a frame that does not fit lircd is refused with the reason. Errors are fault.ErrInvalid.
func FromProfile(profile infrared.Profile, name string) (Remote, error) {
	r := Remote{Name: name}
	add := func(key string, state infrared.State) error {
		frame, err := profile.Encode(state, nil)
		if err != nil {
			return fmt.Errorf("%s of remote %s: %w", key, profile.Name(), err)
		}
		if err := FitsLircd(frame.Pulses); err != nil {
			return fmt.Errorf("%s of remote %s cannot be sent by lircd (use the transmitter /dev/lirc0 for this remote): %w", key, profile.Name(), err)
		}
		r.CarrierHz = frame.CarrierHz
		r.Keys = append(r.Keys, Key{Name: key, Pulses: frame.Pulses})
		return nil
	}
	for setpoint := max(firstSet, profile.Min()); setpoint <= min(lastSet, profile.Max()); setpoint++ {
		state := infrared.State{Power: true, Setpoint: setpoint, Mode: infrared.ModeCool, Fan: infrared.FanAuto}
		if err := add(KeySet(setpoint), state); err != nil {
			return Remote{}, err
		}
	}
	if err := add(infrared.KeyPowerOff, infrared.State{}); err != nil {
		return Remote{}, err
	}
	return r, r.check()
}
