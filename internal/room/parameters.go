// Package room owns the simulated server room: a lumped model of three thermal masses (air, servers, walls),
// its air conditioners, sensors, humidity and power meters. It is pure: no clock, no network, no randomness
// but a seeded one, so equal inputs give equal rooms. Process functions/room runs it in real time.
//
// The equations and numbers are those of the project's reference on cooling, section 3 (server thermal mass:
// Ibrahim et al.; walls: BESTEST case 900). They are a stand-in for a room, not a room: every surface that
// shows them says "simulated".
package room

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// Parameters are the physical constants of one room. SI units unless the name says otherwise.
type Parameters struct {
	VolumeM3 float64
	LoadW    float64 // electric power of the servers at an inlet of 23 °C or less

	AirJK    float64 // heat capacity of the air and the light things in it
	ServerJK float64 // of the servers
	MassJK   float64 // of walls, floor and racks

	ServerWK   float64 // servers to air
	ExchangeWK float64 // walls to air
	OutsideWK  float64 // air to outdoors
	MassWK     float64 // walls to the neighbouring rooms

	FanGrowth      float64 // relative growth of the servers' power for each K of inlet above 23 °C (their fans)
	AirChangesHour float64 // infiltration from the neighbouring rooms, 1/h
	AdjacentC      float64 // neighbouring rooms
	InletRiseK     float64 // mean inlet above room air: recirculation

	AirConditioners []AirConditioner
	// Optimistic picks the steep law of efficiency against temperatures (a share of Carnot); otherwise the flat
	// one of measured units. The truth of a site lies between: see the reference, 2.3.
	Optimistic bool
	// Dry leaves the humidity as it is. It does not act on heat here, and searches that run a room a thousand times
	// have no use for it.
	Dry bool
}

// AirConditioner is one machine.
type AirConditioner struct {
	Name      string
	CapacityW float64 // cooling at 27 °C return and 35 °C outdoors
	COP       float64 // heat moved for each watt at the same point
	FanW      float64 // the indoor fan, whenever it is switched on
	// Inverter machines modulate between LeastPart and 1; the others switch with Hysteresis (K).
	Inverter   bool
	LeastPart  float64
	Hysteresis float64
	ReturnK    float64 // return air at this machine against room air
}

// Small is a room of 15 m² with 3 kW of servers and one inverter machine of 5.3 kW.
func Small() Parameters {
	return Parameters{
		VolumeM3: 37.5, LoadW: 3000,
		AirJK: 136e3, ServerJK: 171e3, MassJK: 11.2e6,
		ServerWK: 250, ExchangeWK: 400, OutsideWK: 15, MassWK: 24,
		FanGrowth: 0.004, AirChangesHour: 0.3, AdjacentC: 26, InletRiseK: 0.5,
		AirConditioners: []AirConditioner{inverter("ac1", 5300)},
	}
}

// Medium is a room of 30 m² with 8 kW of servers and two inverter machines of 7 kW.
func Medium() Parameters {
	return Parameters{
		VolumeM3: 75, LoadW: 8000,
		AirJK: 271e3, ServerJK: 465e3, MassJK: 18.2e6,
		ServerWK: 667, ExchangeWK: 650, OutsideWK: 25, MassWK: 39,
		FanGrowth: 0.004, AirChangesHour: 0.3, AdjacentC: 26, InletRiseK: 0.9,
		AirConditioners: []AirConditioner{inverter("ac1", 7000), inverter("ac2", 7000)},
	}
}

func inverter(name string, capacityW float64) AirConditioner {
	return AirConditioner{
		Name: name, CapacityW: capacityW, COP: 3.2, FanW: 0.012 * capacityW,
		Inverter: true, LeastPart: 0.25, Hysteresis: 0.5,
	}
}

// Scaled is a room with the named machines: Small for one, Medium for two, and Medium's size times n/2 for n.
func Scaled(acs []string) Parameters {
	p := Medium()
	switch n := float64(len(acs)) / 2; {
	case len(acs) <= 1:
		p = Small()
	case len(acs) > 2:
		for _, v := range []*float64{
			&p.VolumeM3, &p.LoadW, &p.AirJK, &p.ServerJK, &p.MassJK,
			&p.ServerWK, &p.ExchangeWK, &p.OutsideWK, &p.MassWK,
		} {
			*v *= n
		}
	}
	capacity := p.AirConditioners[0].CapacityW
	p.AirConditioners = nil
	for _, name := range acs {
		p.AirConditioners = append(p.AirConditioners, inverter(name, capacity))
	}
	return p
}

// Validate refuses constants that no room has.
func (p Parameters) Validate() error {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"volume", p.VolumeM3},
		{"air", p.AirJK},
		{"servers", p.ServerJK},
		{"walls", p.MassJK},
		{"servers to air", p.ServerWK},
		{"walls to air", p.ExchangeWK},
	} {
		if !(c.value > 0) {
			return fmt.Errorf("room model: %s must be above 0, not %g: %w", c.name, c.value, fault.ErrInvalid)
		}
	}
	seen := map[string]bool{}
	for _, ac := range p.AirConditioners {
		switch {
		case ac.Name == "" || seen[ac.Name]:
			return fmt.Errorf("room model: air conditioner %q must have a name of its own: %w", ac.Name, fault.ErrInvalid)
		case !(ac.CapacityW > 0) || !(ac.COP > 0) || ac.LeastPart < 0 || ac.LeastPart > 1:
			return fmt.Errorf("room model: air conditioner %s needs a capacity, a COP and a least part of 0 to 1: %w", ac.Name, fault.ErrInvalid)
		}
		seen[ac.Name] = true
	}
	return nil
}
