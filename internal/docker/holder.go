package docker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// holder adds to an error of a taken port who has it. Any other error stays as it is.
func (e *Engine) holder(ctx context.Context, p plan.Placement, err error) error {
	if !errors.Is(err, fault.ErrPortTaken) {
		return err
	}
	all, looked := e.api.ContainerList(ctx, container.ListOptions{})
	if looked != nil {
		return err
	}
	for _, one := range all {
		for _, held := range one.Ports {
			for _, wanted := range p.Ports {
				if wanted.Host == 0 || wanted.Host != int(held.PublicPort) || one.Labels[LabelService] != "" && nameOf(one) == p.Container {
					continue
				}
				return fmt.Errorf("port %d of %s is held by container %s%s: %w", wanted.Host, e.box.Name, nameOf(one), serviceOf(one), fault.ErrPortTaken)
			}
		}
	}
	var wanted []string
	for _, port := range p.Ports {
		if port.Host != 0 {
			wanted = append(wanted, strconv.Itoa(port.Host))
		}
	}
	return fmt.Errorf("port %s of %s is published by no container, so a program of the box itself has it: %w",
		strings.Join(wanted, " or "), e.box.Name, fault.ErrPortTaken)
}

func serviceOf(one container.Summary) string {
	if service := one.Labels[LabelService]; service != "" {
		return " of service " + service
	}
	return ", which is not ours"
}
