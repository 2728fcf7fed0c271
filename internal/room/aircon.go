package room

import (
	"fmt"
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Machine timing, from service manuals (reference 2.2): a compressor rests at least 3 minutes and runs at
// least 2. Heat follows the wanted heat with 75 s when starting and 30 s when stopping.
const (
	leastRest = 180 * time.Second
	leastRun  = 120 * time.Second
	rampUpS   = 75.0
	rampDownS = 30.0
)

// ACState is what one machine does.
type ACState struct {
	Name     string `json:"name"`
	Power    bool   `json:"power"`
	Setpoint int    `json:"setpoint"`
	Mode     string `json:"mode,omitempty"` // empty is cool; only cool and dry move heat here
	Fan      string `json:"fan,omitempty"`
	Failed   bool   `json:"failed,omitempty"` // neither cools nor draws power; it still hears infrared

	Compressor bool          `json:"compressor"`
	Part       float64       `json:"part"`     // of its capacity that it aims at, 0 to 1
	Run        time.Duration `json:"run"`      // since the compressor started
	Idle       time.Duration `json:"idle"`     // since it stopped
	Starts     int           `json:"starts"`   // of the compressor
	HeatW      float64       `json:"heat_w"`   // moved out of the room
	PowerW     float64       `json:"power_w"`  // electric
	ReturnC    float64       `json:"return_c"` // air that it takes in
	Commands   int           `json:"commands"` // infrared frames understood
}

// Told is what a machine is told, by infrared or at its remote.
type Told struct {
	Power    bool
	Setpoint int // °C; kept as it was when Power is off
	Mode     string
	Fan      string
}

// Tell sets a machine.
func (m *Model) Tell(ac string, told Told) error {
	a, err := m.machine(ac)
	if err != nil {
		return err
	}
	if told.Power && (told.Setpoint < 10 || told.Setpoint > 35) {
		return fmt.Errorf("air conditioner %s: setpoint %d °C is outside 10 to 35: %w", ac, told.Setpoint, fault.ErrInvalid)
	}
	a.Power = told.Power
	a.Commands++
	if told.Power {
		a.Setpoint, a.Mode, a.Fan = told.Setpoint, told.Mode, told.Fan
	}
	return nil
}

// Fail breaks a machine or mends it.
func (m *Model) Fail(ac string, failed bool) error {
	a, err := m.machine(ac)
	if err != nil {
		return err
	}
	a.Failed = failed
	return nil
}

func (m *Model) machine(name string) (*ACState, error) {
	for i := range m.state.AirConditioners {
		if m.state.AirConditioners[i].Name == name {
			return &m.state.AirConditioners[i], nil
		}
	}
	return nil, fmt.Errorf("air conditioner %q: %w", name, fault.ErrNotFound)
}

type climate struct {
	airC, outdoorC float64
	optimistic     bool
}

func stepAC(p *AirConditioner, a *ACState, c climate, dt time.Duration) {
	a.ReturnC = c.airC + p.ReturnK
	part := wantedPart(p, a)
	switch {
	case part > 0 && !a.Compressor:
		a.Compressor, a.Run = true, 0
		a.Starts++
	case part == 0 && a.Compressor:
		a.Compressor, a.Idle = false, 0
	}
	if a.Compressor {
		a.Run += dt
	} else {
		a.Idle += dt
	}
	a.Part = part
	capacity := p.CapacityW * (1 + 0.02*(a.ReturnC-27)) * (1 - 0.008*(c.outdoorC-35))
	target := max(0, part*capacity)
	ramp := rampUpS
	if target < a.HeatW {
		ramp = rampDownS
	}
	a.HeatW += dt.Seconds() * (target - a.HeatW) / ramp
	a.PowerW = 0
	if a.Power && !a.Failed {
		// Electric power is immediate while heat ramps: that is the loss of cycling.
		a.PowerW = p.FanW
		if target > 0 {
			a.PowerW += target / efficiency(p, a, c)
		}
	}
}

// wantedPart is the part of its capacity that the machine's own thermostat wants, within its timing.
func wantedPart(p *AirConditioner, a *ACState) float64 {
	cools := a.Mode == "" || a.Mode == "cool" || a.Mode == "dry" || a.Mode == "auto"
	if !a.Power || a.Failed || !cools {
		return 0 // a command from the remote acts at once, also within the least run
	}
	above := a.ReturnC - float64(a.Setpoint)
	if !p.Inverter {
		switch {
		case a.Compressor && above < -p.Hysteresis && a.Run >= leastRun:
			return 0
		case !a.Compressor && (above <= p.Hysteresis || a.Idle < leastRest):
			return 0
		}
		return 1
	}
	u := (above + 0.5) / 2
	switch {
	case a.Compressor && u < 0:
		return 0
	case !a.Compressor && (u < p.LeastPart || a.Idle < leastRest):
		return 0
	}
	return min(1, max(p.LeastPart, u))
}

// efficiency is the coefficient of performance now.
func efficiency(p *AirConditioner, a *ACState, c climate) float64 {
	var g float64
	if c.optimistic {
		g = carnot(a.ReturnC, c.outdoorC) / carnot(27, 35)
	} else {
		g = (1 + 0.003*(a.ReturnC-27)) * math.Exp(-0.019*(c.outdoorC-35))
	}
	cop := p.COP * g
	if p.Inverter {
		cop *= 1 + 0.35*(1-a.Part)
	}
	return max(0.5, cop)
}

// carnot evaporates 18 K under the return air and condenses 13 K over the outdoor air; a lift of at least
// 15 K keeps it finite in winter.
func carnot(returnC, outdoorC float64) float64 {
	evaporating := returnC - 18 + 273.15
	lift := outdoorC + 13 - (returnC - 18)
	return evaporating / max(15, lift)
}
