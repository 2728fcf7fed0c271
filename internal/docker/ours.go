package docker

import (
	"context"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// ours are the containers of one placement: the one to keep, if any has its hash, and those to remove.
func (e *Engine) ours(ctx context.Context, service string, p plan.Placement) (keep *container.Summary, others []container.Summary, err error) {
	match := ofService(service)
	match.Add("label", LabelFunction+"="+p.Function)
	match.Add("label", LabelReplica+"="+strconv.Itoa(p.Replica))
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return nil, nil, err
	}
	found = slices.DeleteFunc(found, func(one container.Summary) bool { return one.Labels[LabelHelper] != "" })
	slices.SortFunc(found, func(a, b container.Summary) int { return rank(b, p) - rank(a, p) })
	for i, one := range found {
		if i == 0 && rank(one, p) > 0 {
			keep = &found[0]
			continue
		}
		others = append(others, one)
	}
	return keep, others, nil
}

// rank is how well a container serves a placement; zero is not at all.
func rank(one container.Summary, p plan.Placement) int {
	if one.Labels[LabelSpecHash] != p.SpecHash {
		return 0
	}
	switch one.State {
	case container.StateRunning, container.StateRestarting:
		return 3
	case container.StatePaused:
		return 2
	case container.StateCreated, container.StateExited:
		return 1
	}
	return 0 // dead or being removed
}

// beside says whether a replacement starts while the old one runs: when that is asked for, there is an old one that
// runs, and no host port of it is needed by the new one too.
func beside(p plan.Placement, others []container.Summary) bool {
	if p.Order != spec.OrderStartFirst {
		return false
	}
	running := 0
	for _, other := range others {
		if other.State == container.StateRunning {
			running++
		}
		for _, held := range other.Ports {
			if slices.ContainsFunc(p.Ports, func(w spec.Port) bool { return w.Host > 0 && w.Host == int(held.PublicPort) }) {
				return false
			}
		}
	}
	return running > 0
}
