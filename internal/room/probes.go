package room

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// Probe is one simulated sensor, at a server inlet or in the air of a machine.
type Probe struct {
	ID int
	// PlaceK is the inlet's temperature against room air: -2 to +4 K.
	PlaceK float64
	// AC names the machine in whose air the sensor hangs; empty for an inlet. Supply is the air that it blows out,
	// otherwise the air that it draws in.
	AC     string
	Supply bool
	// OffsetK is the sensor's own error, up to ±0.5 K.
	OffsetK float64
	// Lag is its time constant: 60 s for a DHT22 in its case.
	Lag time.Duration
	// NoiseK is the standard deviation of one reading, QuantumK its resolution.
	NoiseK, QuantumK float64
}

// ProbeState is what one sensor feels and shows.
type ProbeState struct {
	C        float64 `json:"c"`        // lagged, without noise
	ShownC   float64 `json:"shown_c"`  // what it says
	ShownRH  float64 `json:"shown_rh"` // %
	TrueC    float64 `json:"true_c"`   // the inlet without any sensor
	TrueDewC float64 `json:"true_dew_c"`
}

// DefaultProbes places sensors as people would: each a little different around meanK above room air, DHT22-like.
func DefaultProbes(ids []int, meanK float64, seed uint64) []Probe {
	random := rand.New(rand.NewPCG(seed, 0x0ce7)) // a simulation wants repeatable numbers
	var probes []Probe
	for _, id := range ids {
		probes = append(probes, Probe{
			ID: id, PlaceK: meanK + 0.6*(2*random.Float64()-1), OffsetK: 0.2 * (2*random.Float64() - 1),
			Lag: time.Minute, NoiseK: 0.1, QuantumK: 0.1,
		})
	}
	return probes
}

// Read is what sensor id shows now: °C and % relative humidity.
func (m *Model) Read(id int) (celsius, humidity float64, err error) {
	for i, p := range m.probes {
		if p.ID == id {
			m.measure()
			return m.state.Probes[i].ShownC, m.state.Probes[i].ShownRH, nil
		}
	}
	return 0, 0, fmt.Errorf("sensor %d: %w", id, fault.ErrNotFound)
}

// follow moves the sensors after the air by h seconds.
func (m *Model) follow(h float64) {
	for i := range m.probes {
		p := &m.probes[i]
		lag := max(p.Lag.Seconds(), h)
		place := m.place(p)
		m.state.Probes[i].C += h * (place - m.state.Probes[i].C) / lag
	}
	m.stale = true
}

// supplyDropK is how far a machine at its full capacity cools the air that passes it; splits are built for 10 to 14 K.
const supplyDropK = 12

// place is the temperature of the air at a sensor, °C.
func (m *Model) place(p *Probe) float64 {
	if p.AC == "" {
		return m.state.AirC + p.PlaceK
	}
	for i, ac := range m.parameters.AirConditioners {
		if ac.Name != p.AC {
			continue
		}
		returned := m.state.AirC + ac.ReturnK
		if !p.Supply {
			return returned
		}
		return returned - supplyDropK*m.state.AirConditioners[i].HeatW/ac.CapacityW
	}
	return m.state.AirC + p.PlaceK
}

// Power is what a meter of machine ac shows: W, with an error of half a percent.
func (m *Model) Power(ac string) (float64, error) {
	a, err := m.machine(ac)
	if err != nil {
		return 0, err
	}
	return m.metered(a.PowerW, uint64(len(ac))), nil
}

// Load is what a meter of the servers' power shows: W, with an error of half a percent.
func (m *Model) Load() float64 { return m.metered(m.state.LoadW, 0) }

// metered is a power as a meter shows it; which tells meters apart, so that their errors differ.
func (m *Model) metered(watts float64, which uint64) float64 {
	// a simulation wants repeatable numbers
	random := rand.New(rand.NewPCG(m.seed, uint64(m.state.Elapsed)+which))
	return max(0, quantise(watts*(1+0.005*random.NormFloat64()), 0.1))
}

// measure makes the shown values when somebody looks: nobody does in most steps. Noise depends on the seed and the
// simulated time alone, so a restored room goes on exactly as it would have.
func (m *Model) measure() {
	if !m.stale {
		return
	}
	m.stale = false
	// a simulation wants repeatable numbers
	random := rand.New(rand.NewPCG(m.seed, uint64(m.state.Elapsed)))
	dew := dewPoint(m.state.Water)
	for i, p := range m.probes {
		s := &m.state.Probes[i]
		s.TrueC, s.TrueDewC = m.place(&p), dew
		s.ShownC = quantise(s.C+p.OffsetK+p.NoiseK*random.NormFloat64(), p.QuantumK)
		humidity := 100 * vapourPressure(m.state.Water) / saturation(s.C)
		s.ShownRH = min(100, max(0, quantise(humidity+0.3*random.NormFloat64(), 0.1)))
	}
}

func quantise(v, quantum float64) float64 {
	if quantum <= 0 {
		return v
	}
	steps := math.Round(v / quantum)
	if inverse := math.Round(1 / quantum); math.Abs(inverse*quantum-1) < 1e-9 {
		return steps / inverse // 23.4 and not 23.400000000000002
	}
	return steps * quantum
}

// moisture balances the water in the air over h seconds: infiltration brings it, coils colder than the dew
// point take it out.
func (m *Model) moisture(h float64) {
	const adjacentWater = 0.0100 // kg/kg: 26 °C, 47 %
	s := &m.state
	mass := airDensity * m.parameters.VolumeM3
	flow := m.infiltration() * (adjacentWater - s.Water)
	dew := dewPoint(s.Water)
	for i := range s.AirConditioners {
		ac := &s.AirConditioners[i]
		coil := ac.ReturnC - 14 // apparatus dew point of a split at part load, K under the return air
		latent := 0.2 * min(1, max(0, (dew-coil)/5))
		flow -= ac.HeatW * latent / evaporation
	}
	s.Water = min(0.04, max(0.0005, s.Water+h*flow/mass))
}

// saturation is the saturation pressure over water, Pa (Magnus).
func saturation(celsius float64) float64 {
	return 610.94 * math.Exp(17.625*celsius/(243.04+celsius))
}

func vapourPressure(water float64) float64 { return 101325 * water / (0.622 + water) }

func dewPoint(water float64) float64 {
	g := math.Log(vapourPressure(water) / 610.94)
	return 243.04 * g / (17.625 - g)
}
