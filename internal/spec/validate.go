package spec

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of a specification. They are there to catch slips (a missing unit, a digit too many), not to sell
// smaller machines: each is far above what one person can look after.
const (
	mostReplicas = 100
	mostCPUs     = 1024
	leastMemory  = 4 << 20 // bytes; Docker itself refuses less than 6 MB as a limit
	mostMemory   = 64 << 40
	longestName  = 63 // of a DNS label, which every name may become
)

// Validate checks everything that can be checked without a file, an engine or a network, and returns all
// mistakes as Problems (nil when there are none). Their paths are spelled as in the Compose file; indexes are
// those of the receiver's slices.
func (s Service) Validate() error {
	c := &check{service: s, functions: map[string]Function{}, boxes: map[string]bool{}, secrets: map[string]bool{}}
	for _, f := range s.Functions {
		c.functions[f.Name] = f
	}
	for _, b := range s.Boxes {
		c.boxes[b.Name] = true
	}
	for _, secret := range s.Secrets {
		c.secrets[secret.Name] = true
	}
	c.top()
	c.lost()
	c.history()
	c.boxList()
	c.registries()
	c.secretList()
	c.approvals()
	c.functionList()
	c.publishedPorts()
	c.cycles()
	c.rooms()
	return c.problems.Err()
}

// check collects the problems of one specification.
type check struct {
	service   Service
	functions map[string]Function
	boxes     map[string]bool
	secrets   map[string]bool
	problems  Problems
}

func (c *check) add(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *check) top() {
	if c.service.Name == "" {
		c.add("name", "the service has no name: add `name: my-service` at the top")
	} else {
		c.name("name", "service", c.service.Name)
	}
	known := []string{OrchestratorEngine, OrchestratorSwarm}
	if !slices.Contains(known, c.service.Orchestrator) {
		c.add("x-overcloud.orchestrator", "orchestrator %q is unknown%s: write engine or swarm",
			c.service.Orchestrator, Suggest(c.service.Orchestrator, known))
	}
	if d := c.service.Schedule; d != 0 {
		c.duration("x-overcloud.schedule", "schedule", d, 10*time.Second, 7*24*time.Hour)
	}
	if c.service.ProbeImage != "" {
		c.image("x-overcloud.probe-image", c.service.ProbeImage)
	}
	if len(c.service.Functions) == 0 {
		c.add("services", "the specification has no functions: declare at least one under services")
	}
	if len(c.service.Boxes) == 0 {
		c.add("x-overcloud.boxes", "the specification has no boxes: declare at least one")
	}
}

func (c *check) boxList() {
	seen := map[string]bool{}
	for _, b := range c.service.Boxes {
		path := "x-overcloud.boxes." + b.Name
		c.name(path, "box", b.Name)
		if seen[b.Name] {
			c.add(path, "box %q is declared twice: rename one", b.Name)
		}
		seen[b.Name] = true
		c.engine(path, b)
		c.use(path, b)
		if b.Address == "" || strings.ContainsAny(b.Address, "/ @") || hasPort(b.Address) {
			c.add(path+".address", "box %q has the address %q: write a host name or an IP address alone", b.Name, b.Address)
		}
		c.amount(path+".cpus", "cpus", b.CPUs)
		c.memory(path+".memory", "memory", b.MemoryBytes)
		c.memory(path+".disk", "disk", b.DiskBytes)
		if b.SSH != "" && !regexp.MustCompile(`^[^@\s/]+@[^@\s/]+$`).MatchString(b.SSH) {
			c.add(path+".ssh", "ssh %q of box %q must be user@host or user@host:port", b.SSH, b.Name)
		}
	}
}

func hasPort(address string) bool {
	if _, err := netip.ParseAddr(address); err == nil {
		return false // a bare IPv6 address has colons too
	}
	return strings.Contains(address, ":")
}

func (c *check) engine(path string, b Box) {
	path += ".engine"
	engine, err := url.Parse(b.Engine)
	switch {
	case b.Engine == "":
		c.add(path, "box %q has no engine: write unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host", b.Name)
		return
	case err != nil:
		c.add(path, "engine %q of box %q is no address: write unix:///path, tcp://host:port or ssh://user@host", b.Engine, b.Name)
		return
	}
	switch engine.Scheme {
	case "unix":
		if engine.Host != "" || !strings.HasPrefix(engine.Path, "/") {
			c.add(path, "engine %q of box %q needs an absolute path: unix:///var/run/docker.sock has three slashes", b.Engine, b.Name)
		}
	case "tcp":
		if _, _, err := SplitAddress(engine.Host); err != nil {
			c.add(path, "engine %q of box %q needs host and port: tcp://host:2376", b.Engine, b.Name)
		}
	case "ssh":
		c.engineSSH(path, engine, b)
	default:
		c.add(path, "engine %q of box %q has an unknown scheme: write unix://, tcp:// or ssh://", b.Engine, b.Name)
	}
	if b.TLS != "" && engine.Scheme != "tcp" {
		c.add(strings.TrimSuffix(path, ".engine")+".tls", "tls of box %q works with a tcp:// engine only", b.Name)
	}
}

func (c *check) registries() {
	seen := map[string]bool{}
	for _, r := range c.service.Registries {
		path := "x-overcloud.registries." + r.Host
		if seen[r.Host] {
			c.add(path, "registry %q is declared twice: list its mirrors together", r.Host)
		}
		seen[r.Host] = true
		c.registryHost(path, r.Host)
		for i, mirror := range r.Mirrors {
			c.registryHost(fmt.Sprintf("%s.mirrors[%d]", path, i), mirror)
		}
		if modes := []string{"fallback", "strict"}; r.Mode != "" && !slices.Contains(modes, r.Mode) {
			c.add(path+".mode", "mode %q of registry %q is unknown%s: write fallback or strict", r.Mode, r.Host, Suggest(r.Mode, modes))
		}
		if r.Mode == "strict" && len(r.Mirrors) == 0 {
			c.add(path+".mode", "registry %q is strict but has no mirrors: list them, or remove the mode", r.Host)
		}
		if r.Credentials != "" && !c.secrets[r.Credentials] {
			c.add(path+".credentials", "registry %q takes its credentials from the secret %q, which is not declared%s: add it under secrets",
				r.Host, r.Credentials, Suggest(r.Credentials, keys(c.secrets)))
		}
	}
}

func (c *check) registryHost(path, host string) {
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`).MatchString(host) {
		c.add(path, "%q is no registry: write host or host:port, without https:// and without a path", host)
	}
}

func (c *check) secretList() {
	seen := map[string]bool{}
	for _, secret := range c.service.Secrets {
		path := "secrets." + secret.Name
		if seen[secret.Name] {
			c.add(path, "secret %q is declared twice: rename one", secret.Name)
		}
		seen[secret.Name] = true
		kind, rest, _ := strings.Cut(secret.From, ":")
		switch {
		case kind == "file" && strings.HasPrefix(rest, "/"), kind == "env" && rest != "":
		default: // the reference may hold a value by mistake, so it is not repeated here
			c.add(path, "secret %q must say where its value is: file: PATH or environment: NAME", secret.Name)
		}
	}
}

func (c *check) approvals() {
	steps := []string{"place", "stitch"}
	for _, step := range c.service.Approvals {
		function, start := strings.CutPrefix(step, "start/")
		switch _, known := c.functions[function]; {
		case start && !known:
			c.add("services."+function+".x-overcloud.approval", "approval of the start of %q, but there is no such function%s",
				function, Suggest(function, keys(c.functions)))
		case !start && !slices.Contains(steps, step):
			c.add("x-overcloud.approval."+step, "there is no step %q%s: approval knows place and stitch, and for the start of one function its own `approval: required`",
				step, Suggest(step, steps))
		}
	}
}

// name checks a name that becomes part of a workflow ID, a topic key or a DNS label.
func (c *check) name(path, what, name string) {
	if len(name) > longestName || !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`).MatchString(name) {
		c.add(path, "the name of %s %q must have 1 to %d letters, digits, dots, dashes and underscores, and begin with a letter or digit",
			what, name, longestName)
	}
}

// image checks the form of an image reference: [host[:port]/]path[:tag][@sha256:digest].
func (c *check) image(path, ref string) {
	pattern := `^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`
	if !regexp.MustCompile(pattern).MatchString(ref) {
		c.add(path, "%q is no image reference: write name:tag or registry/name:tag, in small letters", ref)
	}
}

// amount checks a number of processors; zero means not stated.
func (c *check) amount(path, what string, cpus float64) {
	if cpus != 0 && !(cpus >= 0.001 && cpus <= mostCPUs) {
		c.add(path, "%s is %v, but it must be from 0.001 to %d", what, cpus, mostCPUs)
	}
}

// memory checks an amount of bytes; zero means not stated.
func (c *check) memory(path, what string, bytes int64) {
	if bytes != 0 && (bytes < leastMemory || bytes > mostMemory) {
		c.add(path, "%s is %s, but it must be from 4M to 64T (with its unit: 512M, 2G)", what, size(bytes))
	}
}

func (c *check) duration(path, what string, d Duration, least, most time.Duration) {
	if d.D() < least || d.D() > most {
		c.add(path, "%s is %s, but it must be from %s to %s", what, short(d.D()), short(least), short(most))
	}
}

// size writes an amount of memory as Compose does.
func size(bytes int64) string {
	for _, unit := range []struct {
		shift  int
		letter string
	}{{40, "T"}, {30, "G"}, {20, "M"}, {10, "K"}} {
		if bytes != 0 && bytes%(1<<unit.shift) == 0 {
			return fmt.Sprintf("%d%s", bytes>>unit.shift, unit.letter)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// short drops the empty parts of a duration: 24h instead of 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
