package compose

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/spec"
)

// service turns what compose-go read into our nouns. Slices keep the file's order where it has one, so that
// their indexes are those of the positions; Normalise sorts them at the very end.
func (l *loader) service(project *types.Project) spec.Service {
	service := spec.Service{Name: project.Name, Orchestrator: spec.OrchestratorEngine}
	for _, key := range project.NetworkNames() {
		service.Networks = append(service.Networks, project.Networks[key].Name)
	}
	for _, key := range project.VolumeNames() {
		service.Volumes = append(service.Volumes, project.Volumes[key].Name)
	}
	for _, key := range project.SecretNames() {
		service.Secrets = append(service.Secrets, l.secret(key, project.Secrets[key]))
	}
	l.extension(project.Extensions["x-overcloud"], &service)
	for _, name := range project.ServiceNames() {
		f, approval := l.function(project, project.Services[name])
		if approval {
			service.Approvals = append(service.Approvals, "start/"+name)
		}
		service.Functions = append(service.Functions, f)
	}
	for i := range service.Functions {
		l.inactive(project, &service.Functions[i])
	}
	if service.ProbeImage == "" && slices.ContainsFunc(service.Functions, func(f spec.Function) bool { return len(f.Consumes) > 0 }) {
		// As the specifications of this repository name it; without connections nothing is proven.
		registry, version := cmp.Or(l.env["OVERCLOUD_REGISTRY"], "127.0.0.1:5000"), cmp.Or(l.env["OVERCLOUD_VERSION"], "dev")
		service.ProbeImage = registry + "/overcloud/probe:" + version
	}
	return service
}

// secret makes the reference and sees whether there is something behind it. The value itself is not read.
func (l *loader) secret(key string, s types.SecretConfig) spec.Secret {
	at := "secrets." + key
	switch {
	case s.File != "":
		if problem := unreadable(s.File); problem != "" {
			l.add(at, "secret %q is the file %s, which %s", key, l.short(s.File), problem)
		}
		return spec.Secret{Name: key, From: "file:" + s.File}
	case s.Environment != "":
		if _, set := l.env[s.Environment]; !set {
			l.add(at, "secret %q is the value of the variable %s, which is not set: set it before you start", key, s.Environment)
		}
		return spec.Secret{Name: key, From: "env:" + s.Environment}
	default:
		return spec.Secret{Name: key}
	}
}

// function converts one active Compose service.
func (l *loader) function(project *types.Project, s types.ServiceConfig) (f spec.Function, approval bool) {
	at := "services." + s.Name
	f = spec.Function{
		Name: s.Name, Image: s.Image, Entrypoint: s.Entrypoint, Command: s.Command,
		Environment: environment(s.Environment), Labels: labels(s.Labels), Replicas: s.GetScale(),
		Restart: s.Restart, Privileged: s.Privileged, Runtime: runtime(s),
	}
	if s.StopGracePeriod != nil {
		f.StopGrace = spec.Duration(*s.StopGracePeriod)
	}
	f.Resources = spec.Resources{
		MemoryBytes: int64(s.MemReservation), LimitCPUs: exact(s.CPUS), LimitMemoryBytes: int64(s.MemLimit),
	}
	if s.Deploy != nil {
		l.deploy(at, s.Deploy, &f)
	}
	if s.Platform != "" {
		f.Constraints = append(f.Constraints, platform(s.Platform)...)
	}
	for _, name := range sortedNames(s.DependsOn) {
		if _, disabled := project.DisabledServices[name]; disabled && !s.DependsOn[name].Required {
			continue
		}
		f.DependsOn = append(f.DependsOn, spec.Dependency{
			Function: name, Condition: cmp.Or(s.DependsOn[name].Condition, types.ServiceConditionStarted),
		})
	}
	l.ports(at, s, &f)
	l.mounts(at, project, s, &f)
	l.joined(at, project, s, &f)
	for _, use := range s.Secrets {
		target := cmp.Or(use.Target, use.Source)
		if !path.IsAbs(target) {
			target = path.Join("/run/secrets", target)
		}
		f.Secrets = append(f.Secrets, spec.SecretUse{Name: use.Source, Target: target})
	}
	for i, d := range s.Devices {
		if d.Target != "" && d.Target != d.Source {
			l.add(fmt.Sprintf("%s.devices[%d]", at, i), "device %s cannot get another name inside: write the one path", d.Source)
		}
		f.Devices = append(f.Devices, d.Source)
	}
	f.Healthcheck = healthcheck(s.HealthCheck)
	approval = l.functionExtension(at+".x-overcloud", s.Extensions["x-overcloud"], project, &f)
	return f, approval
}

func (l *loader) deploy(at string, d *types.DeployConfig, f *spec.Function) {
	if d.Mode != "" && d.Mode != "replicated" {
		l.add(at+".deploy.mode", "mode %q is not supported: write replicas, with max_replicas_per_node: 1 to spread them", d.Mode)
	}
	if r := d.Resources.Reservations; r != nil {
		f.Resources.CPUs, f.Resources.MemoryBytes = exact(r.NanoCPUs.Value()), int64(r.MemoryBytes)
	}
	if r := d.Resources.Limits; r != nil {
		if v := exact(r.NanoCPUs.Value()); v != 0 {
			f.Resources.LimitCPUs = v
		}
		if r.MemoryBytes != 0 {
			f.Resources.LimitMemoryBytes = int64(r.MemoryBytes)
		}
	}
	for _, text := range d.Placement.Constraints {
		f.Constraints = append(f.Constraints, constraint(text))
	}
	f.MaxPerBox = int(min(d.Placement.MaxReplicas, math.MaxInt32))
	f.Spread = l.preferences(at+".deploy.placement.preferences", d.Placement.Preferences)
	f.Update = updateConfig(d.UpdateConfig)
	if d.RestartPolicy != nil && f.Restart == "" {
		f.Restart = map[string]string{"none": "no", "on-failure": "on-failure", "any": "always", "": "always"}[d.RestartPolicy.Condition]
		if f.Restart == "" {
			l.add(at+".deploy.restart_policy.condition", "condition %q is unknown: write none, on-failure or any", d.RestartPolicy.Condition)
		}
	}
}

// constraint splits KEY==VALUE; what cannot be split keeps no operator, which package spec refuses.
func constraint(text string) spec.Constraint {
	for _, op := range []string{"==", "!="} {
		if key, value, ok := strings.Cut(text, op); ok {
			return spec.Constraint{Key: strings.TrimSpace(key), Op: op, Value: strings.TrimSpace(value)}
		}
	}
	return spec.Constraint{Key: text}
}

// platform makes constraints of os/arch[/variant]; the variant is left to the image's manifest.
func platform(text string) []spec.Constraint {
	parts := strings.Split(text, "/")
	constraints := []spec.Constraint{{Key: "node.platform.os", Op: "==", Value: parts[0]}}
	if len(parts) > 1 {
		constraints = append(constraints, spec.Constraint{Key: "node.platform.arch", Op: "==", Value: parts[1]})
	}
	return constraints
}

func (l *loader) ports(at string, s types.ServiceConfig, f *spec.Function) {
	if written, _ := lookup(l.model, []string{"services", s.Name, "ports"}); written != nil {
		if list, ok := written.([]any); !ok || len(list) != len(s.Ports) { // a range became several ports
			l.doc.forget(at + ".ports")
		}
	}
	for i, p := range s.Ports {
		host := 0
		if p.Published != "" {
			n, err := strconv.Atoi(p.Published)
			if err != nil || n < 0 {
				l.add(fmt.Sprintf("%s.ports[%d]", at, i), "published port %q must be one number", p.Published)
			}
			host = n
		}
		f.Ports = append(f.Ports, spec.Port{
			Container: int(p.Target), Host: host, HostIP: p.HostIP, Protocol: cmp.Or(p.Protocol, "tcp"), Mode: l.portMode(at, i, s),
		})
	}
	for i, text := range s.Expose {
		text, _, _ = strings.Cut(text, "/")
		n, err := strconv.Atoi(text)
		if err != nil {
			l.add(fmt.Sprintf("%s.expose[%d]", at, i), "expose %q must be one port number", text)
			continue
		}
		f.Expose = append(f.Expose, n)
	}
}

func (l *loader) mounts(at string, project *types.Project, s types.ServiceConfig, f *spec.Function) {
	for i, v := range s.Volumes {
		m := spec.Mount{Kind: v.Type, Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
		if declared, ok := project.Volumes[v.Source]; v.Type == types.VolumeTypeVolume && ok {
			m.Source = declared.Name
		} else if v.Type == types.VolumeTypeVolume {
			path := fmt.Sprintf("%s.volumes[%d]", at, i)
			if v.Source == "" {
				l.add(path, "the volume at %s has no name: name it and declare it under volumes", v.Target)
			} else {
				l.add(path, "function %q mounts the volume %q, which is not declared%s: add it under volumes",
					s.Name, v.Source, spec.Suggest(v.Source, project.VolumeNames()))
			}
		}
		f.Mounts = append(f.Mounts, m)
	}
}

func (l *loader) joined(at string, project *types.Project, s types.ServiceConfig, f *spec.Function) {
	for _, key := range sortedNames(s.Networks) {
		declared, ok := project.Networks[key]
		if !ok {
			l.add(at+".networks."+key, "function %q joins the network %q, which is not declared%s: add it under networks",
				s.Name, key, spec.Suggest(key, project.NetworkNames()))
			continue
		}
		f.Networks = append(f.Networks, declared.Name)
	}
}

func healthcheck(h *types.HealthCheckConfig) *spec.Healthcheck {
	if h == nil {
		return nil
	}
	if h.Disable {
		return &spec.Healthcheck{Test: []string{"NONE"}}
	}
	check := &spec.Healthcheck{Test: h.Test}
	for _, d := range []struct {
		from *types.Duration
		to   *spec.Duration
	}{{h.Interval, &check.Interval}, {h.Timeout, &check.Timeout}, {h.StartPeriod, &check.StartPeriod}, {h.StartInterval, &check.StartInterval}} {
		if d.from != nil {
			*d.to = spec.Duration(*d.from)
		}
	}
	if h.Retries != nil {
		check.Retries = int(min(*h.Retries, math.MaxInt32))
	}
	return check
}

// environment leaves out what has no value anywhere, as Compose does.
func environment(m types.MappingWithEquals) []spec.Variable {
	var all []spec.Variable
	for _, name := range sortedNames(m) {
		if value := m[name]; value != nil {
			all = append(all, spec.Variable{Name: name, Value: *value})
		}
	}
	return all
}

func labels(m types.Labels) []spec.Variable {
	var all []spec.Variable
	for _, name := range sortedNames(m) {
		all = append(all, spec.Variable{Name: name, Value: m[name]})
	}
	return all
}

// exact is the decimal number that a person wrote before compose-go made it a float32: 0.1, not 0.10000000149.
func exact(n float32) float64 {
	value, err := strconv.ParseFloat(strconv.FormatFloat(float64(n), 'f', -1, 32), 64)
	if err != nil {
		return float64(n)
	}
	return value
}

// portMode reads the mode of a port. The short syntax has none, for which compose-go says ingress: on plain
// engines there is only one way to publish, and in a swarm the boxes that run the function publish it.
func (l *loader) portMode(at string, index int, s types.ServiceConfig) string {
	written, _ := lookup(l.model, []string{"services", s.Name, "ports", strconv.Itoa(index)})
	long, ok := written.(map[string]any)
	if !ok {
		return ""
	}
	mode, _ := long["mode"].(string)
	if mode != "" && mode != "host" && mode != "ingress" {
		l.add(fmt.Sprintf("%s.ports[%d].mode", at, index), "mode %q is unknown: write host or ingress", mode)
	}
	return mode
}
