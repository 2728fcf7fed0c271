package docker

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/go-connections/nat"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// translate turns a placement into what the engine is asked for. Only the first network is asked for here:
// engines before API 1.44 take one.
func translate(service string, p plan.Placement) (*container.Config, *container.HostConfig, *network.NetworkingConfig) {
	exposed, bound := ports(p.Ports)
	config := &container.Config{
		Image: p.Image, Entrypoint: p.Entrypoint, Cmd: p.Command, Labels: labels(service, p),
		ExposedPorts: exposed, Healthcheck: health(p.Healthcheck),
	}
	for _, variable := range p.Environment {
		config.Env = append(config.Env, variable.Name+"="+variable.Value)
	}
	if p.StopGrace > 0 {
		seconds := int((p.StopGrace.D() + time.Second - 1) / time.Second)
		config.StopTimeout = &seconds
	}
	host := &container.HostConfig{
		PortBindings: bound, RestartPolicy: restart(p.Restart), ExtraHosts: extraHosts(p), Privileged: p.Privileged,
		Mounts: mounts(p.Mounts),
		Resources: container.Resources{
			NanoCPUs: int64(p.Resources.LimitCPUs * 1e9), Memory: p.Resources.LimitMemoryBytes,
			MemoryReservation: reservation(p.Resources), Devices: devices(p.Devices),
		},
	}
	run(p.Runtime, config, host)
	if len(p.Networks) == 0 {
		return config, host, nil
	}
	first := p.Networks[0]
	host.NetworkMode = container.NetworkMode(first)
	return config, host, &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		first: {Aliases: []string{p.Function}},
	}}
}

// suit leaves out what an engine's API is too old for and can do without. The version is known by now: a
// container is created after the box was looked at.
func suit(config *container.Config, api string) {
	if config.Healthcheck != nil && versions.LessThan(api, "1.44") {
		config.Healthcheck.StartInterval = 0 // it probes each Interval from the beginning
	}
}

// reservation is the soft memory limit; engines refuse one above the hard limit.
func reservation(r spec.Resources) int64 {
	if r.LimitMemoryBytes > 0 {
		return min(r.MemoryBytes, r.LimitMemoryBytes)
	}
	return r.MemoryBytes
}

func ports(wanted []spec.Port) (nat.PortSet, nat.PortMap) {
	exposed, bound := nat.PortSet{}, nat.PortMap{}
	for _, port := range wanted {
		protocol := port.Protocol
		if protocol == "" {
			protocol = "tcp"
		}
		inside := nat.Port(fmt.Sprintf("%d/%s", port.Container, protocol))
		exposed[inside] = struct{}{}
		outside := nat.PortBinding{HostIP: port.HostIP}
		if port.Host != 0 {
			outside.HostPort = fmt.Sprint(port.Host)
		}
		bound[inside] = append(bound[inside], outside)
	}
	return exposed, bound
}

func health(check *spec.Healthcheck) *container.HealthConfig {
	if check == nil {
		return nil
	}
	return &container.HealthConfig{
		Test: check.Test, Interval: check.Interval.D(), Timeout: check.Timeout.D(),
		StartPeriod: check.StartPeriod.D(), StartInterval: check.StartInterval.D(), Retries: check.Retries,
	}
}

// restart reads Compose's spelling, in which on-failure may carry a count: "on-failure:3".
func restart(policy string) container.RestartPolicy {
	name, count, _ := strings.Cut(policy, ":")
	if name == "" {
		name = string(container.RestartPolicyDisabled)
	}
	return container.RestartPolicy{Name: container.RestartPolicyMode(name), MaximumRetryCount: number(count)}
}

func mounts(wanted []spec.Mount) []mount.Mount {
	var all []mount.Mount
	for _, one := range wanted {
		kind := mount.TypeVolume
		if one.Kind == "bind" {
			kind = mount.TypeBind
		}
		all = append(all, mount.Mount{Type: kind, Source: one.Source, Target: one.Target, ReadOnly: one.ReadOnly})
	}
	return all
}

// devices reads HOST[:CONTAINER[:rwm]].
func devices(wanted []string) []container.DeviceMapping {
	var all []container.DeviceMapping
	for _, one := range wanted {
		parts := strings.Split(one, ":")
		device := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
		if len(parts) > 1 && parts[1] != "" {
			device.PathInContainer = parts[1]
		}
		if len(parts) > 2 && parts[2] != "" {
			device.CgroupPermissions = parts[2]
		}
		all = append(all, device)
	}
	return all
}
