package aircon

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/wire"
)

// plant is a simulated room with one air conditioner, the infrared between it and the edge, and the machine under test,
// all on one clock.
type plant struct {
	t      *testing.T
	m      *Machine
	config Config
	model  *room.Model
	now    time.Time
	began  time.Time

	loss     float64 // of frames on their way to the air conditioner
	deafness float64 // of the receiver
	random   *rand.Rand
	supply   bool // there is a sensor in its supply and its return air
	meter    bool
	blind    bool // nothing is observed at all

	log    []string
	sent   []infrared.State
	acks   []wire.Ack
	alerts map[string]wire.Alert // that last
	saved  Memory
}

type option func(*plant)

func deaf(p *plant)       { p.config.Deaf = true }
func withSupply(p *plant) { p.supply = true }
func withMeter(p *plant)  { p.meter = true }

func newPlant(t *testing.T, seed uint64, options ...option) *plant {
	t.Helper()
	p := &plant{
		t: t, config: config(), began: time.UnixMilli(1_790_000_000_000), random: rand.New(rand.NewPCG(seed, 7)), alerts: map[string]wire.Alert{},
	}
	p.now = p.began
	p.config.UpStep, p.config.UpEvery, p.config.CommandEvery = 1, 15*time.Minute, time.Minute
	parameters := room.Small()
	for _, o := range options {
		o(p)
	}
	model, err := room.New(parameters, []room.Probe{
		{ID: 1, PlaceK: 0.5, Lag: time.Minute, NoiseK: 0.1, QuantumK: 0.1},
		{ID: 2, AC: "ac1", Supply: true, Lag: 20 * time.Second, NoiseK: 0.1, QuantumK: 0.0625},
		{ID: 3, AC: "ac1", Lag: 20 * time.Second, NoiseK: 0.1, QuantumK: 0.0625},
	}, seed)
	require.NoError(t, err)
	model.Step(time.Hour)
	p.model = model
	p.m = New(p.config, Memory{}, p.now)
	return p
}

func (p *plant) say(format string, args ...any) {
	d := p.now.Sub(p.began).Round(time.Second)
	p.log = append(p.log, fmt.Sprintf("%02d:%02d:%02d  ", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)+fmt.Sprintf(format, args...))
}

func (p *plant) do(e Effects) {
	p.t.Helper()
	if e.Note != "" {
		p.say("note: %s", e.Note)
	}
	if e.Save {
		p.saved = p.m.Memory()
	}
	for _, a := range e.Acks {
		require.NoError(p.t, a.Validate(), "%+v", a)
		p.acks = append(p.acks, a)
		state := "off"
		if a.Power {
			state = fmt.Sprintf("%d °C", a.Setpoint)
		}
		tell := ""
		if a.CannotTell {
			tell = " (cannot tell)"
		}
		p.say("ack %s %s %s %s%s: %s", a.Source, a.ID, a.State, state, tell, a.Evidence)
	}
	for _, a := range e.Alerts {
		require.NoError(p.t, a.Validate(), "%+v", a)
		if a.EndedMillis == 0 {
			p.alerts[a.ID] = a
			p.say("ALERT %s %s: %s", a.Severity, a.Kind, a.Evidence)
		} else {
			require.Contains(p.t, p.alerts, a.ID, "an alert ends that never began")
			delete(p.alerts, a.ID)
			p.say("alert %s ends: %s", a.Kind, a.Evidence)
		}
	}
	if e.Send != nil {
		p.transmit(*e.Send)
	}
}

// transmit brings a frame to the air conditioner and to the receiver, or loses it.
func (p *plant) transmit(f infrared.Frame) {
	state, code, err := infrared.LG{}.Decode(f)
	require.NoError(p.t, err)
	p.sent = append(p.sent, state)
	lost := p.random.Float64() < p.loss
	arrived := ""
	if lost {
		arrived = ", lost"
	} else {
		p.tell(state)
	}
	p.say("frame %s (%s)%s", code, state, arrived)
	p.do(p.m.Sent(p.now, nil))
	if !p.config.Deaf && p.random.Float64() >= p.deafness {
		p.do(p.m.Heard(p.now, state, code))
	}
}

func (p *plant) tell(s infrared.State) {
	require.NoError(p.t, p.model.Tell("ac1", room.Told{Power: s.Power, Setpoint: s.Setpoint, Mode: s.Mode, Fan: s.Fan}))
}

// hand is a person with the hand remote.
func (p *plant) hand(s infrared.State, heard bool) {
	s = normal(s)
	p.tell(s)
	p.say("hand remote: %s, heard: %t", s, heard)
	if heard {
		p.do(p.m.Heard(p.now, s, "hand"))
	}
}

func (p *plant) ac() room.ACState { return p.model.State().AirConditioners[0] }

func (p *plant) observe() Observation {
	if p.blind {
		return Observation{}
	}
	read := func(id int) Value {
		c, _, err := p.model.Read(id)
		require.NoError(p.t, err)
		return Known(c)
	}
	o := Observation{Inlet: read(1), Inlets: 1}
	if p.supply {
		o.Supply, o.Return = read(2), read(3)
	}
	if p.meter {
		w, err := p.model.Power("ac1")
		require.NoError(p.t, err)
		o.Watts = Known(w)
	}
	return o
}

// run lets time pass: the room in seconds, the machine's timers each half second, observations each 10 s.
func (p *plant) run(d time.Duration) {
	for end := p.now.Add(d); p.now.Before(end); {
		p.now = p.now.Add(500 * time.Millisecond)
		if p.now.Sub(p.began)%time.Second == 0 {
			p.model.Step(time.Second)
		}
		if p.now.Sub(p.began)%(10*time.Second) == 0 {
			p.do(p.m.Observe(p.now, p.observe()))
		}
		p.do(p.m.Tick(p.now))
	}
}

// until runs until something holds, at most so long, and says how long it took.
func (p *plant) until(most time.Duration, holds func() bool) time.Duration {
	p.t.Helper()
	began := p.now
	for p.now.Sub(began) < most {
		p.run(10 * time.Second)
		if holds() {
			return p.now.Sub(began)
		}
	}
	p.t.Fatalf("not within %s:\n%s", most, strings.Join(p.log, "\n"))
	return 0
}

func (p *plant) order(revision int64, setpoint int, origin string) {
	c := command(revision, setpoint)
	c.Origin = origin
	p.command(c)
}

func (p *plant) command(c wire.Command) {
	state := "off"
	if c.Power {
		state = fmt.Sprintf("%d °C", c.Setpoint)
	}
	p.say("command %s: %s %s", c.ID, state, c.Origin)
	p.do(p.m.Order(p.now, c, 0))
}

// restart kills the process and starts another with what was saved.
func (p *plant) restart() {
	p.say("restart")
	p.m = New(p.config, p.saved, p.now)
	p.alerts = map[string]wire.Alert{} // the agent ends those of an earlier run
}

func (p *plant) alerted(kind, severity string) func() bool {
	return func() bool {
		a, lasts := p.alerts["hall/"+kind+"/ac1"]
		return lasts && a.Severity == severity
	}
}
