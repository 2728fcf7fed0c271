package optimise

import (
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
)

// warmer is how many of n machines may be told one degree more than all, where the band has no room for all of them.
func (m *Model) warmer(p spec.Policy, setpoint, n int) int {
	hottest, known := m.inlet.most(m.block.last)
	if !known || n < 2 {
		return 0
	}
	room := (warmest(p)-partLeeway-hottest)/m.inlet.gain - float64(setpoint)
	return min(n-1, max(0, int(room*float64(n))))
}

// Inverters move the more heat for a watt the less they are loaded, so a machine that is to be told one degree more must
// draw more than the mean of all by the first of these, and keeps it while it draws more than the second.
const (
	eligible = 1.15
	stays    = 0.7
)

// spread gives every machine its setpoint. One degree more is for those that draw the most; a room of inverters that share
// the load evenly is left so.
func (m *Model) spread(acs []control.AC, setpoint, warmer int) []int {
	all := make([]int, len(acs))
	for i, ac := range acs {
		all[i] = ac.Limits.Clamp(setpoint)
	}
	for range warmer {
		most, by := -1, 0.0
		for i, ac := range acs {
			if all[i] != setpoint || !ac.Limits.Holds(setpoint+1) {
				continue
			}
			if w, ok := m.drawn(i, len(acs), ac.Auto > setpoint); ok && (most < 0 || w > by) {
				most, by = i, w
			}
		}
		if most < 0 {
			break
		}
		all[most]++
	}
	return all
}

// drawn is what a machine draws as part of the mean of all; one that is already told more counts double, so that machines
// do not take turns. It is false for an inverter that should not be told more.
func (m *Model) drawn(i, n int, already bool) (part float64, ok bool) {
	if i >= mostMachines {
		return 0, false
	}
	sum := 0.0
	for _, a := range m.block.machines {
		sum += a.mean
	}
	if sum <= 0 {
		return 0, false
	}
	part = m.block.machines[i].mean * float64(min(n, mostMachines)) / sum
	least := eligible
	if already {
		least = stays
	}
	ok = part >= least || m.power.works[1].blocks > m.power.works[0].blocks
	if already {
		part = 2*part + 1
	}
	return part, ok
}
