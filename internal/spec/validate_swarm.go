package spec

// UnfitForSwarm says, for a person, what of a function no swarm can give it; empty when it can give all.
func (f Function) UnfitForSwarm() string {
	what := ""
	switch {
	case f.Privileged:
		what = "it is privileged"
	case len(f.Devices) > 0:
		what = "it uses the device " + f.Devices[0]
	case len(f.Runtime.Security) > 0:
		what = "it asks for security_opt " + f.Runtime.Security[0]
	default:
		return ""
	}
	return what + ", which a swarm cannot give: write orchestrator: engine, or leave that out"
}

// swarm checks what holds in a swarm alone.
func (c *check) swarm(path string, f Function) {
	if c.service.Orchestrator != OrchestratorSwarm {
		return
	}
	if why := f.UnfitForSwarm(); why != "" {
		c.add(path, "function %q: %s", f.Name, why)
	}
}
