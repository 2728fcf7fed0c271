package box

import (
	"fmt"
	"net"
	"path"
	"strconv"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// check refuses what a process box cannot do and warns of what it does not enforce.
func (b *Box) check(config *api.Config, host *api.HostConfig, image *images.Image) ([]string, error) {
	if len(config.Entrypoint)+len(config.Cmd) == 0 {
		return nil, status.Invalid("no command specified")
	}
	if err := refusals(config, host); err != nil {
		return nil, err
	}
	if err := api.ValidateRestartPolicy(host.RestartPolicy); err != nil {
		return nil, status.Invalid("%v", err)
	}
	if host.AutoRemove && !host.RestartPolicy.IsNone() {
		return nil, status.Invalid("can't create 'AutoRemove' container with restart policy")
	}
	if config.StopSignal != "" {
		if _, err := signalOf(config.StopSignal); err != nil {
			return nil, err
		}
	}
	if config.WorkingDir != "" && !path.IsAbs(config.WorkingDir) {
		return nil, status.Invalid("the working directory '%s' is invalid, it needs to be an absolute path", config.WorkingDir)
	}
	if err := checkHealth(config.Healthcheck, image); err != nil {
		return nil, err
	}
	if err := b.checkSize(host); err != nil {
		return nil, err
	}
	if err := checkPorts(host); err != nil {
		return nil, err
	}
	return warnings(config, host), nil
}

// refusals are the options that would change how a container behaves, were they ignored.
func refusals(config *api.Config, host *api.HostConfig) error {
	for _, option := range []struct {
		set  bool
		what string
	}{
		{host.Privileged, "privileged mode"},
		{len(host.Devices) > 0 || len(host.DeviceRequests) > 0 || len(host.DeviceCgroupRules) > 0, "devices"},
		{!host.PidMode.IsPrivate(), "pid mode " + string(host.PidMode)},
		{host.IpcMode.IsHost() || host.IpcMode.IsContainer(), "ipc mode " + string(host.IpcMode)},
		{host.UTSMode.IsHost(), "uts mode host"},
		{len(host.CapAdd) > 0, "added capabilities"},
		{len(host.Sysctls) > 0, "sysctls"},
		{len(host.VolumesFrom) > 0, "volumes from other containers"},
		{len(host.Links) > 0, "links"},
		{host.VolumeDriver != "" && host.VolumeDriver != "local", "volume driver " + host.VolumeDriver},
		{host.Runtime != "" && host.Runtime != "process", "runtime " + host.Runtime},
		{host.NetworkMode.IsNone() || config.NetworkDisabled, "a container without network"},
		{config.Tty, "a terminal (tty)"},
		{config.OpenStdin, "standard input (interactive)"},
		{host.LogConfig.Type != "" && host.LogConfig.Type != "json-file" && host.LogConfig.Type != "local", "log driver " + host.LogConfig.Type},
	} {
		if option.set {
			return status.Invalid("a process box does not support %s; that takes a Docker engine", option.what)
		}
	}
	return nil
}

// warnings are the options that only protect or bound; the container works the same without them.
func warnings(config *api.Config, host *api.HostConfig) []string {
	list := []string{}
	say := func(set bool, what string) {
		if set {
			list = append(list, "Process box: "+what)
		}
	}
	implied := false
	for _, bindings := range host.PortBindings {
		for _, binding := range bindings {
			implied = implied || binding.HostIP == ""
		}
	}
	readOnly := host.ReadonlyRootfs
	for _, m := range host.Mounts {
		readOnly = readOnly || m.ReadOnly
	}
	say(implied || host.PublishAllPorts, "ports are published on 127.0.0.1, not on all addresses.")
	say(readOnly, "read-only mounts and roots are not enforced.")
	say(host.Memory > 0 || host.NanoCPUs > 0 || host.CPUQuota > 0 || host.CPUShares > 0 || host.CpusetCpus != "" || (host.PidsLimit != nil && *host.PidsLimit > 0),
		"cpu, memory and process limits are recorded, not enforced.")
	say(len(host.CapDrop) > 0 || len(host.SecurityOpt) > 0, "capabilities and security options are not applied.")
	say(config.User != "" && config.User != "0" && config.User != "root", "the user "+config.User+" is ignored; containers run as the box's user.")
	say(len(host.Ulimits) > 0, "ulimits are not applied.")
	say(len(host.DNS)+len(host.DNSSearch)+len(host.DNSOptions) > 0, "the machine's name servers are used.")
	say(len(host.ExtraHosts) > 0, "extra hosts are recorded, not resolvable.")
	say(host.NetworkMode.IsHost() && len(host.PortBindings) > 0, "published ports are discarded when using host network mode.")
	return list
}

func checkHealth(check *api.HealthConfig, image *images.Image) error {
	if check == nil || len(check.Test) == 0 {
		return nil
	}
	switch check.Test[0] {
	case "NONE":
	case "CMD":
		if len(check.Test) < 2 {
			return status.Invalid("healthcheck: CMD needs a command")
		}
	case "CMD-SHELL":
		if _, ok := image.Files["bin/sh"]; !ok {
			if _, err := locate(image.Root(), "/bin/sh"); err != nil {
				return status.Invalid("healthcheck: CMD-SHELL needs /bin/sh, which image %s does not have; use CMD", image.ID[:19])
			}
		}
	default:
		return status.Invalid("healthcheck: %q is not one of NONE, CMD, CMD-SHELL", check.Test[0])
	}
	for name, d := range map[string]int64{
		"Interval": int64(check.Interval), "Timeout": int64(check.Timeout), "StartPeriod": int64(check.StartPeriod), "StartInterval": int64(check.StartInterval),
	} {
		if d != 0 && d < int64(api.MinimumDuration) {
			return status.Invalid("%s in Healthcheck cannot be less than %s", name, api.MinimumDuration)
		}
	}
	if check.Retries < 0 {
		return status.Invalid("Retries in Healthcheck cannot be negative")
	}
	return nil
}

// minMemory is the least memory limit that dockerd takes.
const minMemory = 6 << 20

func (b *Box) checkSize(host *api.HostConfig) error {
	if host.Memory != 0 && host.Memory < minMemory {
		return status.Invalid("Minimum memory limit allowed is 6MB")
	}
	if host.NanoCPUs < 0 || host.NanoCPUs > int64(b.options.CPUs)*1e9 {
		return status.Invalid("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", b.options.CPUs, b.options.CPUs)
	}
	return nil
}

func checkPorts(host *api.HostConfig) error {
	for port, bindings := range host.PortBindings {
		if port.Proto() != "tcp" {
			return status.Invalid("port %s: a process box publishes tcp ports only", port)
		}
		if n, err := strconv.Atoi(port.Port()); err != nil || n < 1 || n > 65535 {
			return status.Invalid("invalid container port %q", port)
		}
		for _, binding := range bindings {
			if ip := net.ParseIP(binding.HostIP); binding.HostIP != "" && (ip == nil || !ip.IsLoopback()) {
				return status.Invalid("port %s: a process box publishes on loopback addresses only, not on %q", port, binding.HostIP)
			}
			if _, _, err := hostPorts(binding); err != nil {
				return status.Invalid("port %s: %v", port, err)
			}
		}
	}
	return nil
}

// hostPorts are the first and last host port that a binding allows; 0 and 0 is any free one.
func hostPorts(binding nat.PortBinding) (first, last int, err error) {
	if binding.HostPort == "" {
		return 0, 0, nil
	}
	low, high, err := nat.ParsePortRangeToInt(binding.HostPort)
	if err != nil {
		return 0, 0, fmt.Errorf("invalid host port %q", binding.HostPort)
	}
	return low, high, nil
}
