package plan

import (
	"cmp"
	"fmt"
	"hash/fnv"

	"github.com/overcloud/overcloud/internal/spec"
)

// Host ports that the plan picks itself, when the port's own number is taken.
const (
	firstPicked = 20000
	lastPicked  = 29999
)

// portKey is one port of one network address; boxes that share an address share its ports.
type portKey struct {
	address  string
	port     int
	protocol string
}

// portHolder is who has a port, or will have it.
type portHolder struct {
	hostIP   string
	key      replicaKey
	ours     bool // of this service
	planned  bool // not seen but decided
	wanted   bool // an observed one of ours that the plan keeps wanting
	describe string
}

// portTable knows who holds which port.
type portTable map[portKey][]portHolder

// observe enters the ports of every container that holds any.
func (t portTable) observe(service string, boxes []*boxState, wanted func(replicaKey) bool) {
	for _, b := range boxes {
		for _, c := range b.seen.Containers {
			if !c.holds() {
				continue
			}
			holder := portHolder{
				key: replicaKey{c.Function, c.Replica}, ours: c.Service == service,
				describe: fmt.Sprintf("container %s on %s", c.Name, b.Name),
			}
			holder.wanted = holder.ours && wanted(holder.key)
			for _, p := range c.Ports {
				if p.Host > 0 {
					holder.hostIP = p.HostIP
					key := portKey{b.address, p.Host, protocolOf(p)}
					t[key] = append(t[key], holder)
				}
			}
		}
	}
}

// plan enters a decided port; unplan takes it out again.
func (t portTable) plan(b *boxState, key replicaKey, port spec.Port) {
	at := portKey{b.address, port.Host, protocolOf(port)}
	t[at] = append(t[at], portHolder{
		hostIP: port.HostIP, key: key, ours: true, planned: true,
		describe: fmt.Sprintf("%s %d, planned on %s", key.function, key.replica, b.Name),
	})
}

func (t portTable) unplan(b *boxState, key replicaKey, port spec.Port) {
	at := portKey{b.address, port.Host, protocolOf(port)}
	holders := t[at]
	for i := len(holders) - 1; i >= 0; i-- {
		if holders[i].planned && holders[i].key == key {
			t[at] = append(holders[:i], holders[i+1:]...)
			return
		}
	}
}

// clash says who stands in the way of a port for a replica. What the service holds itself does not count when
// it is the same function (its container is replaced or removed) or when nobody wants it any more.
func (t portTable) clash(b *boxState, key replicaKey, port spec.Port) (portHolder, bool) {
	for _, h := range t[portKey{b.address, port.Host, protocolOf(port)}] {
		if !overlap(h.hostIP, port.HostIP) {
			continue
		}
		if h.planned || !h.ours || (h.wanted && h.key.function != key.function) {
			return h, true
		}
	}
	return portHolder{}, false
}

// free says whether the plan may pick a port by itself: nobody holds it but this very replica or orphans.
func (t portTable) free(b *boxState, key replicaKey, port spec.Port) bool {
	for _, h := range t[portKey{b.address, port.Host, protocolOf(port)}] {
		if overlap(h.hostIP, port.HostIP) && (h.planned || !h.ours || (h.wanted && h.key != key)) {
			return false
		}
	}
	return true
}

// freeFor is free for all replicas of a function together.
func (t portTable) freeFor(b *boxState, function string, port spec.Port) bool {
	for _, h := range t[portKey{b.address, port.Host, protocolOf(port)}] {
		mine := h.ours && h.key.function == function
		if overlap(h.hostIP, port.HostIP) && !mine && (h.planned || !h.ours || h.wanted) {
			return false
		}
	}
	return true
}

// needed says whether a planned port is the one that an observed container of ours at (address, port) holds.
func (t portTable) needed(address string, port spec.Port) bool {
	for _, h := range t[portKey{address, port.Host, protocolOf(port)}] {
		if h.planned && overlap(h.hostIP, port.HostIP) {
			return true
		}
	}
	return false
}

// overlap says whether two bind addresses would meet: equal, or one of them everywhere.
func overlap(a, b string) bool { return everywhere(a) || everywhere(b) || a == b }

func everywhere(ip string) bool { return ip == "" || ip == "0.0.0.0" || ip == "::" }

func protocolOf(p spec.Port) string { return cmp.Or(p.Protocol, "tcp") }

// wantedPorts are a function's own ports and those that others consume although it publishes none of that
// number; Host is zero where the plan picks.
func wantedPorts(f *spec.Function, consumed []int) []spec.Port {
	ports := make([]spec.Port, 0, len(f.Ports)+len(consumed))
	for _, p := range f.Ports {
		p.Protocol = protocolOf(p)
		ports = append(ports, p)
	}
	for _, number := range consumed {
		if _, ok := portOf(ports, number); !ok {
			ports = append(ports, spec.Port{Container: number, Protocol: "tcp"})
		}
	}
	return ports
}

// portOf finds the port that publishes a container port; tcp is found before udp.
func portOf(ports []spec.Port, container int) (spec.Port, bool) {
	var udp spec.Port
	for _, p := range ports {
		if p.Container != container {
			continue
		}
		if protocolOf(p) == "tcp" {
			return p, true
		}
		udp = p
	}
	return udp, udp.Container != 0
}

// onBox binds a port of a process box to the box's own address: processes share the machine's addresses, so
// "everywhere" would be more than the box.
func onBox(b *boxState, port spec.Port) spec.Port {
	if port.HostIP == "" && b.seen.Process && isIP(b.address) {
		port.HostIP = b.address
	}
	return port
}

// pickPort chooses the host port of a port that has none: the port's own number, else a number that depends
// on nothing but the names, else the next free one.
func (t portTable) pickPort(service string, key replicaKey, port spec.Port, free func(spec.Port) bool) (spec.Port, bool) {
	port.Host = port.Container
	if free(port) {
		return port, true
	}
	h := fnv.New32a()
	h.Write(fmt.Appendf(nil, "%s/%s/%d/%d", service, key.function, key.replica, port.Container))
	const span = lastPicked - firstPicked + 1
	start := int(h.Sum32() % span)
	for i := range span {
		port.Host = firstPicked + (start+i)%span
		if free(port) {
			return port, true
		}
	}
	return port, false
}
