package infrared

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// The keys that a remote made of names has, besides SET_18 to SET_30 or as many of SET_10 to SET_35 as it has.
const (
	KeyPowerOff = "POWER_OFF"
	KeyPowerOn  = "POWER_ON" // optional
	keySet      = "SET_"
)

// KeyPause is what a transmitter waits between two Keys of a frame; machines miss a frame that follows the
// one that switched them on at once (SmartIR waits as long).
const KeyPause = 500 * time.Millisecond

// What a SET_<n> key can name, °C.
const (
	coldestKey = 10
	warmestKey = 35
)

// named is a remote whose frames were learned or are known to lircd only: one for each state.
type named struct {
	name, remote string
	frames       map[string]Frame // by key; every one with Keys and Remote
	keys         []string         // of frames, sorted
	min, max     int
}

// Named makes a profile of frames that have names: POWER_OFF, one SET_<n> for each setpoint from 10 to 35 °C that
// the remote can say, and POWER_ON if the machine must be switched on before it can be set. A SET_<n> says cool, n °C,
// fan auto. Name is what a specification calls the profile and remote what lircd calls it. Frames have Pulses, or
// none when only lircd knows them; their CarrierHz is 38000 when zero. Keys of other names are left out. Errors are
// ErrInvalid: a key that is missing, a frame that the kernel cannot send, two keys that send the same.
func Named(name, remote string, frames map[string]Frame) (Profile, error) {
	p := named{name: name, remote: remote, frames: map[string]Frame{}}
	for _, key := range slices.Sorted(maps.Keys(frames)) {
		setpoint, isSet := setKey(key)
		if !isSet && key != KeyPowerOff && key != KeyPowerOn {
			continue
		}
		if isSet {
			if p.min == 0 || setpoint < p.min {
				p.min = setpoint
			}
			p.max = max(p.max, setpoint)
		}
		if err := p.add(key, frames[key]); err != nil {
			return nil, err
		}
	}
	if _, ok := p.frames[KeyPowerOff]; !ok {
		return nil, fmt.Errorf("%s remote: it has no key %s: %w", name, KeyPowerOff, fault.ErrInvalid)
	}
	if p.max == 0 {
		return nil, fmt.Errorf("%s remote: it has no key %s%d to %s%d: %w", name, keySet, coldestKey, keySet, warmestKey, fault.ErrInvalid)
	}
	return p, nil
}

// setKey reads the setpoint of SET_<n>.
func setKey(key string) (int, bool) {
	digits, ok := strings.CutPrefix(key, keySet)
	if !ok || len(digits) != 2 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= coldestKey && n <= warmestKey
}

// add takes one key's frame, in the keys' order. POWER_ON may be a recording of a SET key's frame; no other two keys
// may send the same: POWER_ON and POWER_OFF would be a toggle.
func (p *named) add(key string, frame Frame) error {
	frame = Frame{CarrierHz: frame.CarrierHz, Pulses: frame.Pulses, Remote: p.remote, Keys: []string{key}, Code: Code(key)}
	if frame.CarrierHz == 0 {
		frame.CarrierHz = 38_000
	}
	if err := frame.Validate(); err != nil {
		return fmt.Errorf("%s remote: key %s: %w", p.name, key, err)
	}
	for _, other := range p.keys {
		if other != KeyPowerOn && alike(frame.Pulses, p.frames[other].Pulses) {
			return fmt.Errorf("%s remote: %s and %s send the same; record them again: %w", p.name, other, key, fault.ErrInvalid)
		}
		if len(frame.Pulses) > 0 && len(p.frames[other].Pulses) > 0 && frame.CarrierHz != p.frames[other].CarrierHz {
			return fmt.Errorf("%s remote: %s has a carrier of %d Hz, but %s one of %d Hz: %w",
				p.name, other, p.frames[other].CarrierHz, key, frame.CarrierHz, fault.ErrInvalid)
		}
	}
	p.frames[key] = frame
	p.keys = append(p.keys, key)
	return nil
}

// alike says that two frames with pulses are the same within a receiver's tolerance.
func alike(a, b []int) bool {
	if len(a) == 0 || len(a) != len(b) {
		return false
	}
	for i := range a {
		if (i%2 == 0 && !near(a[i], b[i])) || (i%2 == 1 && !nearSpace(a[i], b[i])) {
			return false
		}
	}
	return true
}

// Name is what the specification calls it.
func (p named) Name() string { return p.name }

// Min is the lowest setpoint that has a key, °C.
func (p named) Min() int { return p.min }

// Max is the highest setpoint that has a key, °C.
func (p named) Max() int { return p.max }

// Encode finds the keys: POWER_OFF, or SET_<n>, preceded by POWER_ON and a pause of KeyPause if the remote has that
// key and the machine is not known to run.
func (p named) Encode(state State, previous *State) (Frame, error) {
	state = state.WithDefaults()
	if !state.Power {
		return p.frames[KeyPowerOff], nil
	}
	if _, err := (choices{{word: ModeCool}}).say(p.name, "mode", state.Mode); err != nil {
		return Frame{}, err
	}
	if _, err := (choices{{word: FanAuto}}).say(p.name, "fan", state.Fan); err != nil {
		return Frame{}, err
	}
	if err := checkSetpoint(p.name, state.Setpoint, p.min, p.max); err != nil {
		return Frame{}, err
	}
	key := keySet + strconv.Itoa(state.Setpoint)
	set, ok := p.frames[key]
	if !ok {
		return Frame{}, fmt.Errorf("%s remote: %d °C has no key %s: %w", p.name, state.Setpoint, key, fault.ErrInvalid)
	}
	if on, ok := p.frames[KeyPowerOn]; ok && (previous == nil || !previous.Power) {
		return on.then(set), nil
	}
	return set, nil
}

// then sends another frame of the same remote after a pause.
func (f Frame) then(next Frame) Frame {
	both := Frame{CarrierHz: next.CarrierHz, Remote: f.Remote, Keys: slices.Concat(f.Keys, next.Keys), Code: f.Code + " " + next.Code}
	if len(f.Pulses) > 0 && len(next.Pulses) > 0 {
		both.Pulses = slices.Concat(f.Pulses, []int{int(KeyPause.Microseconds())}, next.Pulses)
	}
	return both
}

// Decode reads lircd's keys if the frame has them, else finds the learned frames that the pulses are. The last key
// tells the state. POWER_ON alone is ErrInvalid, since it does not tell the setpoint.
func (p named) Decode(frame Frame) (State, Code, error) {
	keys := frame.Keys
	if len(keys) > 0 && frame.Remote != p.remote {
		return State{}, "", fmt.Errorf("%s remote: key %s is of the remote %q: %w", p.name, strings.Join(keys, " "), frame.Remote, fault.ErrInvalid)
	}
	if len(keys) == 0 {
		var err error
		if keys, err = p.recognise(frame.Pulses); err != nil {
			return State{}, "", err
		}
	}
	state, err := p.state(keys)
	return state, Code(strings.Join(keys, " ")), err
}

func (p named) state(keys []string) (State, error) {
	last := keys[len(keys)-1]
	setpoint, isSet := setKey(last)
	switch _, known := p.frames[last]; {
	case !known:
		return State{}, fmt.Errorf("%s remote: it has no key %s: %w", p.name, last, fault.ErrInvalid)
	case isSet:
		return State{Power: true, Setpoint: setpoint, Mode: ModeCool, Fan: FanAuto}, nil
	case last == KeyPowerOff:
		return State{}, nil
	default:
		return State{}, fmt.Errorf("%s remote: %s does not tell the setpoint: %w", p.name, last, fault.ErrInvalid)
	}
}

// recognise finds the keys whose frames the pulses are: one, or several with pauses between.
func (p named) recognise(pulses []int) ([]string, error) {
	if len(pulses)%2 == 0 && len(pulses) > 0 {
		pulses = pulses[:len(pulses)-1] // the silence after the frame
	}
	if key := p.find(pulses); key != "" {
		return []string{key}, nil
	}
	var keys []string
	from := 0
	for i := 1; i <= len(pulses); i += 2 {
		if i < len(pulses) && pulses[i] < int(KeyPause.Microseconds())/2 {
			continue
		}
		key := p.find(pulses[from:i])
		if key == "" {
			return nil, fmt.Errorf("%s remote: %d entries are like none of its %d frames: %w", p.name, i-from, len(p.frames), fault.ErrInvalid)
		}
		keys = append(keys, key)
		from = i + 1
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s remote: nothing was heard: %w", p.name, fault.ErrInvalid)
	}
	return keys, nil
}

// find is the key of the frame; POWER_ON only if no other key sends the same, since the others tell more.
func (p named) find(pulses []int) string {
	found := ""
	for _, key := range p.keys {
		if alike(pulses, p.frames[key].Pulses) && (found == "" || found == KeyPowerOn) {
			found = key
		}
	}
	return found
}
