package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// startForwarder makes a forwarder and starts it. Its engine starts it again after a boot and after a crash.
func (e *Engine) startForwarder(ctx context.Context, service string, one forwarder, image string, p plan.Placement) error {
	if image == "" {
		return fmt.Errorf("no probe image is set, so no port can be passed on: %w", fault.ErrInvalid)
	}
	if err := e.bring(ctx, image); err != nil {
		return err
	}
	config := &container.Config{
		Image: image, Cmd: append([]string{"forward"}, one.passages...), Labels: map[string]string{
			LabelService: service, LabelFunction: p.Function, LabelReplica: strconv.Itoa(p.Replica),
			LabelHelper: HelperForward, LabelForwards: one.hash,
		},
	}
	host := &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyUnlessStopped}}
	var joined *network.NetworkingConfig
	if one.consumer != "" {
		config.Labels[LabelConsumer] = one.consumer
		host.NetworkMode = container.NetworkMode("container:" + one.consumer)
	} else {
		host.NetworkMode = container.NetworkMode(p.Networks[0])
		joined = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			p.Networks[0]: {Aliases: []string{one.alias}},
		}}
	}
	made, err := e.api.ContainerCreate(ctx, config, host, joined, nil, one.name)
	if errdefs.IsConflict(err) {
		return e.forwarderNameTaken(ctx, service, one.name, err)
	}
	if err != nil {
		return err
	}
	if err := e.beginForwarder(ctx, made.ID, one, p); err != nil {
		e.drop(ctx, made.ID)
		if unreachable(err) || ctx.Err() != nil {
			return err
		}
		if errors.Is(err, fault.ErrRejected) {
			return err
		}
		return told("pass on ports to "+p.Container+": "+words(err), fault.ErrRejected)
	}
	return nil
}

// beginForwarder joins a new forwarder to its other networks and starts it.
func (e *Engine) beginForwarder(ctx context.Context, id string, one forwarder, p plan.Placement) error {
	if one.consumer == "" {
		for _, name := range p.Networks[1:] {
			if err := e.api.NetworkConnect(ctx, name, id, &network.EndpointSettings{Aliases: []string{one.alias}}); err != nil {
				return fmt.Errorf("join network %s: %w", name, err)
			}
		}
	}
	if err := e.api.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return err
	}
	return e.listening(ctx, id)
}

// listening waits until a forwarder has its ports, which it says in its log: one that cannot have them (its consumer
// listens there itself, in the namespace that they share) must not be taken for a way to the provider.
func (e *Engine) listening(ctx context.Context, id string) error {
	const patience, pause = 10 * time.Second, 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		said, err := e.Logs(ctx, id, 5)
		if err != nil {
			return err
		}
		if strings.Contains(said, " goes to ") {
			return nil
		}
		if strings.Contains(said, "probe: ") || time.Now().After(deadline) {
			return fmt.Errorf("its forwarder does not listen: %s: %w", cmp.Or(said, "it says nothing"), fault.ErrRejected)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// forwarderNameTaken says who has a forwarder's name. For one of our own, which somebody else has just made, the
// conflict is handed back for another look.
func (e *Engine) forwarderNameTaken(ctx context.Context, service, name string, conflict error) error {
	holder, err := e.api.ContainerInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return conflict
	}
	if err != nil {
		return err
	}
	if holder.Config != nil && holder.Config.Labels[LabelService] == service {
		return conflict
	}
	return fmt.Errorf("the name %s is taken by a container that is not of service %s: remove or rename it: %w", name, service, fault.ErrRejected)
}

// removeForwarders removes the helpers that pass on ports to a container that goes: those in its namespace, and those
// beside it when no other container of its replica is left.
func (e *Engine) removeForwarders(ctx context.Context, gone container.InspectResponse) error {
	service, function, replica := gone.Config.Labels[LabelService], gone.Config.Labels[LabelFunction], gone.Config.Labels[LabelReplica]
	if service == "" || function == "" {
		return nil
	}
	helpers, err := e.forwarders(ctx, service, function, replica)
	if err != nil || len(helpers) == 0 {
		return classify(ctx, err)
	}
	match := ofService(service)
	match.Add("label", LabelFunction+"="+function)
	match.Add("label", LabelReplica+"="+replica)
	all, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return classify(ctx, err)
	}
	others := 0
	for _, one := range all {
		if one.ID != gone.ID && one.Labels[LabelHelper] == "" {
			others++
		}
	}
	for _, helper := range helpers {
		if consumer := helper.Labels[LabelConsumer]; consumer == gone.ID || consumer == "" && others == 0 {
			if err := e.take(ctx, helper.ID, true); err != nil {
				return err
			}
		}
	}
	return nil
}
