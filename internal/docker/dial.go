package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

const (
	// dialSlack is what making, starting and ending a helper may take besides the connecting.
	dialSlack = 20 * time.Second
	// helperAge is when a helper must be the leaving of a worker that died.
	helperAge = 5 * time.Minute
)

// heard is the line that the probe image prints for each address; see functions/probe.
type heard struct {
	Connected bool    `json:"connected"`
	Millis    float64 `json:"ms"`
	Fault     string  `json:"fault"`
}

// Dial implements activities.Engine: one helper container in the consumer's network namespace makes all the
// connections, so names, routes and firewalls are the consumer's own. The helper goes again whatever happens.
func (e *Engine) Dial(ctx context.Context, dial activities.Dial) ([]activities.Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, dial.Timeout+dialSlack)
	defer cancel()
	ref := cmp.Or(dial.Image, e.options.ProbeImage)
	if ref == "" {
		return nil, fmt.Errorf("no probe image is set, so no connection can be proven: %w", fault.ErrInvalid)
	}
	if err := e.bring(ctx, ref); err != nil {
		return nil, err
	}
	e.sweepHelpers(ctx, dial.Service)
	made, err := e.api.ContainerCreate(ctx, &container.Config{
		Image: ref, Cmd: append(slices.Clone(dial.Addresses), dial.Timeout.String()),
		Labels: map[string]string{LabelService: dial.Service, LabelHelper: HelperProbe},
	}, &container.HostConfig{NetworkMode: container.NetworkMode("container:" + dial.Container)}, nil, nil, "")
	if err != nil {
		return nil, classify(ctx, err)
	}
	defer e.drop(ctx, made.ID)
	if err := e.api.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		if ctx.Err() == nil && !unreachable(err) {
			return nil, told("cannot look from inside "+dial.Container+": "+words(err), fault.ErrNotConnected)
		}
		return nil, classify(ctx, err)
	}
	if err := e.ended(ctx, made.ID); err != nil {
		return nil, err
	}
	var out, faults bytes.Buffer
	if err := e.logs(ctx, made.ID, "all", &out, &faults); err != nil {
		return nil, err
	}
	return understand(dial.Addresses, out.String(), faults.String())
}

// ended waits for a helper's end.
func (e *Engine) ended(ctx context.Context, id string) error {
	done, failed := e.api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case <-done:
		return nil
	case err := <-failed:
		return classify(ctx, err)
	}
}

// understand reads a helper's lines, one for each address.
func understand(addresses []string, out, faults string) ([]activities.Connection, error) {
	var all []activities.Connection
	for line := range strings.Lines(out) {
		var said heard
		if err := json.Unmarshal([]byte(line), &said); err != nil || len(all) == len(addresses) {
			return nil, told(fmt.Sprintf("the probe said %q", strings.TrimSpace(out+faults)), fault.ErrNotConnected)
		}
		one := activities.Connection{Address: addresses[len(all)], Connected: said.Connected, Millis: said.Millis}
		if !one.Connected {
			one.Fault = cmp.Or(said.Fault, "the probe gave no reason")
		}
		all = append(all, one)
	}
	if len(all) != len(addresses) {
		return nil, told(fmt.Sprintf("the probe said %q", strings.TrimSpace(out+faults)), fault.ErrNotConnected)
	}
	return all, nil
}

// drop removes a helper. What cannot be removed now a later Dial or Sweep finds by its label.
func (e *Engine) drop(ctx context.Context, id string) {
	tidy, cancel := lasting(ctx)
	defer cancel()
	_ = e.api.ContainerRemove(tidy, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

// sweepHelpers removes helpers that a worker left behind when it died: old by the engine's clock, which may be far from
// ours. It is no part of the dialling, so what goes wrong here is left to the next one.
func (e *Engine) sweepHelpers(ctx context.Context, service string) {
	match := ofService(service)
	match.Add("label", LabelHelper)
	old, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	old = slices.DeleteFunc(old, func(one container.Summary) bool { return one.Labels[LabelHelper] == HelperForward })
	if err != nil || len(old) == 0 {
		return
	}
	info, err := e.api.Info(ctx)
	if err != nil {
		return
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil {
		return
	}
	for _, one := range old {
		if now.Sub(time.Unix(one.Created, 0)) > helperAge {
			e.drop(ctx, one.ID)
		}
	}
}
