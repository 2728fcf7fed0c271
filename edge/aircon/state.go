package aircon

import (
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
)

// While the edge stops it has seconds: what holds then of Spacing and EchoWait.
const lastSpacing, lastEcho = 2 * time.Second, time.Second

func (m *Machine) spacing() time.Duration {
	if m.leaving {
		return min(m.config.Spacing, lastSpacing)
	}
	return m.config.Spacing
}

func (m *Machine) echoWait() time.Duration {
	if m.leaving {
		return min(m.config.EchoWait, lastEcho)
	}
	return m.config.EchoWait
}

// allowed is the nearest state that the limits of now and the remote allow: what is said again may be older than they
// are. Only what the remote cannot say at all is made warmer.
func (m *Machine) allowed(s infrared.State) infrared.State {
	if s.Power {
		s.Setpoint = max(min(s.Setpoint, m.config.Max), m.config.Profile.Min())
	}
	return s
}

// normal is the state as a decoder says it.
func normal(s infrared.State) infrared.State {
	if !s.Power {
		return infrared.State{}
	}
	return s.WithDefaults()
}

// warmer says that a may cool less than b: no mode cools more than ModeCool.
func warmer(a, b infrared.State) bool {
	return b.Power && (!a.Power || a.Setpoint > b.Setpoint || a.Mode != b.Mode && a.Mode != infrared.ModeCool)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
