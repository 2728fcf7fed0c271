package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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

// heard is the line that the probe image prints; see functions/probe.
type heard struct {
	Connected bool    `json:"connected"`
	Address   string  `json:"address"`
	Millis    float64 `json:"ms"`
	Fault     string  `json:"fault"`
}

// Dial implements activities.Engine: a helper container in the consumer's network namespace connects, so
// names, routes and firewalls are the consumer's own. The helper goes again whatever happens.
func (e *Engine) Dial(ctx context.Context, dial activities.Dial) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, dial.Timeout+dialSlack)
	defer cancel()
	ref := cmp.Or(dial.Image, e.options.ProbeImage)
	if ref == "" {
		return 0, fmt.Errorf("no probe image is set, so no connection can be proven: %w", fault.ErrInvalid)
	}
	if err := e.bring(ctx, ref); err != nil {
		return 0, err
	}
	e.sweepHelpers(ctx, dial.Service)
	made, err := e.api.ContainerCreate(ctx, &container.Config{
		Image: ref, Cmd: []string{dial.Address, dial.Timeout.String()},
		Labels: map[string]string{LabelService: dial.Service, LabelHelper: HelperProbe},
	}, &container.HostConfig{NetworkMode: container.NetworkMode("container:" + dial.Container)}, nil, nil, "")
	if err != nil {
		return 0, classify(ctx, err)
	}
	defer e.drop(ctx, made.ID)
	if err := e.api.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		if ctx.Err() == nil && !unreachable(err) {
			return 0, told("cannot look from inside "+dial.Container+": "+words(err), fault.ErrNotConnected)
		}
		return 0, classify(ctx, err)
	}
	if err := e.ended(ctx, made.ID); err != nil {
		return 0, err
	}
	var out, faults bytes.Buffer
	if err := e.logs(ctx, made.ID, "all", &out, &faults); err != nil {
		return 0, err
	}
	return understand(out.String(), faults.String())
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

// understand reads a helper's last line.
func understand(out, faults string) (time.Duration, error) {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var said heard
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil {
		return 0, told(fmt.Sprintf("the probe said %q", strings.TrimSpace(out+faults)), fault.ErrNotConnected)
	}
	if !said.Connected {
		return 0, told(cmp.Or(said.Fault, "the probe gave no reason"), fault.ErrNotConnected)
	}
	return time.Duration(said.Millis * float64(time.Millisecond)), nil
}

// drop removes a helper. What cannot be removed now a later Dial or Sweep finds by its label.
func (e *Engine) drop(ctx context.Context, id string) {
	tidy, cancel := lasting(ctx)
	defer cancel()
	_ = e.api.ContainerRemove(tidy, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
}

// sweepHelpers removes helpers that a worker left behind when it died. It is no part of the dialling, so
// what goes wrong here is left to the next one.
func (e *Engine) sweepHelpers(ctx context.Context, service string) {
	match := ofService(service)
	match.Add("label", LabelHelper)
	old, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return
	}
	for _, one := range old {
		if time.Since(time.Unix(one.Created, 0)) > helperAge {
			e.drop(ctx, one.ID)
		}
	}
}
