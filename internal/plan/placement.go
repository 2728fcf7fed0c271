package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/overcloud/overcloud/internal/spec"
)

// What every function is told about itself; package fn reads the same names.
const (
	envService  = "OVERCLOUD_SERVICE"
	envFunction = "OVERCLOUD_FUNCTION"
	envReplica  = "OVERCLOUD_REPLICA"
	envBox      = "OVERCLOUD_BOX"
)

// assignPorts gives every port its host port, by function and replica: fixed ones as they are, then those that
// running containers have already (so that nothing restarts for a port), then new ones. Held replicas keep
// theirs.
func (m *matcher) assignPorts(out outcome) ([]placed, error) {
	consumed := m.consumedPorts()
	all := make([]placed, 0, len(out.chosen)+len(out.held))
	for _, p := range out.chosen {
		ports := wantedPorts(p.function, consumed[p.function.Name])
		for i := range ports {
			ports[i] = onBox(p.box, ports[i])
		}
		all = append(all, placed{pick: p, ports: ports})
	}
	for i := range out.held {
		one := &out.held[i]
		all = append(all, placed{pick: pick{member: one.member, box: one.box}, ports: one.before.Ports, held: one})
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.function.Name, b.function.Name), cmp.Compare(a.replica, b.replica))
	})
	if m.swarm {
		return all, m.pickSwarmPorts(all)
	}
	for _, one := range all {
		if one.held == nil {
			m.keepPorts(one)
		}
	}
	return all, m.pickPorts(all)
}

func (m *matcher) pickPorts(all []placed) error {
	for _, one := range all {
		for i, port := range one.ports {
			if port.Host > 0 {
				continue
			}
			picked, ok := m.ports.pickPort(m.service.Name, one.key(), port, func(p spec.Port) bool {
				return m.ports.free(one.box, one.key(), p)
			})
			if !ok {
				return fmt.Errorf("%w: no host port is left on %s for port %d of %s", ErrNoBox, one.box.address, port.Container, one.function.Name)
			}
			one.ports[i] = picked
			m.ports.plan(one.box, one.key(), picked)
		}
	}
	return nil
}

// keepPorts takes over the picked ports of the container that is there.
func (m *matcher) keepPorts(one placed) {
	for _, f := range m.existing[one.key()] {
		if f.box != one.box.Name {
			continue
		}
		for i, port := range one.ports {
			had, ok := portOf(f.Ports, port.Container)
			if port.Host > 0 || !ok || had.Host == 0 || protocolOf(had) != port.Protocol {
				continue
			}
			port.Host = had.Host
			if m.ports.free(one.box, one.key(), port) {
				one.ports[i] = port
				m.ports.plan(one.box, one.key(), port)
			}
		}
		return
	}
}

// consumedPorts are the container ports of each function that somebody consumes, ascending.
func (m *matcher) consumedPorts() map[string][]int {
	consumed := map[string][]int{}
	if m.swarm { // its overlay networks carry every port
		return consumed
	}
	for i := range m.service.Functions {
		for _, edge := range m.service.Functions[i].Consumes {
			if edge.Port > 0 && !slices.Contains(consumed[edge.Function], edge.Port) {
				consumed[edge.Function] = append(consumed[edge.Function], edge.Port)
			}
		}
	}
	for i := range m.service.Functions {
		slices.Sort(consumed[m.service.Functions[i].Name])
	}
	return consumed
}

// ContainerName is the name of a replica's container.
func ContainerName(service, function string, replica int) string {
	return fmt.Sprintf("%s-%s-%d", service, function, replica)
}

// placement is everything that the engine of the box must be told.
func (r *resolver) placement(one *placed) Placement {
	if one.held != nil {
		return one.held.placement()
	}
	f := one.function
	hosts, forwards := r.names(one)
	p := Placement{
		Function: f.Name, Replica: one.replica, Box: one.box.Name,
		Container: ContainerName(r.service.Name, f.Name, one.replica),
		Image:     one.option.image.Ref, Digest: one.option.image.Digest, Manifest: one.platform.Digest,
		Entrypoint: f.Entrypoint, Labels: f.Labels, Ports: one.ports, Mounts: f.Mounts, Networks: f.Networks,
		ExtraHosts: hosts, Forwards: forwards, Secrets: f.Secrets, Healthcheck: f.Healthcheck, Restart: f.Restart, Ordered: r.ordered(one),
		StopGrace: f.StopGrace, Resources: one.option.resources, Privileged: f.Privileged, Devices: f.Devices,
		Runtime: f.Runtime,
	}
	if len(f.Command) > 0 {
		p.Command = make([]string, 0, len(f.Command))
	}
	for _, word := range f.Command {
		p.Command = append(p.Command, r.expand(one, "command", word))
	}
	p.Environment = r.environment(one)
	p.Order, _ = r.order(f, p)
	p.SpecHash = specHash(p, r.swarm)
	return p
}

// placement is what was stitched, untouched.
func (h *held) placement() Placement {
	p := *h.before
	p.Action, p.Cause, p.Replaces = ActionHold, h.cause, ""
	return p
}

// environment is the function's own, resolved, with what OverCloud tells every function; sorted by name.
func (r *resolver) environment(one *placed) []spec.Variable {
	f := one.function
	box, replica := one.box.Name, strconv.Itoa(one.replica)
	if r.swarm {
		box, replica = swarmBox, swarmReplica
	}
	environment := make([]spec.Variable, 0, 4+len(f.Environment))
	environment = append(
		environment,
		spec.Variable{Name: envBox, Value: box},
		spec.Variable{Name: envFunction, Value: f.Name},
		spec.Variable{Name: envReplica, Value: replica},
		spec.Variable{Name: envService, Value: r.service.Name},
	)
	for _, v := range f.Environment {
		switch v.Name {
		case envBox, envFunction, envReplica, envService:
			continue
		}
		v.Value = r.expand(one, "environment variable "+v.Name, v.Value)
		environment = append(environment, v)
	}
	slices.SortStableFunc(environment, func(a, b spec.Variable) int { return cmp.Compare(a.Name, b.Name) })
	return environment
}

// ordered says whether a function must be kept from its engine at boot. An engine starts what it restarts by
// itself all at once (with on-failure too, since a stopped process seldom ends with 0), so a function that must
// wait for the health or the end of another is left to the reconciling schedule, which knows the order. Without a
// schedule nobody would start it again; a process box and a swarm cannot be kept from it. See
// docs/decisions/0007-order-after-a-reboot.md.
func (r *resolver) ordered(one *placed) bool {
	f := one.function
	restarts := f.Restart != "" && f.Restart != "no"
	return restarts && waits(f) && r.service.Schedule > 0 && !one.box.seen.Process && !r.swarm
}

// waits says whether a function must not start before another is healthy or has ended.
func waits(f *spec.Function) bool {
	return slices.ContainsFunc(f.DependsOn, func(d spec.Dependency) bool {
		return d.Condition == "service_healthy" || d.Condition == "service_completed_successfully"
	})
}

// order is how a placement is replaced: start-first where it is wanted and two can run side by side; otherwise
// why not says what stands in the way.
func (m *matcher) order(f *spec.Function, p Placement) (order, whyNot string) {
	if f.Update == nil || f.Update.Order == "" {
		return "", ""
	}
	if f.Update.Order != spec.OrderStartFirst {
		return f.Update.Order, ""
	}
	if volumes := volumesOf(f.Mounts); len(volumes) > 0 {
		return spec.OrderStopFirst, "both would have the volume " + volumes[0]
	}
	for _, port := range p.Ports {
		if !m.shared(port) {
			return spec.OrderStopFirst, fmt.Sprintf("both would publish port %d", port.Host)
		}
	}
	return spec.OrderStartFirst, ""
}
