package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Placeholder is one {{…}} of a value: {{rooms}}, or {{function.host}} and {{function.port}}.
type Placeholder struct {
	Text     string // as written, with the braces
	Function string // empty for {{rooms}}
	Field    string // "rooms", "host", "port", or what was written instead
}

// placeholderPattern matches one or two words in double braces. Everything else in double braces is left
// alone, because a value may hold a template for somebody else: {{.Name}}, {{ range .Items }}.
func placeholderPattern() *regexp.Regexp {
	return regexp.MustCompile(`\{\{\s*([A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\s*\}\}`)
}

// Placeholders finds the placeholders of a value, in order.
func Placeholders(value string) []Placeholder {
	if !strings.Contains(value, "{{") {
		return nil
	}
	var found []Placeholder
	for _, match := range placeholderPattern().FindAllStringSubmatch(value, -1) {
		p := Placeholder{Text: match[0], Field: match[1]}
		if dot := strings.LastIndexByte(match[1], '.'); dot >= 0 {
			p.Function, p.Field = match[1][:dot], match[1][dot+1:]
		}
		found = append(found, p)
	}
	return found
}

// Function finds a function by name.
func (s Service) Function(name string) (Function, bool) {
	for _, f := range s.Functions {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

// OfferedPorts are the container ports that a consumer may name: published, exposed, or the port of an
// external address; sorted, each once. None means that the function does not say.
func (f Function) OfferedPorts() []int {
	var ports []int
	if _, port, err := SplitAddress(f.External); err == nil {
		ports = append(ports, port)
	}
	for _, p := range f.Ports {
		ports = append(ports, p.Container)
	}
	ports = append(ports, f.Expose...)
	slices.Sort(ports)
	return slices.Compact(ports)
}

// PlaceholderPort is the container port that {{provider.port}} means in a function: the one that the function
// consumes, else the only one that the provider offers. Several or none is an error that says what to do.
func (s Service) PlaceholderPort(consumer, provider Function) (int, error) {
	var consumed []int
	for _, edge := range consumer.Consumes {
		if edge.Function == provider.Name {
			consumed = append(consumed, edge.Port)
		}
	}
	slices.Sort(consumed)
	consumed = slices.Compact(consumed)
	if len(consumed) == 1 {
		return consumed[0], nil
	}
	offered := provider.OfferedPorts()
	switch {
	case len(consumed) > 1:
		return 0, fmt.Errorf("it consumes %s of %q: write the address out", portList(consumed), provider.Name)
	case len(offered) == 1:
		return offered[0], nil
	case len(offered) == 0:
		return 0, fmt.Errorf("function %q has no port (add it under ports or expose)", provider.Name)
	default:
		return 0, fmt.Errorf("function %q has %s: say which one under consumes, as %s:%d",
			provider.Name, portList(offered), provider.Name, offered[0])
	}
}

// SplitAddress splits host:port.
func SplitAddress(address string) (host string, port int, err error) {
	colon := strings.LastIndexByte(address, ':')
	if colon < 1 {
		return "", 0, fmt.Errorf("%q is no host:port", address)
	}
	port, err = strconv.Atoi(address[colon+1:])
	if err != nil || !isPort(port) {
		return "", 0, fmt.Errorf("%q has no port from 1 to 65535", address)
	}
	host = strings.Trim(address[:colon], "[]")
	if host == "" || strings.ContainsAny(host, "/ \t\n@") || !bracketed(address[:colon]) {
		return "", 0, fmt.Errorf("%q is no host:port", address)
	}
	return host, port, nil
}

// bracketed says whether a host with colons stands in brackets, as an IPv6 address must.
func bracketed(host string) bool {
	return !strings.Contains(host, ":") || (strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]"))
}

func isPort(n int) bool { return n >= 1 && n <= 65535 }

func portList(ports []int) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = strconv.Itoa(p)
	}
	if len(texts) == 1 {
		return "port " + texts[0]
	}
	return "ports " + strings.Join(texts[:len(texts)-1], ", ") + " and " + texts[len(texts)-1]
}
