package learn

import (
	"fmt"
	"io"
	"strings"

	"github.com/overcloud/overcloud/internal/infrared"
)

// agree says that two recordings are of one transmission: as many lengths, and each pair differs by no more than a
// fifth and 150 µs; a demodulating receiver is off by up to 100 µs each time. The spaces of a one and a zero lie at
// least 700 µs apart in all the protocols that package infrared knows, so another bit is never taken for a slip.
func agree(a, b []int) bool {
	if len(a) == 0 || len(a) != len(b) {
		return false
	}
	for i := range a {
		if max(a[i]-b[i], b[i]-a[i]) > min(a[i], b[i])/5+150 {
			return false
		}
	}
	return true
}

// average is the recording that lies between two that agree.
func average(a, b infrared.Frame) infrared.Frame {
	out := infrared.Frame{CarrierHz: a.CarrierHz, Pulses: make([]int, len(a.Pulses))}
	for i := range a.Pulses {
		out.Pulses[i] = (a.Pulses[i] + b.Pulses[i]) / 2
	}
	return out
}

// identified is a built-in remote that understands a frame.
type identified struct {
	remote string
	state  infrared.State
	code   infrared.Code
}

// identify tries every built-in remote.
func identify(frame infrared.Frame) []identified {
	var out []identified
	for _, name := range infrared.Names() {
		profile, err := infrared.ByName(name)
		if err != nil || profile.Name() != name { // another name of the same
			continue
		}
		if state, code, err := profile.Decode(frame); err == nil {
			out = append(out, identified{name, state, code})
		}
	}
	return out
}

// key is the name of the key that says the state; empty for states that have none.
func (i identified) key() string {
	switch s := i.state.WithDefaults(); {
	case !s.Power:
		return infrared.KeyPowerOff
	case s.Mode == infrared.ModeCool:
		return fmt.Sprintf("SET_%d", s.Setpoint)
	default:
		return strings.ToUpper(s.Mode)
	}
}

// meant says whether a key's name promises a state.
func meant(key string) bool {
	return strings.HasPrefix(key, "SET_") || key == infrared.KeyPowerOff || key == infrared.KeyPowerOn
}

func say(out io.Writer, frame infrared.Frame, states []identified) {
	fmt.Fprintf(out, "  heard %d lengths, %d ms", len(frame.Pulses), frame.Duration().Milliseconds())
	for _, s := range states {
		fmt.Fprintf(out, "; this is %s remote: %s (%s); write remote: %s", article(s.remote), s.state, s.code, s.remote)
	}
	fmt.Fprintln(out)
}

// article puts a or an before a remote's name, which it writes as its maker does.
func article(name string) string {
	if strings.HasPrefix(name, "lg") {
		return "an " + strings.ToUpper(name)
	}
	return "a " + strings.ToUpper(name[:1]) + name[1:]
}
