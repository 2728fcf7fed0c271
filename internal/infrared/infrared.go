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

// Frame is one transmission.
type Frame struct {
	CarrierHz int `json:"carrier_hz"`
	// Pulses are microseconds of mark, space, mark, … and end with a mark.
	Pulses []int `json:"pulses_us"`
	// Code is the frame's bits, for people and for comparing; it does not travel.
	Code Code `json:"-"`
}

// Code is the bits of a frame, most significant first.
type Code uint64

// String is the way codes are written in evidence: 0x8808956.
func (c Code) String() string { return fmt.Sprintf("0x%07X", uint64(c)) }

// What one write to the kernel's infrared transmitter takes (lirc_dev.c).
const (
	maxDuration = 500 * time.Millisecond
	maxEntries  = 1024
)

// Duration is how long the frame takes to send.
func (f Frame) Duration() time.Duration {
	total := 0
	for _, us := range f.Pulses {
		total += us
	}
	return time.Duration(total) * time.Microsecond
}

// Validate checks that a transmitter can send the frame in one write: an odd number of entries, none of them
// zero, at most 1024, at most 500 ms in all.
func (f Frame) Validate() error {
	switch n := len(f.Pulses); {
	case f.CarrierHz < 20_000 || f.CarrierHz > 60_000:
		return fmt.Errorf("infrared frame: carrier %d Hz is outside 20000 to 60000 Hz: %w", f.CarrierHz, fault.ErrInvalid)
	case n%2 == 0:
		return fmt.Errorf("infrared frame: %d entries; it must begin and end with a mark: %w", n, fault.ErrInvalid)
	case n > maxEntries:
		return fmt.Errorf("infrared frame: %d entries are more than the kernel's %d: %w", n, maxEntries, fault.ErrInvalid)
	}
	for i, us := range f.Pulses {
		// The upper bound of one entry keeps the sum from overflowing.
		if us <= 0 || us > int(maxDuration.Microseconds()) {
			return fmt.Errorf("infrared frame: entry %d lasts %d µs: %w", i, us, fault.ErrInvalid)
		}
	}
	if d := f.Duration(); d > maxDuration {
		return fmt.Errorf("infrared frame: lasts %s, the kernel sends at most %s at once: %w", d, maxDuration, fault.ErrInvalid)
	}
	return nil
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

// Names lists the known remotes, sorted.
func Names() []string { return []string{"lg"} }

// ByName finds a remote. The error of an unknown one lists the known.
func ByName(name string) (Profile, error) {
	switch name {
	case "lg":
		return LG{}, nil
	default:
		return nil, fmt.Errorf("remote %q is not known (known: %s): %w", name, strings.Join(Names(), ", "), fault.ErrInvalid)
	}
}
