// Package durable is the worker's role `workflows`: it runs the workflows and their activities, with the
// adapters that reach the boxes, the registries and the streams.
package durable

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/sdk/worker"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/docker"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/registry"
	"github.com/overcloud/overcloud/internal/secret"
	"github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/workflows"
)

// Config says where everything is.
type Config struct {
	TemporalAddress string // host:port
	Namespace       string // empty is default
	// KafkaBrokers carry commands to the edges. They may come up later: a command waits for them.
	KafkaBrokers []string
	// Kafka, when it names brokers, holds instead of KafkaBrokers: for a cluster with TLS or passwords.
	Kafka kafka.Config
	// ProbeImage proves connections of services that name no probe of their own.
	ProbeImage string
	Log        *slog.Logger
}

// Run works until ctx ends, then lets running activities end for a few seconds. It returns at once with
// ErrUnreachable when Temporal does not answer, so that whoever started it sees why.
func Run(ctx context.Context, config Config) error {
	client, err := temporal.Dial(temporal.Options{
		Address: config.TemporalAddress, Namespace: config.Namespace, Logger: config.Log,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return err
	}
	streams := config.Kafka
	if len(streams.Brokers) == 0 {
		streams = kafka.Config{Brokers: config.KafkaBrokers, ClientID: "workflows"}
	}
	producer, err := kafka.NewProducer(streams)
	if err != nil {
		return err
	}
	defer producer.Close()
	options := workflows.WorkerOptions()
	failed := make(chan error, 1)
	options.OnFatalError = func(err error) { failed <- err }
	w := worker.New(client.SDK(), workflows.TaskQueue, options)
	workflows.Register(w)
	register(w, config, client, producer)
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker of task queue %s: %w", workflows.TaskQueue, err)
	}
	defer w.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("the worker of task queue %s ended: %w", workflows.TaskQueue, err)
	}
}

// register wires each activity struct to its adapter.
func register(w worker.Worker, config Config, client *temporal.Client, producer *kafka.Producer) {
	secrets := secret.Resolver{LookupEnv: os.LookupEnv}
	w.RegisterActivity(&activities.Boxes{
		Engines: docker.NewEngines(docker.Options{ProbeImage: config.ProbeImage}), Secrets: secrets,
		// A look at a container is one request on loopback or a LAN: often enough not to add to a start.
		Every: 100 * time.Millisecond,
	})
	w.RegisterActivity(&activities.Images{Registry: registry.New(credentials)})
	w.RegisterActivity(&activities.Cooling{Streams: kafka.Streams{Producer: producer}})
	w.RegisterActivity(&activities.Schedules{Schedules: temporal.Schedules{Client: client}})
	w.RegisterActivity(&activities.Runs{Runs: temporal.Runs{Client: client}})
}

// credentials reads a registry's credential reference from the worker's own environment: the name of a secret
// in a specification stands for the variable OVERCLOUD_REGISTRY_<name>.
func credentials(_ context.Context, name string) (string, error) {
	value, found := os.LookupEnv("OVERCLOUD_REGISTRY_" + name)
	if !found {
		return "", fmt.Errorf("the worker's environment has no OVERCLOUD_REGISTRY_%s: %w", name, fault.ErrSecret)
	}
	return value, nil
}
