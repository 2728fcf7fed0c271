package plan

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// placed is one replica on its box with all its ports.
type placed struct {
	pick
	ports []spec.Port
	held  *held // when it stays on a box that does not answer
}

// resolver answers what consumers must know of their providers, once everything has its box and its ports.
type resolver struct {
	*matcher
	replicas    map[string][]*placed // by function, in order of replica
	near        map[nearKey][]*placed
	rooms       string
	placeholder *regexp.Regexp
	faults      []string
}

// nearKey names the replicas of a function on one box.
type nearKey struct {
	function string
	box      *boxState
}

func newResolver(m *matcher, all []placed) *resolver {
	r := &resolver{
		matcher: m, replicas: make(map[string][]*placed, len(m.functions)), near: make(map[nearKey][]*placed, len(all)),
		// Only names joined by dots are ours: {{.ID}} and {{ range … }} belong to somebody else's templates.
		placeholder: regexp.MustCompile(`\{\{\s*([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\s*\}\}`),
	}
	for i := range all {
		one := &all[i]
		at := nearKey{one.function.Name, one.box}
		r.replicas[at.function] = append(r.replicas[at.function], one)
		r.near[at] = append(r.near[at], one)
	}
	rooms := m.service.Rooms
	if rooms == nil {
		rooms = []spec.Room{}
	}
	text, err := toJSON(rooms)
	if err != nil {
		r.fault("the rooms cannot be written as JSON: %v", err)
	}
	r.rooms = string(text)
	return r
}

func (r *resolver) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// splitExternal is the host and the port of an external function.
func splitExternal(f *spec.Function) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(f.External)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("external address %q of function %s is not host:port", f.External, f.Name)
	}
	return host, port, nil
}

// provider is the replica that a consumer uses: itself for itself, one on its own box if there is one, else
// they are shared out in turn. In a swarm they are all behind one name.
func (r *resolver) provider(consumer *placed, name string) (*placed, bool) {
	if name == consumer.function.Name {
		return consumer, true
	}
	all := r.near[nearKey{name, consumer.box}]
	if len(all) == 0 || r.swarm {
		all = r.replicas[name]
	}
	if len(all) == 0 {
		return nil, false
	}
	return all[(consumer.replica-1)%len(all)], true
}

// reach is the address at which a consumer reaches a port of a provider's replica: the provider's box and the
// published port. On a real engine whose only address is loopback, a container would reach itself there; on the
// same box it uses the function's name on their common network instead. In a swarm it is always the name.
func (r *resolver) reach(consumer, provider *placed, container int) (host string, port int, err error) {
	if r.swarm {
		return provider.function.Name, container, nil
	}
	published, ok := portOf(provider.ports, container)
	if !ok {
		return "", 0, fmt.Errorf("function %s publishes no port %d", provider.function.Name, container)
	}
	if provider.box == consumer.box && !consumer.box.seen.Process && isLoopback(provider.box.address) {
		return provider.function.Name, container, nil
	}
	return provider.box.address, published.Host, nil
}

// isIP and isLoopback read addresses without package netip, whose parser interns zones with the help of a
// goroutine: the plan is made inside a workflow, where nothing may start one.
func isIP(address string) bool {
	if strings.Contains(address, ":") {
		return strings.Trim(address, "0123456789abcdefABCDEF:.") == ""
	}
	parts := strings.Split(address, ".")
	for _, part := range parts {
		if n, err := strconv.Atoi(part); err != nil || n < 0 || n > 255 {
			return false
		}
	}
	return len(parts) == 4
}

func isLoopback(address string) bool {
	return isIP(address) && (address == "::1" || strings.HasPrefix(address, "127."))
}

// usualPort is the port that {{f.port}} means: the one that the consumer consumes, else the first published.
func usualPort(consumer *placed, provider *spec.Function, ports []spec.Port) (int, bool) {
	for _, edge := range consumer.function.Consumes {
		if edge.Function == provider.Name && edge.Port > 0 {
			return edge.Port, true
		}
	}
	if len(ports) > 0 {
		return ports[0].Container, true
	}
	if len(provider.Expose) > 0 {
		return provider.Expose[0], true
	}
	return 0, false
}

// expand replaces every placeholder in a text; where says whose text it is, for the person who wrote it.
func (r *resolver) expand(consumer *placed, where, text string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	return r.placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := r.placeholder.FindStringSubmatch(match)[1]
		value, err := r.value(consumer, name)
		if err != nil {
			r.fault("%s of function %s: {{%s}}: %v", where, consumer.function.Name, name, err)
		}
		return value
	})
}

// value is what one placeholder stands for.
func (r *resolver) value(consumer *placed, name string) (string, error) {
	switch name {
	case "rooms":
		return r.rooms, nil
	case "service":
		return r.service.Name, nil
	}
	function, rest, _ := strings.Cut(name, ".")
	f := r.functions[function]
	if f == nil {
		return "", fmt.Errorf("there is no function %q; known are rooms, service and f.host, f.port, f.port.N, f.replicas for a function f", function)
	}
	if f.External != "" {
		return externalValue(f, rest)
	}
	if rest == "replicas" {
		return strconv.Itoa(len(r.replicas[function])), nil
	}
	provider, ok := r.provider(consumer, function)
	if !ok {
		return "", fmt.Errorf("function %s has no replica", function)
	}
	return r.placedValue(consumer, provider, rest)
}

func (r *resolver) placedValue(consumer, provider *placed, rest string) (string, error) {
	port, ok := usualPort(consumer, provider.function, provider.ports)
	if number, certain := strings.CutPrefix(rest, "port."); certain {
		n, err := strconv.Atoi(number)
		if err != nil {
			return "", fmt.Errorf("%q is no port number", number)
		}
		port, ok, rest = n, true, "port"
	}
	switch rest {
	case "host":
		if !ok && !r.swarm { // it publishes nothing, but it still is somewhere
			return provider.box.address, nil
		}
		host, _, err := r.reach(consumer, provider, port)
		return host, err
	case "port":
		if !ok {
			return "", fmt.Errorf("function %s publishes no port", provider.function.Name)
		}
		_, number, err := r.reach(consumer, provider, port)
		return strconv.Itoa(number), err
	}
	return "", unknownPart(provider.function.Name, rest)
}

func externalValue(f *spec.Function, rest string) (string, error) {
	host, port, err := splitExternal(f)
	switch {
	case err != nil:
		return "", err
	case rest == "host":
		return host, nil
	case rest == "port" || strings.HasPrefix(rest, "port."): // it has only one
		return strconv.Itoa(port), nil
	case rest == "replicas":
		return "1", nil
	}
	return "", unknownPart(f.Name, rest)
}

func unknownPart(function, rest string) error {
	if rest == "" {
		return fmt.Errorf("say what of %s: %s.host, %s.port, %s.port.N or %s.replicas", function, function, function, function, function)
	}
	return fmt.Errorf("a function has no %q; it has host, port, port.N and replicas", rest)
}
