package box

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-units"
)

func (c *container) serveInspect(w http.ResponseWriter, _ *http.Request) error {
	record := c.copy()
	command := append(append([]string{}, record.Config.Entrypoint...), record.Config.Cmd...)
	answer := api.InspectResponse{
		ContainerJSONBase: &api.ContainerJSONBase{
			ID: record.ID, Created: record.Created.Format(time.RFC3339Nano), Path: command[0], Args: command[1:],
			State: c.state(), Image: record.ImageID, LogPath: c.log.Path(), Name: "/" + record.Name,
			RestartCount: record.State.Restarts, Driver: "process", Platform: "linux",
			ExecIDs: c.execIDs(), HostConfig: record.HostConfig,
		},
		Mounts: append([]api.MountPoint{}, record.Mounts...), Config: record.Config,
		NetworkSettings: &api.NetworkSettings{Networks: c.endpoints(record)},
	}
	answer.GraphDriver.Name = "process"
	answer.GraphDriver.Data = map[string]string{"Root": c.root()}
	answer.NetworkSettings.Ports = c.portMap()
	if record.Address != 0 {
		// Old clients look here and not in Networks.
		answer.NetworkSettings.DefaultNetworkSettings = api.DefaultNetworkSettings{ //nolint:staticcheck // deprecated, and read
			IPAddress: c.box.ip(record.Address), IPPrefixLen: 24, Gateway: c.box.ip(1), //nolint:staticcheck // the same
		}
	}
	return reply(w, http.StatusOK, answer)
}

// state is the container's state as inspect shows it.
func (c *container) state() *api.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.record.State
	shown := &api.State{
		Status: s.Status, Running: c.isLive(), Restarting: s.Status == api.StateRestarting,
		ExitCode: s.ExitCode, Error: s.Error, Health: c.health,
		StartedAt: s.Started.Format(time.RFC3339Nano), FinishedAt: s.Finished.Format(time.RFC3339Nano),
	}
	if s.Status == api.StateRunning {
		shown.Pid = s.Process.PID
	}
	return shown
}

func (c *container) healthNow() *api.Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health
}

// endpoints are the container's networks, with the one address that it has in all of them.
func (c *container) endpoints(record record) map[string]*network.EndpointSettings {
	all := map[string]*network.EndpointSettings{}
	for name, endpoint := range record.Networks {
		shown := endpoint.Copy()
		if record.Address != 0 {
			shown.IPAddress, shown.IPPrefixLen, shown.Gateway = c.box.ip(record.Address), 24, c.box.ip(1)
		}
		all[name] = shown
	}
	return all
}

// summary is the container's line of `docker ps`.
func (c *container) summary() api.Summary {
	record := c.copy()
	command := append(append([]string{}, record.Config.Entrypoint...), record.Config.Cmd...)
	summary := api.Summary{
		ID: record.ID, Names: []string{"/" + record.Name}, Image: record.Config.Image, ImageID: record.ImageID,
		Command: strings.Join(command, " "), Created: record.Created.Unix(), Ports: c.portList(), Labels: record.Config.Labels,
		State: record.State.Status, Status: c.statusText(record.State), Mounts: append([]api.MountPoint{}, record.Mounts...),
		NetworkSettings: &api.NetworkSettingsSummary{Networks: c.endpoints(record)},
	}
	summary.HostConfig.NetworkMode = string(record.HostConfig.NetworkMode)
	return summary
}

// statusText is the state in words: "Up 5 seconds (healthy)".
func (c *container) statusText(s state) string {
	since := func(t time.Time) string { return units.HumanDuration(time.Since(t)) }
	switch s.Status {
	case api.StateRunning:
		text := "Up " + since(s.Started)
		if health := c.healthNow(); health != nil {
			if health.Status == api.Starting {
				return text + " (health: starting)"
			}
			return text + " (" + health.Status + ")"
		}
		return text
	case api.StateRestarting:
		return fmt.Sprintf("Restarting (%d) %s ago", s.ExitCode, since(s.Finished))
	case api.StateExited:
		return fmt.Sprintf("Exited (%d) %s ago", s.ExitCode, since(s.Finished))
	case api.StateRemoving:
		return "Removal In Progress"
	}
	return "Created"
}
