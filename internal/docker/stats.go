package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

var _ activities.Meters = (*Engines)(nil)

// Usages implements activities.Meters: GET /containers/{id}/stats of each running container of the function, all at
// once and in one shot (the second look that an engine would else take a second later is the caller's).
func (e *Engines) Usages(ctx context.Context, box spec.Box, service, function string) ([]activities.Usage, error) {
	opened, err := e.Open(box)
	if err != nil {
		return nil, err
	}
	engine, ours := opened.(*Engine)
	if !ours {
		return nil, fmt.Errorf("statistics of %s: its engine gives none", box.Name)
	}
	match := ofService(service)
	match.Add("label", LabelFunction+"="+function)
	match.Add("status", container.StateRunning)
	found, err := engine.api.ContainerList(ctx, container.ListOptions{Filters: match})
	if err != nil {
		return nil, classify(ctx, err)
	}
	answers := make([]*activities.Usage, len(found))
	var all sync.WaitGroup
	for i, one := range found {
		if one.Labels[LabelHelper] != "" {
			continue
		}
		all.Go(func() { answers[i] = engine.usage(ctx, one.ID) })
	}
	all.Wait()
	var usages []activities.Usage
	for _, answer := range answers {
		if answer != nil {
			usages = append(usages, *answer)
		}
	}
	return usages, nil
}

// usage is one container's; nil when it cannot be told, as when it has just gone.
func (e *Engine) usage(ctx context.Context, id string) *activities.Usage {
	answer, err := e.api.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	var said container.StatsResponse
	if json.NewDecoder(answer.Body).Decode(&said) != nil || said.Read.IsZero() {
		return nil
	}
	if said.CPUStats.CPUUsage.TotalUsage == 0 && said.MemoryStats.Usage == 0 {
		return nil // so an engine answers for a container that has just ended
	}
	return &activities.Usage{
		Container: id, At: said.Read, CPU: time.Duration(said.CPUStats.CPUUsage.TotalUsage),
		MemoryBytes: held(said.MemoryStats), LimitBytes: int64(said.MemoryStats.Limit),
	}
}

// held is the memory in use without the file cache that nobody has touched lately, as `docker stats` shows it
// (docker/cli, calculateMemUsageUnixNoCache): total_inactive_file of cgroup v1, inactive_file of v2.
func held(memory container.MemoryStats) int64 {
	cache, v1 := memory.Stats["total_inactive_file"]
	if !v1 {
		cache = memory.Stats["inactive_file"]
	}
	if cache < memory.Usage {
		return int64(memory.Usage - cache)
	}
	return int64(memory.Usage)
}
