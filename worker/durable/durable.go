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
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/registry"
	"github.com/overcloud/overcloud/internal/secret"
	"github.com/overcloud/overcloud/internal/ssh"
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
	// Influx, where it has a URL, is the InfluxDB whose readings are rolled up, whatever a service's placement says; its
	// Token alone is for services that give no secret.
	Influx influx.Config
	Log    *slog.Logger
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
	if err := client.EnsureAttributes(ctx); err != nil {
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
	failed := make(chan error, 2) // one of each worker
	options.OnFatalError = func(err error) { failed <- err }
	w := worker.New(client.SDK(), workflows.TaskQueue, options)
	workflows.Register(w)
	watch := worker.New(client.SDK(), workflows.WatchQueue, watchOptions(options))
	register(w, watch, config, client, producer, streams)
	if err := watch.Start(); err != nil {
		return fmt.Errorf("start the worker of task queue %s: %w", workflows.WatchQueue, err)
	}
	defer watch.Stop()
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
func register(w, watch worker.Worker, config Config, client *temporal.Client, producer *kafka.Producer, streams kafka.Config) {
	secrets, images := secret.Resolver{LookupEnv: os.LookupEnv}, registry.New()
	hosts := ssh.New(ssh.Options{Getenv: os.Getenv, Log: config.Log})
	engines := docker.NewEngines(docker.Options{ProbeImage: config.ProbeImage, DialSSH: hosts.DialEngine})
	w.RegisterActivity(&activities.Boxes{
		Engines: engines, Secrets: secrets, Registry: images,
		// A look at a container is one request on loopback or a LAN: often enough not to add to a start.
		Every: 100 * time.Millisecond,
		// A program that cannot start (no such file, a wrong flag) ends within some 100 ms. What ends later is
		// found by the next reconcile, and in an update by its monitor.
		Settle: 300 * time.Millisecond,
	})
	w.RegisterActivity(&activities.Shedding{Switches: engines, Shells: hosts})
	w.RegisterActivity(&activities.Swarm{Nodes: engines, Engines: engines, Secrets: secrets})
	w.RegisterActivity(&activities.Doctor{Engines: engines, Shells: hosts, Secrets: secrets})
	w.RegisterActivity(&activities.Images{Registry: images, Secrets: secrets})
	w.RegisterActivity(&activities.Cooling{Streams: kafka.Streams{Producer: producer}})
	w.RegisterActivity(&activities.Schedules{Schedules: temporal.Schedules{Client: client}})
	w.RegisterActivity(&activities.Runs{Runs: temporal.Runs{Client: client}})
	w.RegisterActivity(&activities.History{Archives: archives{config.Influx}, Secrets: secrets})
	w.RegisterActivity(&activities.Prune{Engines: engines, Services: temporal.Services{Client: client}})
	views := &activities.Views{
		Glasses: engines, Placements: temporal.Services{Client: client}, Secrets: secrets, Logs: kafka.Streams{Producer: producer},
	}
	w.RegisterActivity(views)     // looks
	watch.RegisterActivity(views) // and what follows logs
	watch.RegisterActivity(&activities.Loads{Meters: engines, Backlogs: kafka.Lags{Config: streams}})
}

// watchOptions are those of the worker that watches functions: activities that mostly sleep, for months, so it has as
// many places as the SDK gives by default and heartbeats, which carry all that was measured, no more often than a
// cancellation must be heard.
func watchOptions(options worker.Options) worker.Options {
	options.MaxConcurrentActivityExecutionSize = 0 // the SDK's 1000
	options.MaxHeartbeatThrottleInterval = 2 * time.Second
	options.DisableWorkflowWorker = true
	return options
}
