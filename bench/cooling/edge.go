package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Sensors in the air of machine i are supplyID+i and returnID+i.
const supplyID, returnID = 1000, 2000

// remote is the profile of every machine of a world.
const remote = "lg"

// world is a room with everything that an edge and the control loop do for it, in simulated time: readings that are
// doubted, infrared frames that are encoded, lost, blurred, decoded and heard, evidence of air and power, the rules, and
// alerts of both. It is what the faults are put into.
type world struct {
	source  Case
	full    bool // sensors in every machine's air, and meters; otherwise inlets alone
	model   *room.Model
	policy  spec.Policy
	profile infrared.Profile
	random  *rand.Rand
	now     time.Duration
	units   []*unit
	sensors []*sensor
	state   control.State

	fault   *fault        // under way; nil for none
	since   time.Duration // of the fault
	lasting map[string]bool
	alerts  []alertAt
	notes   int // frames sent again because air or power contradicted
	jump    time.Duration
	score   *hotClock
}

// alertAt is an alert that began.
type alertAt struct {
	at time.Duration
	wire.Alert
}

// unit is one machine with its edge's idea of it.
type unit struct {
	name     string
	machine  *aircon.Machine
	ac       control.AC
	revision int64
	echo     *infrared.Frame
	echoAt   time.Duration
}

// sensor is one inlet with the judge that doubts it.
type sensor struct {
	id    int
	judge plausible.Judge
	last  control.Reading
	past  []control.Reading // for delays
}

// hotClock is how long the hottest inlet has been above 27 °C.
type hotClock struct{ now, most, hottest float64 }

func newWorld(c Case, policy spec.Policy, full bool) (*world, error) {
	probes := slices.Clone(c.Probes)
	for i, ac := range c.Parameters.AirConditioners {
		near := room.Probe{AC: ac.Name, Lag: 20 * time.Second, NoiseK: 0.1, QuantumK: 0.0625}
		supply, back := near, near
		supply.ID, supply.Supply, back.ID = supplyID+i, true, returnID+i
		probes = append(probes, supply, back)
	}
	model, err := room.New(c.Parameters, probes, c.Seed)
	if err != nil {
		return nil, err
	}
	profile, err := infrared.ByName(remote)
	if err != nil {
		return nil, err
	}
	w := &world{
		source: c, full: full, model: model, policy: policy, profile: profile, lasting: map[string]bool{}, score: &hotClock{},
		random: rand.New(rand.NewPCG(c.Seed, 0xed9e)), // a simulation wants repeatable numbers
	}
	for i, ac := range c.Parameters.AirConditioners {
		limits := control.LimitsOf(policy, spec.AirConditioner{Name: ac.Name, Min: profile.Min(), Max: profile.Max()})
		start := limits.Clamp(policy.SetpointStart)
		w.units = append(w.units, &unit{
			name: ac.Name, ac: control.AC{Name: ac.Name, Limits: limits, Auto: start, Desired: start},
			machine: aircon.New(aircon.Config{
				Room: c.Name, AC: ac.Name, Profile: profile, EchoWait: 3 * time.Second, Spacing: time.Second, Simulated: true,
				// The indoor fan alone draws 1.2 % of the capacity; a compressor at its least more than twice that.
				Running: 2 * c.Parameters.AirConditioners[i].FanW,
				Bounds: aircon.Bounds{
					Min: limits.Min, Max: limits.Max, ResendMost: policy.ResendMost, RetryEvery: policy.EvidenceWindow.D(),
					RefreshEvery: policy.RefreshEvery.D(), UpStep: policy.UpStep, UpEvery: policy.UpEvery.D(), CommandEvery: policy.CommandEvery.D(),
				},
			}, aircon.Memory{}, w.time()),
		})
	}
	for _, p := range c.Probes {
		w.sensors = append(w.sensors, &sensor{id: p.ID, judge: plausible.Judge{Limits: plausible.Limits{
			Least: -10, Most: 60, StepK: 3, StuckAfter: 30 * time.Minute, StuckK: 0.5,
		}}})
	}
	for _, u := range w.units {
		w.order(u, "a start", false)
		w.carry(u, u.machine.Resume(w.time()))
	}
	return w, nil
}

// time is the monotonic time of the edge.
func (w *world) time() time.Time { return epoch().Add(w.now) }

// run lets time pass, second by second.
func (w *world) run(span time.Duration) error {
	for end := w.now + span; w.now < end; {
		if w.now%weatherEvery == 0 {
			at := w.source.Days.At(w.now)
			controls := room.Controls{LoadW: at.LoadW, OutdoorC: &at.OutdoorC, DoorKgS: at.DoorKgS}
			if w.fault != nil && w.fault.load > 0 {
				controls.LoadW *= w.fault.load
			}
			if err := w.model.Control(controls); err != nil {
				return err
			}
		}
		w.model.Step(time.Second)
		w.now += time.Second
		if w.now%tickEvery == 0 {
			if err := w.tick(); err != nil {
				return err
			}
		}
		for _, u := range w.units {
			if u.echo != nil && w.now >= u.echoAt {
				frame := *u.echo
				u.echo = nil
				if state, code, err := w.profile.Decode(frame); err == nil {
					w.carry(u, u.machine.Heard(w.time(), state, code))
				}
			}
			w.carry(u, u.machine.Tick(w.time()))
		}
	}
	return nil
}

// tick is what happens each 10 s.
func (w *world) tick() error {
	for _, s := range w.sensors {
		if err := w.sample(s); err != nil {
			return err
		}
	}
	seen := w.decide()
	for i, u := range w.units {
		o, err := w.observe(i, seen)
		if err != nil {
			return err
		}
		w.carry(u, u.machine.Observe(w.time(), o))
	}
	w.score.add(w.hottest())
	return nil
}

func (w *world) hottest() float64 {
	most := math.Inf(-1)
	for _, p := range w.source.Probes {
		most = max(most, w.model.Peek().AirC+p.PlaceK)
	}
	return most
}

func (h *hotClock) add(c float64) {
	h.now += tickEvery.Minutes()
	if c <= recommended {
		h.now = 0
	}
	h.most, h.hottest = max(h.most, h.now), max(h.hottest, c)
}

// sample reads a sensor. One sample in 500 is no answer, one in 2000 is nonsense by 15 K.
func (w *world) sample(s *sensor) error {
	celsius, humidity, err := w.model.Read(s.id)
	if err != nil {
		return err
	}
	if w.random.Float64() < 1.0/500 {
		return nil
	}
	if w.random.Float64() < 1.0/2000 {
		celsius += 15
	}
	at := w.time()
	said := plausible.Said{Celsius: celsius, Humidity: humidity, HasHumidity: true}
	if w.fault != nil && w.fault.sense != nil && !w.fault.sense(w, s, &said) {
		return nil
	}
	doubt := s.judge.Doubt(at, said, w.beside(s))
	reading := control.Reading{Sensor: s.id, At: at.Add(w.jump), Celsius: said.Celsius, Bad: doubt != "", Humidity: said.Humidity, HasHumidity: doubt == ""}
	s.past = append(s.past[max(0, len(s.past)-120):], reading)
	if w.fault != nil && w.fault.delay > 0 && s == w.sensors[0] {
		i := slices.IndexFunc(s.past, func(r control.Reading) bool { return at.Sub(r.At) <= w.fault.delay })
		reading = s.past[max(0, i)]
	}
	if reading.At.After(w.time()) {
		reading.At = w.time() // the broker's time bounds it
	}
	if !reading.At.Before(s.last.At) { // as the control loop: what is older than the last one is passed over
		s.last = reading
	}
	return nil
}

// beside are the other sensors' last believed readings.
func (w *world) beside(s *sensor) []plausible.Neighbour {
	var out []plausible.Neighbour
	for _, other := range w.sensors {
		if other != s && !other.last.At.IsZero() && !other.last.Bad && w.time().Sub(other.last.At) <= w.policy.StaleAfter.D() {
			out = append(out, plausible.Neighbour{Sensor: other.id, Celsius: other.last.Celsius})
		}
	}
	return out
}
