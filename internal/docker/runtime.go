package docker

import (
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-units"

	"github.com/overcloud/overcloud/internal/spec"
)

// run tells the engine how a placement's processes run.
func run(r spec.Runtime, config *container.Config, host *container.HostConfig) {
	config.User, config.WorkingDir, config.Hostname = r.User, r.WorkingDir, r.Hostname
	host.GroupAdd, host.CapAdd, host.CapDrop = r.Groups, r.CapAdd, r.CapDrop
	host.SecurityOpt, host.ReadonlyRootfs, host.ShmSize = r.Security, r.ReadOnly, r.ShmBytes
	if r.Init {
		host.Init = &r.Init
	}
	for _, mount := range r.Tmpfs {
		if host.Tmpfs == nil {
			host.Tmpfs = map[string]string{}
		}
		path, options, _ := strings.Cut(mount, ":")
		host.Tmpfs[path] = options
	}
	for _, limit := range r.Ulimits {
		host.Ulimits = append(host.Ulimits, &units.Ulimit{Name: limit.Name, Soft: limit.Soft, Hard: limit.Hard})
	}
	for _, one := range r.Sysctls {
		if host.Sysctls == nil {
			host.Sysctls = map[string]string{}
		}
		host.Sysctls[one.Name] = one.Value
	}
}
