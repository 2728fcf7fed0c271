package spec

import (
	"fmt"
	"slices"
	"strings"
)

func (c *check) dependencies(path string, f Function) {
	for _, d := range f.DependsOn {
		at := path + ".depends_on." + d.Function
		switch _, known := c.functions[d.Function]; {
		case d.Function == f.Name:
			c.add(at, "function %q depends on itself: remove the entry", f.Name)
		case !known:
			c.add(at, "function %q depends on %q, but there is no function %q%s",
				f.Name, d.Function, d.Function, Suggest(d.Function, keys(c.functions)))
		}
		if !slices.Contains(conditions(), d.Condition) {
			c.add(at+".condition", "condition %q is unknown%s: write service_started, service_healthy or service_completed_successfully",
				d.Condition, Suggest(d.Condition, conditions()))
		}
	}
}

func (c *check) consumes(path string, f Function) {
	seen := map[Edge]bool{}
	for i, e := range f.Consumes {
		address := fmt.Sprintf("%s:%d", e.Function, e.Port)
		if e.Port == 0 {
			address = e.Function
		}
		at := fmt.Sprintf("%s.x-overcloud.consumes[%d]", path, i)
		provider, known := c.functions[e.Function]
		offered := provider.OfferedPorts()
		switch {
		case e.Function == f.Name:
			c.add(at, "function %q consumes itself: remove the entry", f.Name)
		case !known:
			c.add(at, "function %q consumes %q, but there is no function %q%s",
				f.Name, address, e.Function, Suggest(e.Function, keys(c.functions)))
		case !isPort(e.Port):
			c.add(at, "function %q consumes port %d of %q, but a port is from 1 to 65535", f.Name, e.Port, e.Function)
		case len(offered) > 0 && !slices.Contains(offered, e.Port):
			c.add(at, "function %q consumes %q, but %q offers %s only: name that, or add %d under ports or expose of %q",
				f.Name, address, e.Function, portList(offered), e.Port, e.Function)
		case seen[e]:
			c.add(at, "function %q consumes %q twice: remove one", f.Name, address)
		}
		seen[e] = true
	}
	if f.DataIO && len(f.Consumes) == 0 {
		c.add(path+".x-overcloud.data-io", "data-io puts function %q on one box with what it consumes, but it consumes nothing: add consumes", f.Name)
	}
}

// placeholders checks every {{…}} of a function's environment, command and entrypoint.
func (c *check) placeholders(path string, f Function) {
	for _, v := range f.Environment {
		if !variableName(v.Name) {
			c.add(path+".environment", "%q is no name of an environment variable", v.Name)
		}
		c.placeholder(path+".environment."+v.Name, f, v.Value)
	}
	for i, word := range f.Command {
		c.placeholder(fmt.Sprintf("%s.command[%d]", path, i), f, word)
	}
	for i, word := range f.Entrypoint {
		c.placeholder(fmt.Sprintf("%s.entrypoint[%d]", path, i), f, word)
	}
}

func (c *check) placeholder(path string, f Function, value string) {
	for _, p := range Placeholders(value) {
		if p.Function == "" {
			if p.Field != "rooms" {
				c.add(path, "%s is no placeholder%s: write {{rooms}}, {{FUNCTION.host}} or {{FUNCTION.port}}",
					p.Text, Suggest(p.Field, []string{"rooms"}))
			}
			continue
		}
		provider, known := c.functions[p.Function]
		if !known {
			c.add(path, "%s names the function %q, which does not exist%s", p.Text, p.Function, Suggest(p.Function, keys(c.functions)))
			continue
		}
		switch p.Field {
		case "host":
			if len(provider.OfferedPorts()) == 0 && !consumesAny(f, p.Function) {
				c.add(path, "%s: function %q has no port, so it has no address: add the port under ports or expose", p.Text, p.Function)
			}
		case "port":
			if _, err := c.service.PlaceholderPort(f, provider); err != nil {
				c.add(path, "%s: %v", p.Text, err)
			}
		default:
			c.add(path, "%s: a function has host and port, not %q%s", p.Text, p.Field, Suggest(p.Field, []string{"host", "port"}))
		}
	}
}

func consumesAny(f Function, provider string) bool {
	return slices.ContainsFunc(f.Consumes, func(e Edge) bool { return e.Function == provider })
}

// publishedPorts finds host ports that two replicas would both want. Functions on boxes with different
// addresses can share a port number, so across functions only a single address makes it a mistake here; the
// matching keeps the others apart.
func (c *check) publishedPorts() {
	addresses := map[string]bool{}
	for _, b := range c.service.Boxes {
		addresses[b.Address] = true
	}
	type taken struct {
		function string
		port     Port
	}
	var all []taken
	for _, f := range c.service.Functions {
		for i, p := range f.Ports {
			if p.Host == 0 {
				continue
			}
			for _, other := range all {
				if other.port.Host != p.Host || other.port.Protocol != p.Protocol || !bindsOverlap(other.port.HostIP, p.HostIP) {
					continue
				}
				if other.function == f.Name || len(addresses) == 1 {
					c.add(fmt.Sprintf("services.%s.ports[%d]", f.Name, i), "host port %d is published by function %q already: choose another",
						p.Host, other.function)
					break
				}
			}
			all = append(all, taken{f.Name, p})
		}
	}
}

func bindsOverlap(a, b string) bool {
	everywhere := func(ip string) bool { return ip == "" || ip == "0.0.0.0" || ip == "::" }
	return everywhere(a) || everywhere(b) || a == b
}

// cycles names every circle of depends_on and of consumes, each once.
func (c *check) cycles() {
	depends, consumes := map[string][]string{}, map[string][]string{}
	for _, f := range c.service.Functions {
		for _, d := range f.DependsOn {
			depends[f.Name] = append(depends[f.Name], d.Function)
		}
		for _, e := range f.Consumes {
			consumes[f.Name] = append(consumes[f.Name], e.Function)
		}
	}
	for _, circle := range circles(depends) {
		c.add(fmt.Sprintf("services.%s.depends_on.%s", circle[0], circle[1]), "depends_on goes in a circle: %s: remove one of these entries",
			strings.Join(circle, " -> "))
	}
	for _, circle := range circles(consumes) {
		f := c.functions[circle[0]]
		at := slices.IndexFunc(f.Consumes, func(e Edge) bool { return e.Function == circle[1] })
		c.add(fmt.Sprintf("services.%s.x-overcloud.consumes[%d]", circle[0], at), "consumes goes in a circle: %s: a chain needs an end, so remove one of these entries",
			strings.Join(circle, " -> "))
	}
}

// circles finds the circles of length two and more by depth-first search; the name that sorts first begins.
func circles(edges map[string][]string) [][]string {
	const open, done = 1, 2
	state := map[string]int{}
	var found [][]string
	var trail []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		trail = append(trail, name)
		next := slices.Clone(edges[name])
		slices.Sort(next)
		for _, to := range slices.Compact(next) {
			switch state[to] {
			case open:
				if to != name {
					found = append(found, rotated(trail[slices.Index(trail, to):]))
				}
			case done:
			default:
				visit(to)
			}
		}
		trail = trail[:len(trail)-1]
		state[name] = done
	}
	for _, name := range keys(edges) {
		if state[name] == 0 {
			visit(name)
		}
	}
	return found
}

// rotated turns a circle so that its first name in the alphabet begins, and closes it.
func rotated(circle []string) []string {
	first := slices.Index(circle, slices.Min(circle))
	turned := append(slices.Clone(circle[first:]), circle[:first]...)
	return append(turned, turned[0])
}
