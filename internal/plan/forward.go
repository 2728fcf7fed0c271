package plan

import (
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"

	"github.com/overcloud/overcloud/internal/spec"
)

// names let a consumer on a real engine reach its providers by their names and at the ports that they know
// themselves by, as in Compose, wherever they were placed: on its own box their common network does that; else
// an extra host gives the name the address of the provider's box, or, where a port is published under another
// number or the box has no address that an extra host can say, a loopback address on which a forwarder listens.
// Process boxes have no names, and a swarm's overlay has them by itself.
func (r *resolver) names(one *placed) (hosts []string, forwards []Forward) {
	if one.box.seen.Process || r.swarm || len(one.function.Consumes) == 0 {
		return nil, nil
	}
	providers := consumedBy(one.function)
	taken := map[string]bool{}
	for _, name := range providers {
		w, ok := r.way(one, name)
		if !ok {
			continue
		}
		address := w.host
		if w.forwarded() {
			address = loopbackFor(name, taken)
			for _, to := range w.ports {
				forwards = append(forwards, Forward{
					Listen: net.JoinHostPort(address, strconv.Itoa(to.known)), To: net.JoinHostPort(w.host, strconv.Itoa(to.published)),
				})
			}
		}
		hosts = append(hosts, name+":"+address)
	}
	return hosts, forwards
}

// way is how a consumer gets to a provider that is not on a network with it.
type way struct {
	host  string // the address of its box
	ports []wayPort
}

// wayPort is a port as its consumers know it and as it is published.
type wayPort struct{ known, published int }

// forwarded says whether an extra host alone does not do.
func (w way) forwarded() bool {
	return !isIP(w.host) || slices.ContainsFunc(w.ports, func(p wayPort) bool { return p.known != p.published })
}

// way is not ok for a provider whose name works by itself, or cannot be made to work: a loopback address means
// the container itself, and an external function with a name of its own is asked for by DNS. A forwarder carries
// only tcp.
func (r *resolver) way(one *placed, name string) (way, bool) {
	f := r.functions[name]
	if f.External != "" {
		host, port, err := splitExternal(f)
		if err != nil || !isIP(host) || isLoopback(host) {
			return way{}, false
		}
		w := way{host: host}
		for _, edge := range edgesTo(one.function, name) {
			w.ports = append(w.ports, wayPort{portOr(edge.Port, port), port})
		}
		return w, true
	}
	provider, ok := r.provider(one, name)
	if !ok || onOneNetwork(one, provider) {
		return way{}, false
	}
	w := way{host: provider.box.address}
	if w.host == "" || isLoopback(w.host) {
		return way{}, false
	}
	for _, edge := range edgesTo(one.function, name) {
		if port, ok := portOf(provider.ports, edge.Port); ok && protocolOf(port) == "tcp" {
			w.ports = append(w.ports, wayPort{edge.Port, port.Host})
		}
	}
	return w, len(w.ports) > 0 || isIP(w.host)
}

func portOr(port, otherwise int) int {
	if port > 0 {
		return port
	}
	return otherwise
}

// onOneNetwork says whether a provider's name is an alias on a network that the consumer has joined.
func onOneNetwork(consumer, provider *placed) bool {
	return consumer.box == provider.box && slices.ContainsFunc(consumer.function.Networks, func(network string) bool {
		return slices.Contains(provider.function.Networks, network)
	})
}

// consumedBy are the functions that a function consumes, each once, by name; not itself.
func consumedBy(f *spec.Function) []string {
	var names []string
	for _, edge := range f.Consumes {
		if edge.Function != f.Name {
			names = append(names, edge.Function)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// edgesTo are the edges to one provider, each port once, ascending.
func edgesTo(f *spec.Function, provider string) []spec.Edge {
	var edges []spec.Edge
	for _, edge := range f.Consumes {
		if edge.Function == provider && !slices.Contains(edges, edge) {
			edges = append(edges, edge)
		}
	}
	slices.SortFunc(edges, func(a, b spec.Edge) int { return a.Port - b.Port })
	return edges
}

// loopbackFor is a loopback address that depends only on a name, unless another name in the same container has
// it. 127.77.0.0/16 is nobody's: Docker's own resolver is 127.0.0.11.
func loopbackFor(name string, taken map[string]bool) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	const addresses = 256 * 254
	for n := int(h.Sum32() % addresses); ; n = (n + 1) % addresses {
		address := fmt.Sprintf("127.77.%d.%d", n/254, 1+n%254)
		if !taken[address] {
			taken[address] = true
			return address
		}
	}
}

// probes are the connections of one consumer, as it will use them: by name where the name works. Ports that are
// only udp cannot be dialled, and what is held on a lost box answers nobody.
func (r *resolver) probes(one *placed) []Probe {
	if one.held != nil {
		return nil
	}
	var probes []Probe
	for _, edge := range one.function.Consumes {
		address, ok, err := r.probeAddress(one, edge)
		if err != nil {
			r.fault("function %s consumes port %d of %s: %v", one.function.Name, edge.Port, edge.Function, err)
		}
		if ok && err == nil {
			probes = append(probes, Probe{
				Consumer: one.function.Name, Replica: one.replica, Box: one.box.Name, Provider: edge.Function, Address: address,
			})
		}
	}
	return probes
}

// probeAddress is not ok when there is nothing to dial.
func (r *resolver) probeAddress(one *placed, edge spec.Edge) (address string, ok bool, err error) {
	f := r.functions[edge.Function]
	if f.External != "" {
		if _, named := r.way(one, f.Name); !named || r.swarm || one.box.seen.Process {
			return f.External, true, nil
		}
		_, port, err := splitExternal(f)
		return net.JoinHostPort(f.Name, strconv.Itoa(portOr(edge.Port, port))), true, err
	}
	provider, ok := r.provider(one, edge.Function)
	if !ok || provider.held != nil { // scaled to none, or away
		return "", false, nil
	}
	if published, ok := portOf(provider.ports, edge.Port); !r.swarm && (!ok || published.Protocol == "udp") {
		return "", false, nil
	}
	if !r.swarm && !one.box.seen.Process && provider != one {
		if _, named := r.way(one, f.Name); named || onOneNetwork(one, provider) {
			return net.JoinHostPort(f.Name, strconv.Itoa(edge.Port)), true, nil
		}
	}
	host, port, err := r.reach(one, provider, edge.Port)
	return net.JoinHostPort(host, strconv.Itoa(port)), true, err
}
