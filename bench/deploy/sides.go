package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	docker "github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/spec"
	client "github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// compare runs both sides on the same images, in turns who goes first, and cleans up after each.
func compare(ctx context.Context, place *lab.Lab, c *client.Client, o options, round int) (durable, direct time.Duration, err error) {
	service := spec.Service{
		Name: fmt.Sprintf("bench%d", round), Orchestrator: spec.OrchestratorEngine, Boxes: place.Boxes(),
		Networks:   []string{"bench"},
		Registries: []spec.Registry{{Host: place.Registry().Host(), CA: place.CAFile()}},
	}
	var images []lab.Image
	for i := range o.images {
		made, err := place.PushTestImage(ctx, lab.TestImage{Name: fmt.Sprintf("app%d", i), Tag: fmt.Sprint(round), Bytes: o.bytes, Layers: 2})
		if err != nil {
			return 0, 0, err
		}
		images = append(images, made)
		f := spec.Function{
			Name: fmt.Sprintf("app%d", i), Image: place.Registry().Ref(made), Command: []string{"serve"},
			Replicas: len(service.Boxes), MaxPerBox: 1, Networks: []string{"bench"},
		}
		if o.once {
			box := service.Boxes[i%len(service.Boxes)].Name
			f.Replicas, f.Constraints = 1, []spec.Constraint{{Key: "node.hostname", Op: "==", Value: box}}
		}
		service.Functions = append(service.Functions, f)
	}
	sides := []func() error{
		func() (err error) { durable, err = byWorkflows(ctx, c, service, o.steps); return err },
		func() (err error) { direct, err = directly(ctx, place, service, images); return err },
	}
	for i := range sides {
		if err := sides[(i+round)%len(sides)](); err != nil {
			return 0, 0, err
		}
		if err := clean(ctx, service.Boxes); err != nil {
			return 0, 0, err
		}
	}
	return durable, direct, nil
}

// byWorkflows applies the service and waits until it runs; taking it down is not counted.
func byWorkflows(ctx context.Context, c *client.Client, service spec.Service, steps bool) (time.Duration, error) {
	began := time.Now()
	if _, err := c.Apply(ctx, workflows.ApplyRequest{Service: service, Who: "bench"}); err != nil {
		return 0, err
	}
	for {
		status, err := c.Status(ctx, service.Name)
		switch {
		case err != nil:
			return 0, err
		case status.Phase == workflows.PhaseFailed:
			return 0, errors.New(status.Fault)
		case status.Phase == workflows.PhaseTuning:
			// By the workflow's own clock, which is this machine's: asking often enough to measure would cost more
			// than what is measured.
			took := status.Since.Sub(began)
			if steps {
				tell(status, began)
			}
			_, err := c.Down(ctx, service.Name, workflows.DownRequest{Who: "bench"})
			return took, err
		}
		time.Sleep(time.Second)
	}
}

// directly makes the same pulls and runs through the API, all at once, and looks until each container runs.
func directly(ctx context.Context, place *lab.Lab, service spec.Service, images []lab.Image) (time.Duration, error) {
	engines := map[string]*docker.Client{}
	for _, box := range service.Boxes {
		engine, err := open(box)
		if err != nil {
			return 0, err
		}
		defer engine.Close() //nolint:errcheck // the process ends soon
		engines[box.Name] = engine
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, engine := range engines {
		if _, err := engine.NetworkCreate(ctx, "bench", network.CreateOptions{}); err != nil {
			return 0, err
		}
	}
	for i, f := range service.Functions {
		for name, engine := range engines {
			if len(f.Constraints) > 0 && f.Constraints[0].Value != name {
				continue
			}
			ref := place.Registry().Host() + "/" + images[i].Repository + "@" + images[i].Digest
			group.Go(func() error { return one(ctx, engine, f, ref) })
		}
	}
	err := group.Wait()
	return time.Since(began), err
}

func one(ctx context.Context, engine *docker.Client, f spec.Function, ref string) error {
	stream, err := engine.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer stream.Close()
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return err
	}
	made, err := engine.ContainerCreate(ctx, &container.Config{Image: ref, Cmd: f.Command},
		&container.HostConfig{NetworkMode: "bench"}, nil, nil, f.Name)
	if err != nil {
		return err
	}
	if err := engine.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return err
	}
	seen, err := engine.ContainerInspect(ctx, made.ID)
	if err == nil && !seen.State.Running {
		err = fmt.Errorf("%s is %s", f.Name, seen.State.Status)
	}
	return err
}

// clean empties the boxes.
func clean(ctx context.Context, boxes []spec.Box) error {
	for _, box := range boxes {
		engine, err := open(box)
		if err != nil {
			return err
		}
		defer engine.Close() //nolint:errcheck // the process ends soon
		all, err := engine.ContainerList(ctx, container.ListOptions{All: true})
		if err != nil {
			return err
		}
		for _, c := range all {
			if err := engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true}); err != nil {
				return err
			}
		}
		if _, err := engine.ImagesPrune(ctx, filters.NewArgs(filters.Arg("dangling", "false"))); err != nil {
			return err
		}
		if _, err := engine.NetworksPrune(ctx, filters.Args{}); err != nil {
			return err
		}
	}
	return nil
}

func open(box spec.Box) (*docker.Client, error) {
	return docker.NewClientWithOpts(docker.WithHost(box.Engine), docker.WithAPIVersionNegotiation(),
		docker.WithTLSClientConfig(filepath.Join(box.TLS, "ca.pem"), filepath.Join(box.TLS, "cert.pem"), filepath.Join(box.TLS, "key.pem")))
}

// tell prints when each step began and ended, in seconds after the apply.
func tell(status workflows.Status, began time.Time) {
	for _, step := range status.Steps {
		fmt.Printf("  %6.2f %6.2f  %s\n", step.Started.Sub(began).Seconds(), step.Ended.Sub(began).Seconds(), step.Title)
	}
}
