package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// world is one replay under way.
type world struct {
	options Options
	model   *room.Model
	now     time.Time
	units   []*unit
	sensors []*sensor
	state   control.State

	lease time.Time // the last one
	lost  bool      // for longer than its time to live

	alerts map[string]bool // of the rules, that last; by ID

	air   *rand.Rand // of frames
	hours []Hour
	notes []string
	inlet float64 // sum over the hour's seconds
	spent float64 // J at the hour's beginning
}

// sensor is one probe with its faults and the judge that doubts it.
type sensor struct {
	id    int
	judge plausible.Judge
	last  control.Reading
	fault *rand.Rand
	stuck *float64
}

func newWorld(o Options, optimistic bool) (*world, error) {
	model, err := newModel(o, optimistic)
	if err != nil {
		return nil, err
	}
	w := &world{options: o, model: model, now: midnight(), lease: midnight(), alerts: map[string]bool{}, air: random(o.Seed, 0xa1)}
	profile, err := infrared.ByName(o.Remote)
	if err != nil {
		return nil, err
	}
	for _, name := range machines() {
		own := control.LimitsOf(o.Policy, spec.AirConditioner{Name: name, Min: profile.Min(), Max: profile.Max()})
		w.units = append(w.units, &unit{
			name: name, profile: profile, limits: own,
			machine: aircon.New(aircon.Config{
				Room: roomName, AC: name, Profile: profile, EchoWait: 3 * time.Second, Spacing: time.Second, Simulated: true,
				Bounds: aircon.Bounds{
					Min: own.Min, Max: own.Max, ResendMost: o.Policy.ResendMost,
					RetryEvery: o.Policy.EvidenceWindow.D(), RefreshEvery: o.Policy.RefreshEvery.D(),
				},
			}, aircon.Memory{}, w.now),
		})
	}
	for _, id := range sensorIDs() {
		w.sensors = append(w.sensors, &sensor{
			id: id, fault: random(o.Seed, 0xf0+uint64(id)),
			judge: plausible.Judge{Limits: Doubts()},
		})
	}
	return w, nil
}

// Doubts are the limits of plausibility that a replay judges by: the defaults.
func Doubts() plausible.Limits {
	return plausible.Limits{Least: -10, Most: 60, StepK: 3, StuckAfter: 30 * time.Minute, StuckK: 0.5}
}

// play goes through the time second by second.
func (w *world) play() {
	for second := range w.options.seconds() {
		if second%3600 == 0 {
			w.hours = append(w.hours, Hour{Hour: second / 3600})
			w.inlet, w.spent = 0, w.model.State().CoolingJ
		}
		if second == 0 {
			w.start()
		}
		w.options.happen(w.model, second)
		w.model.Step(time.Second)
		w.now = w.now.Add(time.Second)
		if second%int(sampleEvery.Seconds()) == 0 {
			w.sample(second)
			if w.decided(second) {
				w.decide()
			}
		}
		w.watch(second)
		for _, u := range w.units {
			w.hear(u)
			w.carry(u, u.machine.Tick(w.now))
		}
		w.measure(second)
	}
}

func (w *world) hour() *Hour { return &w.hours[len(w.hours)-1] }

// start orders the setpoint that a room begins with.
func (w *world) start() {
	for _, u := range w.units {
		u.auto = u.limits.Clamp(w.options.Policy.SetpointStart)
		w.order(u, "a start", false)
		w.carry(u, u.machine.Resume(w.now))
	}
}

// sample reads every sensor once. Faults: one sample in 500 is no answer, one in 2000 is nonsense by 15 K.
func (w *world) sample(second int) {
	for _, s := range w.sensors {
		celsius, humidity, err := w.model.Read(s.id)
		if err != nil || s.fault.Float64() < 1.0/500 || w.dead(s, second) {
			w.hour().Bad++
			continue
		}
		if s.fault.Float64() < 1.0/2000 {
			celsius += 15
		}
		if w.sticks(s, second) {
			if s.stuck == nil {
				s.stuck = new(celsius)
			}
			celsius, humidity = *s.stuck, 40
		}
		said := plausible.Said{Celsius: celsius, Humidity: humidity, HasHumidity: true}
		doubt := s.judge.Doubt(w.now, said, w.beside(s))
		if doubt != "" {
			w.hour().Bad++
			if !s.last.Bad {
				w.note("sensor %d: %s", s.id, doubt)
			}
		}
		s.last = control.Reading{Sensor: s.id, At: w.now, Celsius: celsius, Bad: doubt != ""}
	}
}

func (w *world) sticks(s *sensor, second int) bool {
	return w.options.Scenario == SensorDies && s.id == 1 && second >= w.options.seconds()/4
}

func (w *world) dead(s *sensor, second int) bool {
	return w.options.Scenario == SensorDies && s.id == 1 && second >= w.options.seconds()/2
}

func (w *world) beside(s *sensor) []plausible.Neighbour {
	var out []plausible.Neighbour
	for _, other := range w.sensors {
		if other != s && !other.last.At.IsZero() && !other.last.Bad && w.now.Sub(other.last.At) <= w.options.Policy.StaleAfter.D() {
			out = append(out, plausible.Neighbour{Sensor: other.id, Celsius: other.last.Celsius})
		}
	}
	return out
}

// decided says whether somebody decides for the room in this second.
func (w *world) decided(second int) bool {
	whole := w.options.seconds()
	return w.options.Scenario != NoOrders || second < whole/4 || second >= whole/2
}

// decide is the control loop: what the rules want becomes orders.
func (w *world) decide() {
	in := control.Input{Now: w.now, Started: midnight(), Room: roomName, Policy: w.options.Policy, Sensors: sensorIDs(), State: w.state}
	for _, s := range w.sensors {
		if !s.last.At.IsZero() {
			in.Readings = append(in.Readings, s.last)
		}
	}
	for _, u := range w.units {
		in.ACs = append(in.ACs, control.AC{Name: u.name, Limits: u.limits, Auto: u.auto, Raised: u.raised, Lowered: u.lowered})
	}
	d := control.Decide(in)
	w.state = d.Next
	for _, a := range d.Began {
		if !w.alerts[a.ID] {
			w.alerts[a.ID] = true
			w.alert(a)
		}
	}
	for _, a := range d.Ended {
		delete(w.alerts, a.ID)
		w.alert(a)
	}
	for i, r := range d.ACs {
		u := w.units[i]
		switch {
		case r.Setpoint == 0 || r.Setpoint == u.auto:
			continue
		case r.Setpoint > u.auto:
			u.raised = w.now
		default:
			u.lowered = w.now
		}
		u.auto = r.Setpoint
		w.order(u, r.Reason, r.Action.Urgent())
	}
}

func (w *world) order(u *unit, reason string, urgent bool) {
	u.revision = control.NextRevision(u.revision, w.now)
	w.hour().Commands++
	w.carry(u, u.machine.Order(w.now, wire.Command{
		ID: fmt.Sprintf("%s-%d", u.name, u.revision), Revision: u.revision, Room: roomName, AC: u.name, Power: true, Setpoint: u.auto,
		Mode: infrared.ModeCool, Fan: infrared.FanAuto, Reason: reason, Emergency: urgent, Origin: wire.OriginRules,
		TTLMillis: time.Minute.Milliseconds(),
	}, 0))
}

// watch counts leases as an edge does, and falls back to colder without them.
func (w *world) watch(second int) {
	p := w.options.Policy
	if w.decided(second) && (w.now.Sub(w.lease) >= leaseEvery || w.lost) {
		w.lease = w.now
		if w.lost {
			w.lost = false
			w.note("orders are back")
		}
		for _, u := range w.units {
			w.carry(u, u.machine.Resume(w.now))
		}
	}
	if w.now.Sub(w.lease) < p.LeaseTTL.D() {
		return
	}
	if !w.lost {
		w.lost = true
		w.note("no orders for %s: at most %d °C", p.LeaseTTL, p.FailCold)
	}
	for _, u := range w.units {
		w.carry(u, u.machine.FailSafe(w.now, p.FailCold))
	}
}

// measure adds a second to the hour.
func (w *world) measure(second int) {
	h, s := w.hour(), w.model.State()
	mean := 0.0
	for _, p := range s.Probes {
		mean += p.TrueC / float64(len(s.Probes))
	}
	w.inlet += mean
	most := warmest(s)
	h.Warmest = max(h.Warmest, most)
	if most > recommended {
		h.WarmS++
	}
	if second%3600 != 3599 {
		return
	}
	h.Inlet, h.Cooling = w.inlet/3600, (s.CoolingJ-w.spent)/joules
	first := w.units[0].machine.View()
	h.Desired, h.Confirmed = setpoint(first.Wanted), setpoint(first.Actual)
}

func setpoint(s *infrared.State) int {
	if s == nil || !s.Power {
		return 0
	}
	return s.Setpoint
}

// notesMost bounds what a replay tells.
const notesMost = 500

func (w *world) note(format string, args ...any) {
	if len(w.notes) < notesMost {
		w.notes = append(w.notes, w.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
	}
}
