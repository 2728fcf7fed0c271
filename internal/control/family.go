package control

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Kin is how one sensor stands to the others of its room. Where it hangs makes it warmer or colder than they are, by
// up to 4 K, all the time; what counts is a departure from that.
type Kin struct {
	Sensor int
	Since  time.Time // first compared
	At     time.Time // last compared
	Usual  float64   // K, its usual distance from the others
	Now    float64   // K, its distance from the others smoothed over kinFor
}

// The numbers of comparing sensors. A slow drift of 0.5 K/h is followed by half a day's memory only to 6 K, so that it
// shows; a day's pattern of load moves distances by less than 1 K. While a sensor departs it is followed ten times slower,
// so that it is not soon taken for usual. An hour must have been seen before anything is told.
const (
	kinFor     = 5 * time.Minute
	usualFor   = 12 * time.Hour
	strangeFor = 10 * usualFor
	kinAfter   = time.Hour
)

// compare brings the memory of the sensors' distances up to now. The common ground is the median of what each shows less
// its usual distance: it does not move when a sensor falls silent. Two sensors depart from each other, and nobody knows
// which one is wrong; one alone has nobody to depart from.
func (s *State) compare(in *Input, seen *sight) {
	s.Family = slices.Clone(s.Family)
	seen.warmest = seen.hottest
	levels := make([]float64, 0, len(seen.good))
	for _, one := range seen.good {
		levels = append(levels, one.celsius-s.kin(in, one.sensor).Usual)
	}
	seen.ground = Median(levels)
	if seen.fresh < 2 {
		return
	}
	for _, one := range seen.good {
		k := s.kin(in, one.sensor)
		away, passed := one.celsius-seen.ground, in.Now.Sub(k.At)
		if passed > 5*time.Minute { // it was silent: what it shows now counts
			k.Now = away
		}
		k.Now += weight(passed, kinFor) * (away - k.Now)
		memory := max(kinFor, min(usualFor, in.Now.Sub(k.Since)))
		if k.strange(in) {
			memory = strangeFor
		}
		k.Usual += weight(passed, memory) * (away - k.Usual)
		k.At = in.Now
	}
	warmest := math.Inf(-1)
	for _, one := range seen.good {
		if !s.kin(in, one.sensor).strange(in) {
			warmest = max(warmest, one.celsius)
		}
	}
	if !math.IsInf(warmest, -1) {
		seen.warmest = warmest
	}
	s.Family = slices.DeleteFunc(s.Family, func(k Kin) bool { return !slices.Contains(in.Sensors, k.Sensor) })
}

// kin finds what is known of a sensor, or begins to know it.
func (s *State) kin(in *Input, sensor int) *Kin {
	at := slices.IndexFunc(s.Family, func(k Kin) bool { return k.Sensor == sensor })
	if at < 0 {
		at = len(s.Family)
		s.Family = append(s.Family, Kin{Sensor: sensor, Since: in.Now, At: in.Now})
	}
	return &s.Family[at]
}

// strange says whether a sensor departs from the others.
func (k Kin) strange(in *Input) bool {
	most := in.Policy.FamilyMost
	return most > 0 && in.Now.Sub(k.Since) >= kinAfter && math.Abs(k.Now-k.Usual) > most
}

func family(in *Input, s *State, sensor int) condition {
	c := condition{
		kind: KindFamily, item: strconv.Itoa(sensor), severity: wire.SeverityWarning,
		holdsFor: in.Policy.FamilyFor.D(), clearsAfter: max(kinFor, in.Policy.ClearFor.D()),
	}
	at := slices.IndexFunc(s.Family, func(k Kin) bool { return k.Sensor == sensor })
	if at < 0 || in.Now.Sub(s.Family[at].At) > in.Policy.StaleAfter.D() {
		return c
	}
	k := s.Family[at]
	c.holds, c.clears = k.strange(in), math.Abs(k.Now-k.Usual) < in.Policy.FamilyMost/2
	c.evidence = func() string {
		return fmt.Sprintf("sensor %d is %+.1f K away from the others, usually %+.1f", sensor, k.Now, k.Usual)
	}
	c.over = c.evidence
	return c
}
