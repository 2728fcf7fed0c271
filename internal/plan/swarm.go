package plan

import (
	"fmt"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// In a swarm, replicas of one function are tasks of one swarm service: they must be alike, and the swarm fills
// in what differs when it starts them.
const (
	swarmReplica = "{{.Task.Slot}}"
	// The node's name for people may be anything, so the box's name is looked up in the service's labels; without
	// the label it is the node's host name.
	swarmBox = `{{with index .Service.Labels (print "` + SwarmBoxLabel + `" .Node.ID)}}{{.}}{{else}}{{.Node.Hostname}}{{end}}`
	// SwarmBoxLabel, with the ID of a node after it, is the label of a swarm service that names the node's box.
	SwarmBoxLabel = "overcloud.box."
	// ModeIngress publishes a port on every node of a swarm, however many replicas are behind it.
	ModeIngress = "ingress"
)

// OfFunction are the placements of one function.
type OfFunction struct {
	Function   string
	Placements []Placement // by replica
}

// ByFunction groups placements, which go by function and replica, by function: in a swarm each is one swarm
// service.
func ByFunction(placements []Placement) []OfFunction {
	var all []OfFunction
	for _, one := range placements {
		if len(all) == 0 || all[len(all)-1].Function != one.Function {
			all = append(all, OfFunction{Function: one.Function})
		}
		last := &all[len(all)-1]
		last.Placements = append(last.Placements, one)
	}
	return all
}

// decision is the image that the replicas of a function run which are placed already.
type decision struct {
	option   int
	replicas int
}

// decide notes which image a function runs in a swarm, where all its replicas run the same.
func (m *matcher) decide(p *pick, by int) {
	if !m.swarm || len(p.options) < 2 {
		return
	}
	d := m.decided[p.function.Name]
	d.option, d.replicas = p.option.index, d.replicas+by
	m.decided[p.function.Name] = d
}

func (m *matcher) sameForAll(function string) (option int, decided bool) {
	d := m.decided[function]
	return d.option, d.replicas > 0
}

// mostPerBox is how many replicas of a function a box may have; zero is any number. A swarm publishes the same
// port for all replicas, so of one that is published on the boxes themselves there can be one on each.
func (m *matcher) mostPerBox(f *spec.Function) int {
	if m.swarm {
		for _, port := range f.Ports {
			if !m.shared(port) {
				return 1
			}
		}
	}
	return f.MaxPerBox
}

// pickSwarmPorts chooses host ports that all replicas of a function have in common: one that a replica has
// already, else one that is free on all their boxes.
func (m *matcher) pickSwarmPorts(all []placed) error {
	var live []placed
	for i, one := range all {
		if one.held == nil {
			live = append(live, one)
		}
		if last := i == len(all)-1 || all[i+1].function != one.function; !last || len(live) == 0 {
			continue
		}
		for at := range live[0].ports {
			if err := m.pickForAll(live, at); err != nil {
				return err
			}
		}
		live = nil
	}
	return nil
}

// pickForAll chooses the host port of one port of a function.
func (m *matcher) pickForAll(replicas []placed, at int) error {
	port := replicas[0].ports[at]
	if port.Host > 0 {
		return nil
	}
	free := func(p spec.Port) bool {
		return !slices.ContainsFunc(replicas, func(one placed) bool { return !m.ports.freeFor(one.box, one.function.Name, p) })
	}
	port.Host = m.hostPortNow(replicas, port)
	if port.Host == 0 || !free(port) {
		picked, ok := m.ports.pickPort(m.service.Name, replicas[0].key(), port, free)
		if !ok {
			return fmt.Errorf("%w: no host port is left for port %d of %s", ErrNoBox, port.Container, replicas[0].function.Name)
		}
		port = picked
	}
	for _, one := range replicas {
		one.ports[at].Host = port.Host
		m.ports.plan(one.box, one.key(), one.ports[at])
	}
	return nil
}

// hostPortNow is the host port that a container of the function has; zero if none has.
func (m *matcher) hostPortNow(replicas []placed, port spec.Port) int {
	for _, one := range replicas {
		for _, f := range m.existing[one.key()] {
			if had, ok := portOf(f.Ports, port.Container); ok && had.Host > 0 && protocolOf(had) == port.Protocol {
				return had.Host
			}
		}
	}
	return 0
}

// shared says whether a port belongs to the swarm as a whole.
func (m *matcher) shared(port spec.Port) bool { return m.swarm && port.Mode == ModeIngress }

// inTurn numbers the replicas of a function that a swarm has left with gaps: of three, a scale down to two may leave
// the slots 1 and 3. A slot above the wanted number becomes the first replica that has no other.
func inTurn(service spec.Service, all []found) {
	for i := range service.Functions {
		wanted := &service.Functions[i]
		taken, above := slotsOf(wanted, all)
		next := 1
		for _, slot := range above {
			for taken[next] {
				next++
			}
			if next > wanted.Replicas {
				break
			}
			for j := range all {
				if one := &all[j]; one.Function == wanted.Name && one.Replica == slot {
					one.Replica = next
				}
			}
			taken[next] = true
		}
	}
}

// slotsOf are the slots of a function's running tasks, and those above the wanted number, ascending.
func slotsOf(wanted *spec.Function, all []found) (taken map[int]bool, above []int) {
	taken = map[int]bool{}
	for j := range all {
		if one := &all[j]; one.Function == wanted.Name && one.holds() {
			taken[one.Replica] = true
			if one.Replica > wanted.Replicas && !slices.Contains(above, one.Replica) {
				above = append(above, one.Replica)
			}
		}
	}
	slices.Sort(above)
	return taken, above
}
