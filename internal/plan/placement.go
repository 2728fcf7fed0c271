package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
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
// running containers have already (so that nothing restarts for a port), then new ones.
func (m *matcher) assignPorts(chosen []pick) ([]placed, error) {
	consumed := m.consumedPorts()
	all := make([]placed, 0, len(chosen))
	for _, p := range chosen {
		ports := wantedPorts(p.function, consumed[p.function.Name])
		for i := range ports {
			ports[i] = onBox(p.box, ports[i])
		}
		all = append(all, placed{p, ports})
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.function.Name, b.function.Name), cmp.Compare(a.replica, b.replica))
	})
	for _, one := range all {
		m.keepPorts(one)
	}
	for _, one := range all {
		for i, port := range one.ports {
			if port.Host > 0 {
				continue
			}
			picked, ok := m.ports.pickPort(m.service.Name, one.box, one.key(), port)
			if !ok {
				return nil, fmt.Errorf("%w: no host port is left on %s for port %d of %s", ErrNoBox, one.box.address, port.Container, one.function.Name)
			}
			one.ports[i] = picked
			m.ports.plan(one.box, one.key(), picked)
		}
	}
	return all, nil
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
func (r *resolver) placement(one placed) Placement {
	f := one.function
	p := Placement{
		Function: f.Name, Replica: one.replica, Box: one.box.Name,
		Container: ContainerName(r.service.Name, f.Name, one.replica),
		Image:     one.option.image.Ref, Digest: one.option.image.Digest, Manifest: one.platform.Digest,
		Entrypoint: f.Entrypoint, Labels: f.Labels, Ports: one.ports, Mounts: f.Mounts, Networks: f.Networks,
		ExtraHosts: r.extraHosts(one), Secrets: f.Secrets, Healthcheck: f.Healthcheck, Restart: f.Restart,
		StopGrace: f.StopGrace, Resources: one.option.resources, Privileged: f.Privileged, Devices: f.Devices,
	}
	for _, word := range f.Command {
		p.Command = append(p.Command, r.expand(one, "command", word))
	}
	p.Environment = r.environment(one)
	p.SpecHash = specHash(p)
	return p
}

// environment is the function's own, resolved, with what OverCloud tells every function; sorted by name.
func (r *resolver) environment(one placed) []spec.Variable {
	told := []spec.Variable{
		{Name: envBox, Value: one.box.Name},
		{Name: envFunction, Value: one.function.Name},
		{Name: envReplica, Value: strconv.Itoa(one.replica)},
		{Name: envService, Value: r.service.Name},
	}
	environment := slices.Clone(told)
	for _, v := range one.function.Environment {
		if slices.ContainsFunc(told, func(t spec.Variable) bool { return t.Name == v.Name }) {
			continue
		}
		v.Value = r.expand(one, "environment variable "+v.Name, v.Value)
		environment = append(environment, v)
	}
	slices.SortStableFunc(environment, func(a, b spec.Variable) int { return cmp.Compare(a.Name, b.Name) })
	return environment
}

// extraHosts let a consumer reach its providers on other boxes by their names. On its own box their common
// network does that; process boxes have no names; an address that is no IP, or loopback, helps no container.
func (r *resolver) extraHosts(one placed) []string {
	if one.box.seen.Process {
		return nil
	}
	var hosts []string
	for _, edge := range one.function.Consumes {
		f := r.functions[edge.Function]
		address := ""
		if f.External != "" {
			address, _, _ = splitExternal(f) // indexFunctions has refused wrong ones
		} else if provider, ok := r.provider(one, f.Name); ok && provider.box != one.box {
			address = provider.box.address
		}
		if !isIP(address) || isLoopback(address) {
			continue
		}
		if entry := f.Name + ":" + address; !slices.Contains(hosts, entry) {
			hosts = append(hosts, entry)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// probes are the connections of one consumer, as it will use them. Ports that are only udp cannot be dialled.
func (r *resolver) probes(one placed) []Probe {
	var probes []Probe
	for _, edge := range one.function.Consumes {
		probe := Probe{Consumer: one.function.Name, Replica: one.replica, Box: one.box.Name, Provider: edge.Function}
		if f := r.functions[edge.Function]; f.External != "" {
			probe.Address = f.External
			probes = append(probes, probe)
			continue
		}
		provider, ok := r.provider(one, edge.Function)
		if !ok {
			continue // scaled to none
		}
		published, ok := portOf(provider.ports, edge.Port)
		if !ok || published.Protocol == "udp" {
			continue
		}
		host, port, err := reach(one, provider, edge.Port)
		if err != nil {
			r.fault("function %s consumes port %d of %s: %v", one.function.Name, edge.Port, edge.Function, err)
			continue
		}
		probe.Address = net.JoinHostPort(host, strconv.Itoa(port))
		probes = append(probes, probe)
	}
	return probes
}

// specHash names everything that would need a new container when it changed. The image counts by the manifest
// that the box runs: a new tag, or a new index for other platforms, restarts nothing.
func specHash(p Placement) string {
	p.Action, p.Cause, p.SpecHash, p.Image, p.Digest, p.Box = "", "", "", "", "", ""
	return shortHash(p)
}

// planHash names a plan without what the world measures anew each time (scores, free memory, what is there).
func planHash(p Plan) string {
	type where struct {
		Function string `json:"function"`
		Replica  int    `json:"replica"`
		Box      string `json:"box"`
		SpecHash string `json:"spec_hash"`
	}
	content := struct {
		Service    string  `json:"service"`
		Placements []where `json:"placements"`
		Probes     []Probe `json:"probes"`
		Levels     []Level `json:"levels"`
		Networks   []OnBox `json:"networks"`
		Volumes    []OnBox `json:"volumes"`
	}{Service: p.Service, Probes: p.Probes, Levels: p.Levels, Networks: p.Networks, Volumes: p.Volumes}
	for _, one := range p.Placements {
		content.Placements = append(content.Placements, where{one.Function, one.Replica, one.Box, one.SpecHash})
	}
	return shortHash(content)
}

// toJSON writes plain structs, which have neither maps nor functions: always the same text. The checker of
// workflows cannot see that through the reflection of package json.
//
//workflowcheck:ignore
func toJSON(v any) ([]byte, error) { return json.Marshal(v) }

// shortHash is the first 16 hexadecimal digits of the SHA-256 of a value's JSON.
func shortHash(v any) string {
	text, err := toJSON(v)
	if err != nil { // plain structs of strings and numbers; a NaN in the resources is the only way
		text = fmt.Append(nil, err, v)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:16]
}
