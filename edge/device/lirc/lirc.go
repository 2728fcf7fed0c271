// Package lirc opens the infrared devices of a specification: a lircd by its socket, and the kernel's /dev/lirc0….
// Opening looks at nothing but the address, so a device that is not plugged in yet is no error; the first use is when
// it matters.
package lirc

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// IsAddress says whether an address is one of this package's: lircd:…, or a device under /dev/.
func IsAddress(address string) bool {
	return strings.HasPrefix(address, "lircd:") || strings.HasPrefix(address, "/dev/")
}

// Transmitter opens what sends. The profile is checked with it: one that only pulses can say cannot go through lircd,
// and keys whose pulses only lircd knows cannot go to /dev/lirc0. Devices take ?duty=33, the share of the carrier's
// period that the light is on in %. Errors are fault.ErrInvalid.
func Transmitter(address string, profile infrared.Profile, open lirc.Open) (device.Transmitter, error) {
	if strings.HasPrefix(address, "lircd:") {
		at, err := lirc.ParseAddress(address)
		if err != nil {
			return nil, err
		}
		if err := named(profile); err != nil {
			return nil, err
		}
		return &keySender{client: lirc.NewClient(at), profile: profile}, nil
	}
	path, duty, err := devicePath(address)
	if err != nil {
		return nil, err
	}
	if err := pulsed(profile); err != nil {
		return nil, err
	}
	return &pulseSender{lirc.Transmitter{Path: path, Duty: duty, Open: open}}, nil
}

// Receiver opens what hears. Errors are fault.ErrInvalid.
func Receiver(address string, open lirc.Open) (device.Receiver, error) {
	if strings.HasPrefix(address, "lircd:") {
		at, err := lirc.ParseAddress(address)
		if err != nil {
			return nil, err
		}
		return &broadcasts{client: lirc.NewClient(at)}, nil
	}
	path, _, err := devicePath(address)
	if err != nil {
		return nil, err
	}
	return &ear{path: path, open: open}, nil
}

// devicePath reads /dev/lirc0?duty=33.
func devicePath(address string) (path string, duty int, err error) {
	path, query, _ := strings.Cut(address, "?")
	if !strings.HasPrefix(path, "/dev/") || strings.ContainsAny(path, " \t\n") {
		return "", 0, fmt.Errorf("%q is no infrared device (write /dev/lirc0, lircd: or lircd:/path): %w", address, fault.ErrInvalid)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", 0, fmt.Errorf("%q: its options are no options (write ?duty=33): %w", address, fault.ErrInvalid)
	}
	for name, value := range values {
		duty, err = strconv.Atoi(value[0])
		if name != "duty" || err != nil || duty < 1 || duty > 99 {
			return "", 0, fmt.Errorf("%q: %s=%s is no option (write duty=1 to duty=99): %w", address, name, value[0], fault.ErrInvalid)
		}
	}
	return path, duty, nil
}

// named refuses a profile that lircd cannot say.
func named(profile infrared.Profile) error {
	frame, err := example(profile)
	if err != nil {
		return err
	}
	name := profile.Name()
	if len(frame.Keys) > 0 {
		return fits(profile)
	}
	return fmt.Errorf("lircd sends keys of its own configuration, and remote %s has only pulses: write a file with `edge lircd-conf --remote %s > %s.lircd.conf`, put it into /etc/lirc/lircd.conf.d, and write remote: /etc/lirc/lircd.conf.d/%s.lircd.conf#%s; or send through /dev/lirc0: %w",
		name, name, name, name, name, fault.ErrInvalid)
}

// fits refuses a remote of which lircd cannot send a key, as far as its pulses are known here.
func fits(profile infrared.Profile) error {
	for _, state := range states(profile) {
		frame, err := profile.Encode(state, &state) // without the key that switches on
		if err != nil {
			return err
		}
		if len(frame.Pulses) == 0 {
			continue
		}
		if err := lirc.FitsLircd(frame.Pulses); err != nil {
			return fmt.Errorf("remote %s, %s: send it through /dev/lirc0: %w", profile.Name(), strings.Join(frame.Keys, " "), err)
		}
	}
	return nil
}

// pulsed refuses a profile whose pulses only lircd knows.
func pulsed(profile infrared.Profile) error {
	for _, state := range states(profile) {
		frame, err := profile.Encode(state, nil)
		if err != nil {
			return err
		}
		if len(frame.Pulses) == 0 {
			return fmt.Errorf("remote %s has no pulses for %s, only a name that lircd knows: send it through lircd: %w",
				profile.Name(), strings.Join(frame.Keys, " "), fault.ErrInvalid)
		}
	}
	return nil
}

func example(profile infrared.Profile) (infrared.Frame, error) {
	return profile.Encode(infrared.State{}, nil)
}

// states are all that an air conditioner is told: cooling to each setpoint, and off. Setpoints without a key are left
// out.
func states(profile infrared.Profile) []infrared.State {
	out := []infrared.State{{}}
	for setpoint := profile.Min(); setpoint <= profile.Max(); setpoint++ {
		state := infrared.State{Power: true, Setpoint: setpoint, Mode: infrared.ModeCool, Fan: infrared.FanAuto}
		if _, err := profile.Encode(state, nil); err == nil {
			out = append(out, state)
		}
	}
	return out
}

// Open opens a /dev/lirc device; see package internal/lirc.
type Open = lirc.Open

// OpenDevice opens this machine's devices.
func OpenDevice(path string) (lirc.Port, error) { return lirc.OpenDevice(path) }

// Remote loads the profile that FILE#REMOTE of an lircd.conf is. Errors are fault.ErrInvalid, with the file and line of
// every mistake, or those of reading the file.
func Remote(reference string) (infrared.Profile, error) {
	path, name, err := lirc.SplitReference(reference)
	if err != nil {
		return nil, err
	}
	remote, err := lirc.Find(path, name)
	if err != nil {
		return nil, err
	}
	return remote.Profile()
}
