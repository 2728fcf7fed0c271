package aircon

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
)

// answer is yes or no, or why neither.
type answer int

const (
	unknown answer = iota // nothing is there to tell it
	unclear               // it is near both, or two sources disagree
	yes
	no
)

// sight is one observation, understood.
type sight struct {
	runs  answer // whether the machine cools
	how   string // by what: "supply 12.1 °C is 9.8 K under return"
	still string // the same, short: "640 W"
	// draws is the air that the machine draws, °C; standIn says that inlets stand for it.
	draws   Value
	standIn bool
}

// air says the temperature that the machine's thermostat goes by.
func (s sight) air() string {
	switch {
	case !s.draws.Known:
		return "an unknown return air"
	case s.standIn:
		return fmt.Sprintf("%.1f °C at the inlets", s.draws.N)
	}
	return fmt.Sprintf("%.1f °C of return air", s.draws.N)
}

// defaultRunning is the power above which a split certainly cools, W: its fan alone takes 20 to 100.
const defaultRunning = 150

// look understands one observation.
func (c Claim) look(o Observation) sight {
	s := sight{draws: o.Return}
	if !s.draws.Known {
		s.draws, s.standIn = o.Inlet, true
	}
	air, cooled := s.byAir(o.Supply)
	power, taken := unknown, ""
	if o.Watts.Known {
		running := c.Running
		if running <= 0 {
			running = defaultRunning
		}
		if power, taken = no, fmt.Sprintf("power %.0f W is not above %.0f W", o.Watts.N, running); o.Watts.N > running {
			power, taken = yes, fmt.Sprintf("power %.0f W above %.0f W", o.Watts.N, running)
		}
	}
	s.runs = together(air, power)
	var how, still []string
	if taken != "" {
		how, still = append(how, taken), append(still, fmt.Sprintf("%.0f W", o.Watts.N))
	}
	if cooled != "" && (air != unclear || power == unknown) {
		how, still = append(how, cooled), append(still, cooled)
	}
	s.how, s.still = strings.Join(how, ", "), strings.Join(still, ", ")
	return s
}

// byAir says whether the supply air is cooled.
func (s sight) byAir(supply Value) (runs answer, how string) {
	if !supply.Known || !s.draws.Known {
		return unknown, ""
	}
	under, against := s.draws.N-supply.N, "return"
	if s.standIn {
		against = "the inlets"
	}
	how = fmt.Sprintf("supply %.1f °C is %.1f K under %s", supply.N, under, against)
	if under < 0 {
		how = fmt.Sprintf("supply %.1f °C is %.1f K over %s", supply.N, -under, against)
	}
	switch {
	case under >= coldK:
		return yes, how
	case under < stillK:
		return no, how
	}
	return unclear, how
}

// together is what two sources say as one.
func together(a, b answer) answer {
	switch {
	case a == b || b == unknown || b == unclear && a != unknown:
		return a
	case a == unknown || a == unclear:
		return b
	}
	return unclear // one says yes, the other no
}

// need says whether a machine in this state has to cool (yes) or to rest (no); unclear near its setpoint.
func (c Claim) need(state infrared.State, s sight) answer {
	if !state.Power {
		return no
	}
	if state.Mode != infrared.ModeCool || !s.draws.Known {
		return unknown
	}
	over, more := s.draws.N-float64(state.Setpoint), 0.0
	if s.standIn {
		more = standInK
	}
	switch {
	case over >= needK+more:
		return yes
	case over <= -amplyK:
		return no
	}
	return unclear
}

// atFirst is what was seen right before it was told; of an unknown run when nothing was.
func (c Claim) atFirst(seen []Observation) sight {
	for i := len(seen) - 1; i >= 0; i-- {
		if !seen[i].At.After(c.At) {
			if c.At.Sub(seen[i].At) > 2*freshMost {
				break
			}
			return c.look(seen[i])
		}
	}
	return sight{}
}

// lasted says whether all that was seen for answerMost agrees, and that time has passed since it was last told.
func (c Claim) lasted(now time.Time, seen []Observation, agrees func(sight) bool) bool {
	return c.lastedFrom(c.Last, now, seen, agrees)
}

// owed is since when the machine should cool.
func (c Claim) owed() time.Time {
	if c.Owed.IsZero() {
		return c.Last
	}
	return c.Owed
}

// colder is the Owed of a colder claim that follows c: since when observations say that c, too, had the machine cool.
// Zero when the new claim asks for something else.
func (c Claim) colder(state infrared.State, seen []Observation) time.Time {
	cools := func(s infrared.State) bool { return s.Power && s.Mode == infrared.ModeCool }
	if !cools(c.State) || !cools(state) || state.Setpoint > c.State.Setpoint {
		return time.Time{}
	}
	since := c.owed()
	for i := len(seen) - 1; i >= 0 && seen[i].At.After(since); i-- {
		if c.need(c.State, c.look(seen[i])) != yes {
			return seen[i].At
		}
	}
	return since
}

// lastedFrom is lasted for what must have passed since another time than Last.
func (c Claim) lastedFrom(from, now time.Time, seen []Observation, agrees func(sight) bool) bool {
	since := now.Add(-answerMost)
	if from.After(since) {
		return false
	}
	const least = 5 // observations: they come each 10 s, and a sensor may miss some
	count := 0
	for i := len(seen) - 1; i >= 0 && seen[i].At.After(since); i-- {
		if !agrees(c.look(seen[i])) {
			return false
		}
		count++
	}
	oldest := len(seen) - count
	return count >= least && seen[oldest].At.Sub(since) <= freshMost
}

// drawn are the observations of a time that know the air that the machine draws, in Return. Return air and inlets are
// never mixed: the newest observation says which of them it is.
func drawn(seen []Observation, from, to time.Time) []Observation {
	if len(seen) == 0 {
		return nil
	}
	last := seen[len(seen)-1]
	var out []Observation
	for _, o := range seen {
		if !last.Return.Known {
			if o.Return = o.Inlet; o.Inlets != last.Inlets {
				continue
			}
		}
		if o.Return.Known && !o.At.Before(from) && !o.At.After(to) {
			out = append(out, o)
		}
	}
	return out
}

// swung is how the air that the machine draws went, °C.
type swung struct {
	mean      Value // of the last three minutes
	low, high float64
}

// swing looks at the air over a time.
func swing(seen []Observation, from, to time.Time) swung {
	var s swung
	sum, n := 0.0, 0
	for i, o := range drawn(seen, from, to) {
		t := o.Return.N
		if i == 0 || t < s.low {
			s.low = t
		}
		if i == 0 || t > s.high {
			s.high = t
		}
		if to.Sub(o.At) <= 3*time.Minute {
			sum, n = sum+t, n+1
		}
	}
	if n >= 3 {
		s.mean = Known(sum / float64(n))
	}
	return s
}

// slope is the change of the air that the machine draws, K a minute, by least squares; none for less than half of the
// time.
func slope(seen []Observation, from, to time.Time) Value {
	points := drawn(seen, from, to)
	const least = 6
	if len(points) < least || points[len(points)-1].At.Sub(points[0].At) < to.Sub(from)/2 {
		return Value{}
	}
	var sx, sy, sxx, sxy float64
	for _, o := range points {
		x, y := o.At.Sub(points[0].At).Minutes(), o.Return.N
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(points))
	return Known((n*sxy - sx*sy) / (n*sxx - sx*sx))
}
