// Package infrared owns the infrared protocols of air conditioners: from the state that is wanted to the
// frame of marks and spaces that says it, and back. It is pure: it opens no device; package edge/device sends
// what it encodes and hands it what a receiver heard.
//
// Frames are stateful: each one tells the whole state, so sending it again changes nothing.
package infrared

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// The modes and fan speeds that a State can name. A profile says in its error which of them it lacks.
const (
	ModeCool = "cool"
	ModeDry  = "dry"
	ModeFan  = "fan"
	ModeAuto = "auto"
	ModeHeat = "heat"

	FanAuto   = "auto"
	FanLow    = "low"
	FanMedium = "medium"
	FanHigh   = "high"
)

// State is everything that one frame tells an air conditioner.
type State struct {
	Power    bool   `json:"power"`
	Setpoint int    `json:"setpoint,omitempty"` // °C; meaningless without Power
	Mode     string `json:"mode,omitempty"`     // ModeCool when empty
	Fan      string `json:"fan,omitempty"`      // FanAuto when empty
}

// String says the state in words.
func (s State) String() string {
	if !s.Power {
		return "off"
	}
	return fmt.Sprintf("%s %d °C, fan %s", s.Mode, s.Setpoint, s.Fan)
}

// WithDefaults fills what a person leaves out: cool, fan auto.
func (s State) WithDefaults() State {
	if s.Mode == "" {
		s.Mode = ModeCool
	}
	if s.Fan == "" {
		s.Fan = FanAuto
	}
	return s
}

// Frame is one transmission. A transmitter that has lircd's keys sends Keys, waiting KeyPause between two; one that
// has a device of the kernel sends what Parts makes of Pulses.
type Frame struct {
	CarrierHz int `json:"carrier_hz"`
	// Pulses are microseconds of mark, space, mark, … and end with a mark. They may be missing when Keys say
	// the same to lircd.
	Pulses []int `json:"pulses_us"`
	// Remote and Keys name the transmission in lircd's own configuration, in the order of sending; empty for
	// frames that only pulses can say.
	Remote string   `json:"remote,omitempty"`
	Keys   []string `json:"keys,omitempty"`
	// Code is the frame's bits, for people and for comparing; it does not travel.
	Code Code `json:"-"`
}

// Code is the bits of a frame as evidence writes them: 0x8808956 for one number, bytes in the order of sending for
// longer frames (0x23CB26…), or the key that lircd knows.
type Code string

// String is the code as it is.
func (c Code) String() string { return string(c) }

// Duration is how long the frame takes to send, with its pauses.
func (f Frame) Duration() time.Duration {
	var total time.Duration // 64 bits also where an int has 32
	for _, us := range f.Pulses {
		total += time.Duration(us) * time.Microsecond
	}
	return total
}

// Blurred is what a demodulating receiver makes of the frame: marks up to 60 µs longer, spaces as much shorter. Below
// gives a random number from 0 up to its argument; simulations bring their own.
func (f Frame) Blurred(below func(int) int) Frame {
	out := f
	out.Pulses = make([]int, len(f.Pulses))
	for i, us := range f.Pulses {
		stretch := below(61)
		if i%2 == 1 {
			stretch = -stretch
		}
		out.Pulses[i] = us + stretch
	}
	return out
}

// Validate checks that a transmitter can send the frame: lircd by its Keys, or the kernel in the writes that Parts
// makes of its Pulses.
func (f Frame) Validate() error {
	if len(f.Pulses) == 0 && len(f.Keys) > 0 {
		if f.Remote == "" {
			return fmt.Errorf("infrared frame: keys %s of no remote: %w", strings.Join(f.Keys, " "), fault.ErrInvalid)
		}
		return nil
	}
	switch {
	case len(f.Pulses) == 0:
		return fmt.Errorf("infrared frame: neither pulses nor keys: %w", fault.ErrInvalid)
	case f.CarrierHz < 20_000 || f.CarrierHz > 60_000:
		return fmt.Errorf("infrared frame: carrier %d Hz is outside 20000 to 60000 Hz: %w", f.CarrierHz, fault.ErrInvalid)
	}
	_, err := f.Parts()
	return err
}

// Profile is one remote control's protocol.
type Profile interface {
	// Name is what a specification calls it.
	Name() string
	// Min and Max bound the setpoint, °C, that the protocol can say.
	Min() int
	Max() int
	// Encode makes the frame for a state. Previous is what the air conditioner is known to do now and nil
	// when that is not known; some protocols say "switch on" and "change" differently. Errors are ErrInvalid.
	Encode(state State, previous *State) (Frame, error)
	// Decode reads what a receiver heard, with the tolerance that receivers need. Errors are ErrInvalid.
	Decode(frame Frame) (State, Code, error)
}

// Names lists the known remotes, sorted; midea is another name of coolix.
func Names() []string {
	return []string{
		"coolix", "daikin", "fujitsu", "gree", "lg", "lg2", "midea", "mitsubishi", "panasonic", "samsung", "toshiba",
	}
}

// ByName finds a remote. The error of an unknown one lists the known.
func ByName(name string) (Profile, error) {
	switch name {
	case "coolix", "midea": // Midea's 24-bit remotes say the same
		return Coolix{}, nil
	case "daikin":
		return Daikin{}, nil
	case "fujitsu":
		return Fujitsu{}, nil
	case "gree":
		return Gree{}, nil
	case "lg":
		return LG{}, nil
	case "lg2":
		return LG2{}, nil
	case "mitsubishi":
		return Mitsubishi{}, nil
	case "panasonic":
		return Panasonic{}, nil
	case "samsung":
		return Samsung{}, nil
	case "toshiba":
		return Toshiba{}, nil
	default:
		return nil, fmt.Errorf("remote %q is not known (known: %s): %w", name, strings.Join(Names(), ", "), fault.ErrInvalid)
	}
}
