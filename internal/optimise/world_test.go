package optimise

import (
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
)

// world is a simulated room with weather, load and meters, as the optimiser's tests need it.
type world struct {
	parameters room.Parameters
	model      *room.Model
	now        time.Time
	sensors    []int

	outdoor, outdoorSwing float64 // °C: mean and half the daily range
	loadSwing             float64 // part of the load that comes and goes with the day
	steps                 []step  // of the load
	meters                meters

	hot, hotMost time.Duration
	commands     int
	fans         float64 // J that the servers' fans took beyond their base
	cooling0     float64
	hottest      float64
	trail        []float64 // °C, the hottest true inlet of the last 15 minutes
	calmest      float64   // °C, the highest mean of 15 minutes of it
}

// step is a change of the load for a while.
type step struct {
	from, until time.Duration
	factor      float64
}

// meters say what is measured.
type meters struct{ machines, load, outdoor bool }

func allMeters() meters { return meters{machines: true, load: true, outdoor: true} }

var begin = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

func newWorld(p room.Parameters, seed uint64) *world {
	w := &world{
		parameters: p, now: begin, sensors: []int{1, 2, 3}, outdoor: 28, outdoorSwing: 5, loadSwing: 0.1, meters: allMeters(),
	}
	model, err := room.New(p, room.DefaultProbes(w.sensors, p.InletRiseK, seed), seed)
	if err != nil {
		panic(err)
	}
	w.model = model
	return w
}

func (w *world) clone() *world {
	c := *w
	model, err := room.New(w.parameters, room.DefaultProbes(w.sensors, w.parameters.InletRiseK, 5), 5)
	if err != nil {
		panic(err)
	}
	if err := model.Restore(w.model.State()); err != nil {
		panic(err)
	}
	c.model = model
	return &c
}

// advance moves the world on by one sample of 10 s.
func (w *world) advance() {
	const sample = 10 * time.Second
	hours := w.now.Sub(begin).Hours()
	day := math.Cos(2 * math.Pi * (hours - 15) / 24)
	factor := 1 + w.loadSwing*day
	for _, s := range w.steps {
		if since := w.now.Sub(begin); since >= s.from && since < s.until {
			factor *= s.factor
		}
	}
	out := w.outdoor + w.outdoorSwing*day
	if err := w.model.Control(room.Controls{LoadFactor: factor, OutdoorC: &out}); err != nil {
		panic(err)
	}
	w.model.Step(sample)
	w.now = w.now.Add(sample)
	s := w.model.State()
	inlet := s.AirC + w.parameters.InletRiseK
	w.fans += sample.Seconds() * (s.LoadW - w.parameters.LoadW*factor)
	w.hot += sample
	worst := inlet
	for _, p := range s.Probes {
		worst = max(worst, p.TrueC)
	}
	if worst <= 27 {
		w.hot = 0
	}
	w.hotMost = max(w.hotMost, w.hot)
	w.hottest = max(w.hottest, worst)
	if w.trail = append(w.trail, worst); len(w.trail) > 90 {
		w.trail = w.trail[1:]
		sum := 0.0
		for _, v := range w.trail {
			sum += v
		}
		w.calmest = max(w.calmest, sum/90)
	}
}

func (w *world) mark() {
	w.hot, w.hotMost, w.commands, w.fans, w.hottest, w.cooling0 = 0, 0, 0, 0, 0, w.model.State().CoolingJ
	w.trail, w.calmest = nil, 0
}

// total is the energy of coolers and fans since mark, kWh.
func (w *world) total() float64 { return (w.model.State().CoolingJ - w.cooling0 + w.fans) / 3.6e6 }

func (w *world) tell(i, setpoint int) {
	ac := w.parameters.AirConditioners[i].Name
	if err := w.model.Tell(ac, room.Told{Power: true, Setpoint: setpoint}); err != nil {
		panic(err)
	}
	w.commands++
}

func (w *world) readings() []control.Reading {
	var out []control.Reading
	for _, id := range w.sensors {
		c, _, err := w.model.Read(id)
		if err != nil {
			panic(err)
		}
		out = append(out, control.Reading{Sensor: id, At: w.now, Celsius: c})
	}
	return out
}

// shownMost is the highest that a sensor shows.
func (w *world) shownMost() float64 {
	most := math.Inf(-1)
	for _, r := range w.readings() {
		most = max(most, r.Celsius)
	}
	return most
}

func (w *world) observe(d control.Decision, acs []control.AC) Observation {
	o := Observation{At: w.now, Inlet: d.Inlet, Fresh: d.Fresh, Hottest: w.shownMost(), LoadW: math.NaN(), OutdoorC: math.NaN()}
	s := w.model.State()
	for i, ac := range acs {
		m := Machine{Setpoint: ac.Auto, Watts: math.NaN(), SupplyC: math.NaN(), Lost: ac.Lost}
		if w.meters.machines {
			watts, err := w.model.Power(w.parameters.AirConditioners[i].Name)
			if err != nil {
				panic(err)
			}
			m.Watts = watts
		}
		o.Machines = append(o.Machines, m)
	}
	if w.meters.load {
		o.LoadW = s.LoadW
	}
	if w.meters.outdoor {
		o.OutdoorC = s.OutdoorC
	}
	return o
}

// calm says that no inlet was above 27 °C for 15 minutes, nor on the mean of any: a compressor's swing is no excuse.
func (w *world) calm() bool { return w.hotMost <= 15*time.Minute && w.calmest <= 27 }

// fixed runs the world for its score at one setpoint: kWh, and whether it was safe.
func (w *world) fixed(setpoint int, warm, score time.Duration) (kwh float64, safe bool) {
	for i := range w.parameters.AirConditioners {
		w.tell(i, setpoint)
	}
	for end := w.now.Add(warm); w.now.Before(end); {
		w.advance()
	}
	w.mark()
	for end := w.now.Add(score); w.now.Before(end); {
		w.advance()
	}
	return w.total(), w.calm()
}

// controlled runs the rules with the optimiser's advice over them.
type controlled struct {
	*world
	in     control.Input
	brain  *Model
	twin   *Model // sees the same; nil: none
	follow bool   // the rules hear the advice
}

func newControlled(w *world) *controlled {
	c := &controlled{world: w, brain: &Model{}, follow: true}
	c.in = control.Input{Now: w.now, Started: w.now, Room: "r", Policy: spec.DefaultPolicy(), Sensors: w.sensors}
	for _, ac := range w.parameters.AirConditioners {
		c.in.ACs = append(c.in.ACs, control.AC{Name: ac.Name, Limits: control.Limits{Min: 18, Max: 27}, Auto: 24})
	}
	return c
}

func (c *controlled) run(span time.Duration) {
	for end := c.now.Add(span); c.now.Before(end); {
		c.advance()
		c.in.Now, c.in.Readings = c.now, c.readings()
		for i := range c.in.ACs {
			if c.meters.machines {
				c.in.ACs[i].Watts, c.in.ACs[i].MeteredAt = c.model.State().AirConditioners[i].PowerW, c.now
			}
		}
		c.in.Advice = nil
		if c.follow {
			c.in.Advice = c.brain.Advise(c.in.Policy, c.in.ACs, c.now)
			c.in.Outlook = c.brain.Outlook(c.in.Policy, c.in.State.Mean)
		}
		d := control.Decide(c.in)
		c.in.State = d.Next
		o := c.observe(d, c.in.ACs)
		c.brain.Observe(c.in.Policy, o)
		if c.twin != nil {
			c.twin.Observe(c.in.Policy, o)
		}
		c.obey(d)
	}
}

// obey tells the machines what was decided, at once.
func (c *controlled) obey(d control.Decision) {
	for i, r := range d.ACs {
		ac := &c.in.ACs[i]
		if r.Setpoint == ac.Auto || r.Setpoint == 0 {
			continue
		}
		if r.Setpoint > ac.Auto {
			ac.Raised = c.now
		} else {
			ac.Lowered = c.now
		}
		ac.Auto, ac.Desired = r.Setpoint, r.Setpoint
		c.tell(i, r.Setpoint)
	}
}
