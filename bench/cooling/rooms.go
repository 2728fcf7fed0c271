package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/room"
)

// Case is one room with everything that happens to it.
type Case struct {
	Name       string
	Seed       uint64
	Parameters room.Parameters
	Probes     []room.Probe // at inlets
	Loss       float64      // probability that an infrared frame is lost
	Metered    bool         // machines and servers have electricity meters, and the outdoor temperature is known
	Days       schedule
}

func (c Case) layout() Layout {
	l := Layout{LoadW: c.Parameters.LoadW}
	for _, ac := range c.Parameters.AirConditioners {
		l.Machines = append(l.Machines, ac.Name)
	}
	for _, p := range c.Probes {
		l.Sensors = append(l.Sensors, p.ID)
	}
	return l
}

// efficient is the case under one law of efficiency.
func (c Case) efficient(optimistic bool) Case {
	c.Parameters.Optimistic = optimistic
	return c
}

// cases are the rooms that a list such as "small,medium,mc:200" names.
func cases(list string, seed uint64, span time.Duration, metered bool) ([]Case, error) {
	var all []Case
	for _, word := range strings.Split(list, ",") {
		name, count, many := strings.Cut(strings.TrimSpace(word), ":")
		switch {
		case name == "mc" && many:
			n, first, err := counted(count)
			if err != nil {
				return nil, fmt.Errorf("rooms %q: mc:200 is two hundred random rooms, mc:17-17 the one of number 17", word)
			}
			for i := first; i < first+n; i++ {
				all = append(all, drawn(seed, uint64(i), span))
			}
		case many:
			return nil, fmt.Errorf("rooms %q: only mc takes a number", word)
		default:
			c, err := ordinary(name, seed, span)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	for i := range all {
		all[i].Metered = metered
	}
	return all, nil
}

// counted reads "200" and "17-20", both included.
func counted(text string) (n, first int, err error) {
	from, to, span := strings.Cut(text, "-")
	a, err := strconv.Atoi(from)
	if err != nil || a < 0 {
		return 0, 0, fmt.Errorf("%q is no number", text)
	}
	if !span {
		return a, 0, nil
	}
	b, err := strconv.Atoi(to)
	if err != nil || b < a {
		return 0, 0, fmt.Errorf("%q is no range", text)
	}
	return b - a + 1, a, nil
}

// ordinary are the reference's own rooms (3.2), each with inverter and with fixed-speed machines.
func ordinary(name string, seed uint64, span time.Duration) (Case, error) {
	c := Case{Name: name, Seed: seed, Loss: 0.05}
	size, fixed := strings.CutSuffix(name, "-fixed")
	switch size {
	case "small":
		c.Parameters = room.Small()
	case "medium":
		c.Parameters = room.Medium()
	default:
		return c, fmt.Errorf("room %q is none of small, small-fixed, medium, medium-fixed and mc:N", name)
	}
	for i := range c.Parameters.AirConditioners {
		c.Parameters.AirConditioners[i].Inverter = !fixed
	}
	c.Probes = room.DefaultProbes([]int{1, 2, 3}, c.Parameters.InletRiseK, 5)
	c.Days = schedule{
		loadW: c.Parameters.LoadW, shape: 0.1, outdoorC: 28, outdoorSwing: 5,
		bumps: []bump{
			{from: 34 * time.Hour, span: 4 * time.Hour, part: 0.4},
			{from: 58 * time.Hour, span: 4 * time.Hour, part: -0.4},
			{from: 80 * time.Hour, span: 5 * time.Hour, ramp: 2 * time.Hour, part: 0.3},
		},
		doors: []time.Duration{30 * time.Hour, 54 * time.Hour, 78 * time.Hour},
	}
	c.Days.fit(span)
	return c, nil
}

// draw is a source of numbers of one room.
type draw struct{ *rand.Rand }

func (d draw) in(low, high float64) float64 { return low + (high-low)*d.Float64() }

// drawn is random room number n: every constant is drawn evenly from the range of the reference (3.2).
func drawn(seed, n uint64, span time.Duration) Case {
	d := draw{rand.New(rand.NewPCG(seed, 0xc001+n))} // a simulation wants repeatable numbers
	const height = 2.5
	volume := math.Exp(d.in(math.Log(20), math.Log(300))) // small rooms are the more
	floor := volume / height
	area := 1.15 * (4*math.Sqrt(floor)*height + 2*floor) // walls, floor and ceiling, and a little for what stands there
	load := floor * d.in(80, 400)
	servers := load / 375
	p := room.Parameters{
		VolumeM3: volume, LoadW: load, AirJK: 1.2 * 1005 * volume * d.in(2, 6),
		MassJK: area * d.in(50e3, 250e3), ServerWK: load / d.in(10, 15), ExchangeWK: area * d.in(3, 8),
		FanGrowth: d.in(0.0035, 0.005), AirChangesHour: d.in(0.1, 0.5), AdjacentC: d.in(22, 30),
	}
	p.ServerJK = servers*d.in(8e3, 20e3) + 75e3*math.Ceil(servers/8)
	p.ServerJK = min(15*60*p.ServerWK, max(6*60*p.ServerWK, p.ServerJK)) // time constant 6 to 15 min
	u := area * d.in(0.3, 2)
	p.OutsideWK, p.MassWK = u*15/39, u*24/39
	machines := 1 + d.IntN(4)
	inverter := d.IntN(2) == 0
	capacity := load * d.in(1.2, 2.5) / float64(machines)
	cop, hysteresis := d.in(2.6, 4.5), d.in(0.5, 1)
	for i := range machines {
		p.AirConditioners = append(p.AirConditioners, room.AirConditioner{
			Name: "ac" + strconv.Itoa(i+1), CapacityW: capacity, COP: cop, FanW: 0.012 * capacity, Inverter: inverter,
			LeastPart: 0.25, Hysteresis: hysteresis, ReturnK: d.in(-1, 2),
		})
	}
	c := Case{Name: fmt.Sprintf("mc-%d", n), Seed: seed + n, Loss: d.in(0.01, 0.1)}
	sensors := 2 + d.IntN(5)
	for id := range sensors {
		c.Probes = append(c.Probes, room.Probe{
			ID: id + 1, PlaceK: d.in(-2, 4), OffsetK: d.in(-0.5, 0.5), Lag: time.Duration(d.in(60, 120)) * time.Second,
			NoiseK: 0.1, QuantumK: 0.1,
		})
		p.InletRiseK += c.Probes[id].PlaceK / float64(sensors)
	}
	c.Parameters = p
	c.Days = drawnDays(d, load, span)
	return c
}
