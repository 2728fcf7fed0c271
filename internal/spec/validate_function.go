package spec

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The values that Compose allows and that OverCloud knows.
func restarts() []string { return []string{"no", "always", "on-failure", "unless-stopped"} }

func conditions() []string {
	return []string{"service_started", "service_healthy", "service_completed_successfully"}
}

func (c *check) functionList() {
	seen := map[string]bool{}
	for _, f := range c.service.Functions {
		path := "services." + f.Name
		c.name(path, "function", f.Name)
		if seen[f.Name] {
			c.add(path, "function %q is declared twice: rename one", f.Name)
		}
		seen[f.Name] = true
		if f.External != "" {
			c.external(path, f)
		} else {
			c.placed(path, f)
		}
		c.dependencies(path, f)
		c.consumes(path, f)
		c.placeholders(path, f)
	}
}

// external checks a function that runs elsewhere: whatever only makes sense for a container is a mistake.
func (c *check) external(path string, f Function) {
	if _, _, err := SplitAddress(f.External); err != nil {
		c.add(path+".x-overcloud.external", "external of function %q: %v", f.Name, err)
	}
	without := []struct {
		key string
		set bool
	}{
		{"image", f.Image != ""},
		{"command", len(f.Command) > 0},
		{"entrypoint", len(f.Entrypoint) > 0},
		{"ports", len(f.Ports) > 0},
		{"volumes", len(f.Mounts) > 0},
		{"healthcheck", f.Healthcheck != nil},
		{"x-overcloud.candidates", len(f.Candidates) > 0},
		{"x-overcloud.tune", f.Tune != nil},
	}
	for _, key := range without {
		if key.set {
			c.add(path+"."+key.key, "function %q is external, it runs elsewhere: remove %s, which would have no effect",
				f.Name, strings.TrimPrefix(key.key, "x-overcloud."))
		}
	}
}

// placed checks a function that OverCloud starts itself.
func (c *check) placed(path string, f Function) {
	switch {
	case f.Image != "":
		c.image(path+".image", f.Image)
	case len(f.Candidates) == 0:
		c.add(path+".image", "function %q has no image: add image, or x-overcloud with candidates, or external if it runs elsewhere", f.Name)
	}
	if f.Replicas < 0 || f.Replicas > mostReplicas {
		c.add(path+".deploy.replicas", "replicas is %d, but it must be from 0 to %d", f.Replicas, mostReplicas)
	}
	if f.MaxPerBox < 0 || f.MaxPerBox > mostReplicas {
		c.add(path+".deploy.placement.max_replicas_per_node", "max_replicas_per_node is %d, but it must be from 0 to %d", f.MaxPerBox, mostReplicas)
	}
	c.resources(path+".deploy.resources", f.Resources)
	c.constraints(path+".deploy.placement.constraints", f.Constraints)
	if f.Restart != "" && !slices.Contains(restarts(), f.Restart) {
		c.add(path+".restart", "restart %q is unknown%s: write no, always, on-failure or unless-stopped",
			f.Restart, Suggest(f.Restart, restarts()))
	}
	if f.StopGrace != 0 {
		c.duration(path+".stop_grace_period", "stop_grace_period", f.StopGrace, 0, time.Hour)
	}
	for i, p := range f.Expose {
		if !isPort(p) {
			c.add(fmt.Sprintf("%s.expose[%d]", path, i), "port %d must be from 1 to 65535", p)
		}
	}
	c.ports(path, f)
	c.mounts(path, f)
	for i, n := range f.Networks {
		if !slices.Contains(c.service.Networks, n) {
			c.add(fmt.Sprintf("%s.networks[%d]", path, i), "function %q joins the network %q, which is not declared%s: add it under networks",
				f.Name, n, Suggest(n, c.service.Networks))
		}
	}
	c.secretUses(path, f)
	c.healthcheck(path+".healthcheck", f)
	for i, candidate := range f.Candidates {
		at := fmt.Sprintf("%s.x-overcloud.candidates[%d]", path, i)
		c.image(at+".image", candidate.Image)
		c.resources(at+".resources", candidate.Resources)
		c.constraints(at+".constraints", candidate.Constraints)
	}
	c.engineVersion(path+".x-overcloud.engine", f.Engine)
	c.update(path+".deploy.update_config", f)
	c.runtime(path, f.Runtime)
	c.swarm(path, f)
	c.tune(path+".x-overcloud.tune", f)
}

func (c *check) resources(path string, r Resources) {
	c.amount(path+".reservations.cpus", "reserved cpus", r.CPUs)
	c.memory(path+".reservations.memory", "reserved memory", r.MemoryBytes)
	c.amount(path+".limits.cpus", "the limit of cpus", r.LimitCPUs)
	c.memory(path+".limits.memory", "the limit of memory", r.LimitMemoryBytes)
	if r.LimitCPUs > 0 && r.CPUs > r.LimitCPUs {
		c.add(path+".reservations.cpus", "%v cpus are reserved, but the limit is %v: reserve no more than the limit", r.CPUs, r.LimitCPUs)
	}
	if r.LimitMemoryBytes > 0 && r.MemoryBytes > r.LimitMemoryBytes {
		c.add(path+".reservations.memory", "%s of memory is reserved, but the limit is %s: reserve no more than the limit",
			size(r.MemoryBytes), size(r.LimitMemoryBytes))
	}
}

func (c *check) constraints(path string, all []Constraint) {
	known := []string{"node.hostname", "node.platform.os", "node.platform.arch"}
	for i, constraint := range all {
		at := fmt.Sprintf("%s[%d]", path, i)
		label, isLabel := strings.CutPrefix(constraint.Key, "node.labels.")
		switch {
		case constraint.Op != "==" && constraint.Op != "!=", constraint.Value == "":
			c.add(at, "constraint %q must be KEY==VALUE or KEY!=VALUE", constraint)
		case isLabel && label != "", slices.Contains(known, constraint.Key):
		default:
			c.add(at, "constraint %q has an unknown key%s: it may be node.labels.LABEL, node.hostname, node.platform.os or node.platform.arch",
				constraint, Suggest(constraint.Key, known))
		}
		if constraint.Key == "node.hostname" && constraint.Op == "==" && constraint.Value != "" && !c.boxes[constraint.Value] {
			c.add(at, "constraint %q names an unknown box%s", constraint, Suggest(constraint.Value, keys(c.boxes)))
		}
	}
}

func (c *check) ports(path string, f Function) {
	for i, p := range f.Ports {
		at := fmt.Sprintf("%s.ports[%d]", path, i)
		if !isPort(p.Container) {
			c.add(at, "container port %d must be from 1 to 65535", p.Container)
		}
		if p.Host != 0 && !isPort(p.Host) {
			c.add(at, "host port %d must be from 1 to 65535", p.Host)
		}
		if p.Protocol != "tcp" && p.Protocol != "udp" {
			c.add(at, "protocol %q is unknown: write tcp or udp", p.Protocol)
		}
		if _, err := netip.ParseAddr(p.HostIP); p.HostIP != "" && err != nil {
			c.add(at, "host address %q is no IP address", p.HostIP)
		}
	}
}

func (c *check) mounts(path string, f Function) {
	seen := map[string]bool{}
	for i, m := range f.Mounts {
		at := fmt.Sprintf("%s.volumes[%d]", path, i)
		if !strings.HasPrefix(m.Target, "/") {
			c.add(at, "mount target %q must be an absolute path inside the container", m.Target)
		}
		if seen[m.Target] {
			c.add(at, "two volumes are mounted at %q: move one", m.Target)
		}
		seen[m.Target] = true
		switch m.Kind {
		case "volume":
			if m.Source != "" && !slices.Contains(c.service.Volumes, m.Source) {
				c.add(at, "function %q mounts the volume %q, which is not declared%s: add it under volumes",
					f.Name, m.Source, Suggest(m.Source, c.service.Volumes))
			}
		case "bind":
			if !strings.HasPrefix(m.Source, "/") {
				c.add(at, "bind mount of %q must be an absolute path on the box", m.Source)
			}
		default:
			c.add(at, "mounts of type %q are not supported: use a volume or a bind mount", m.Kind)
		}
	}
}

func (c *check) secretUses(path string, f Function) {
	for i, use := range f.Secrets {
		at := fmt.Sprintf("%s.secrets[%d]", path, i)
		if !c.secrets[use.Name] {
			c.add(at, "function %q uses the secret %q, which is not declared%s: add it under secrets",
				f.Name, use.Name, Suggest(use.Name, keys(c.secrets)))
		}
		if !strings.HasPrefix(use.Target, "/") {
			c.add(at, "target %q of secret %q must be an absolute path", use.Target, use.Name)
		}
	}
}

func (c *check) healthcheck(path string, f Function) {
	h := f.Healthcheck
	if h == nil {
		return
	}
	switch {
	case len(h.Test) == 0:
		c.add(path+".test", `healthcheck of %q has no test: write test: ["CMD", "/binary", "health"]`, f.Name)
	case h.Test[0] == "NONE" && len(h.Test) == 1:
	case (h.Test[0] == "CMD" && len(h.Test) > 1) || (h.Test[0] == "CMD-SHELL" && len(h.Test) == 2):
	default:
		c.add(path+".test", `healthcheck of %q must be a string, or a list that begins with CMD, CMD-SHELL or NONE`, f.Name)
	}
	// Zero means the engine's default: 30 s, 30 s, 0 s and 3 retries; within the start period each 5 s.
	if h.Interval != 0 {
		c.duration(path+".interval", "interval", h.Interval, 100*time.Millisecond, 24*time.Hour)
	}
	if h.Timeout != 0 {
		c.duration(path+".timeout", "timeout", h.Timeout, 100*time.Millisecond, time.Hour)
	}
	c.duration(path+".start_period", "start_period", h.StartPeriod, 0, 24*time.Hour)
	if h.StartInterval != 0 {
		c.duration(path+".start_interval", "start_interval", h.StartInterval, 100*time.Millisecond, time.Hour)
	}
	if h.StartInterval != 0 && h.StartPeriod == 0 {
		c.add(path+".start_interval", "start_interval of %q counts within start_period only: give a start_period too", f.Name)
	}
	if h.Retries < 0 || h.Retries > 10000 {
		c.add(path+".retries", "retries is %d, but it must be from 0 to 10000", h.Retries)
	}
}

func (c *check) tune(path string, f Function) {
	t := f.Tune
	if t == nil {
		return
	}
	most := map[string]float64{"cpu": 100, "memory": 100, "kafka-lag": 1e9} // percent, percent, records
	highest, known := most[t.Metric]
	switch {
	case !known:
		c.add(path+".metric", "metric %q is unknown%s: write cpu, memory or kafka-lag", t.Metric, Suggest(t.Metric, keys(most)))
	case !(t.Target >= 1 && t.Target <= highest):
		unit := map[bool]string{true: "records", false: "%"}[t.Metric == "kafka-lag"]
		c.add(path+".target", "target is %v %s, but it must be from 1 to %.0f %s", t.Target, unit, highest, unit)
	}
	c.lagSource(path, t)
	if t.Least < 0 || t.Least > mostReplicas {
		c.add(path+".least", "least is %d replicas, but it must be from 0 to %d", t.Least, mostReplicas)
	}
	if t.Most < 1 || t.Most > mostReplicas {
		c.add(path+".most", "most is %d replicas, but it must be from 1 to %d", t.Most, mostReplicas)
	} else if t.Most < t.Least {
		c.add(path+".most", "most is %d replicas, but least is %d: most must not be smaller", t.Most, t.Least)
	}
}

// variableName is what a process can read from its environment.
func variableName(name string) bool {
	return name != "" && !regexp.MustCompile(`[=\s\x00]`).MatchString(name)
}
