package control

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// leads says which machines carry the room. The order is that of their names, turned by one place each SwapEvery since
// 1970, so that everybody who knows the time comes to the same; machines that are lost are passed over.
func leads(in Input) []bool {
	p, n := in.Policy, len(in.ACs)
	carry := make([]bool, n)
	if p.Lead <= 0 || p.Lead >= n {
		for i := range carry {
			carry[i] = true
		}
		return carry
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(in.ACs[a].Name, in.ACs[b].Name) })
	first := 0
	if p.SwapEvery > 0 {
		first = int(max(0, in.Now.UnixNano()) / int64(p.SwapEvery) % int64(n))
	}
	for chosen, k := 0, 0; k < n && chosen < p.Lead; k++ {
		if i := order[(first+k)%n]; !in.ACs[i].Lost {
			carry[i] = true
			chosen++
		}
	}
	return carry
}

// offset is what a lagging machine is told more, K.
func (t *turn) offset(i int) int {
	if t.leads[i] {
		return 0
	}
	return t.in.Policy.LagOffset
}

// level is the coldest setpoint: whoever has it carries the room, or did so until it was lost. Zero: nothing is known.
func (t *turn) level() int {
	level := 0
	for _, ac := range t.in.ACs {
		if ac.free() && (level == 0 || ac.Auto < level) {
			level = ac.Auto
		}
	}
	return level
}

// callIn brings lagging machines to where the others are, at once.
func (t *turn) callIn() bool {
	level, called := t.level(), ""
	for i, ac := range t.in.ACs {
		if ac.free() && !t.leads[i] && ac.Auto > max(level, ac.soft.Min) && due(ac.Lowered, t.in.Now, t.in.Policy.FastDownEvery.D()) {
			called = ac.Name
		}
	}
	if !t.lags() || called == "" {
		return false
	}
	t.d.Reason += ": " + called + " joins"
	t.join(level)
	return t.d.Action == Lower
}

func (t *turn) lags() bool { return slices.Contains(t.leads, false) }

// join tells lagging machines a setpoint; whoever leads stays.
func (t *turn) join(level int) {
	t.move(Lower, func(i int, ac AC) int {
		if t.leads[i] {
			return ac.Auto
		}
		return t.towards(ac, level)
	})
	if t.d.Action == Lower {
		t.d.Next.CalledIn = t.in.Now
	}
}

// towards is a lower setpoint for a machine that changes its part, as far as Check lets pass in one step.
func (t *turn) towards(ac AC, level int) int {
	p := t.in.Policy
	return max(min(ac.Auto, ac.soft.Clamp(level)), ac.Auto-max(p.DownStep, p.LagOffset))
}

// takeOver makes a machine that leads now, since it is its turn or since another one is lost, as cold as the room's
// coldest.
func (t *turn) takeOver() bool {
	level, p := t.level(), t.in.Policy
	if !t.lags() || level == 0 || !due(t.lowered, t.in.Now, p.DownEvery.D()) {
		return false
	}
	for i, ac := range t.in.ACs {
		if !t.leads[i] || !ac.free() || ac.soft.Clamp(level) >= ac.Auto {
			continue
		}
		t.d.Reason = ac.Name + " leads now"
		if lost := t.in.lost(); lost != "" {
			t.d.Reason += ", since " + lost
		}
		t.move(Lower, func(j int, one AC) int {
			if j != i {
				return one.Auto
			}
			return t.towards(one, level)
		})
		return t.d.Action == Lower
	}
	return false
}

// release lets a machine that lags go back, slowly, while all is quiet.
func (t *turn) release() bool {
	p, s, level := t.in.Policy, t.d.Next, t.level()
	if !t.lags() || level == 0 {
		return false
	}
	quiet := s.Mean < p.BandHigh-p.AdviceMargin && due(t.changed, t.in.Now, p.UpEvery.D()) && due(s.CalledIn, t.in.Now, p.ReleaseAfter.D())
	if !quiet || t.forbids(float64(p.UpStep)/float64(len(t.in.ACs))) != "" {
		return false
	}
	for i, ac := range t.in.ACs {
		if target := ac.soft.Clamp(level + p.LagOffset); !t.leads[i] && ac.free() && ac.Auto < target {
			t.d.Reason = fmt.Sprintf("%s lags again: the others suffice for %s%s", ac.Name, t.since(s.CalledIn), t.outlook())
			t.move(Raise, func(j int, one AC) int {
				if j != i {
					return one.Auto
				}
				return min(target, one.Auto+p.UpStep)
			})
			return true
		}
	}
	return false
}

// since is how long ago a change was, at least the room's last one.
func (t *turn) since(called time.Time) time.Duration {
	return round(t.in.Now.Sub(latest(called, t.changed, t.in.Started)))
}
