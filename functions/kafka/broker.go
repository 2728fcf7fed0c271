package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// broker is the running embedded broker.
type broker struct {
	cluster    *kfake.Cluster
	advertised string
	probe      *kgo.Client // for the health check
	closing    sync.Once
}

// retentionEvery is how often old records go; kfake does it by itself only for topics with settings of their own.
const retentionEvery = 10 * time.Minute

func open(cfg config) (*broker, error) {
	if err := os.MkdirAll(cfg.data, 0o750); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.listen) //nolint:noctx // it listens as long as the process lives
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: %w", cfg.listen, fault.ErrPortTaken, err)
	}
	listening := listener.Addr().String()
	b := &broker{advertised: cfg.advertised}
	if b.advertised == "" {
		b.advertised = listening
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.DataDir(cfg.data), kfake.SyncWrites(), kfake.WithLogger(quiet{}),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return elsewhere{listener, address(b.advertised)}, nil }),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.ms":    strconv.FormatInt(cfg.retention.Milliseconds(), 10),
			"log.retention.bytes": strconv.Itoa(cfg.retentionBytes),
		}),
	}
	for topic, partitions := range wire.Topics() {
		options = append(options, kfake.SeedTopics(partitions, topic))
	}
	if b.cluster, err = kfake.NewCluster(options...); err != nil {
		return nil, errors.Join(fmt.Errorf("open the broker on %s: %w", cfg.data, err), listener.Close())
	}
	stampArrival(b.cluster)
	// The health check asks where we listen: the advertised address may lie behind a proxy that is not up yet.
	if b.probe, err = kgo.NewClient(kgo.SeedBrokers(listening), kgo.ClientID("health")); err != nil {
		b.cluster.Close()
		return nil, fmt.Errorf("make the client of the health check: %w", err)
	}
	return b, nil
}

// check asks the broker for its metadata.
func (b *broker) check() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	answer, err := b.probe.SeedBrokers()[0].Request(ctx, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return nil, fmt.Errorf("ask the broker for its metadata: %w", err)
	}
	detail := struct {
		Kind       string `json:"kind"`
		Advertised string `json:"advertised"`
		Topics     int    `json:"topics"`
	}{"embedded development broker", b.advertised, 0}
	if metadata, ok := answer.(*kmsg.MetadataResponse); ok {
		detail.Topics = len(metadata.Topics)
	}
	return detail, nil
}

func (b *broker) keepRetention(ctx context.Context) {
	ticker := time.NewTicker(retentionEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.cluster.ApplyRetention()
		}
	}
}

func (b *broker) close() {
	b.closing.Do(func() {
		b.probe.Close()
		b.cluster.Close()
	})
}

// elsewhere is a listener that says it is at another address: kfake advertises what its listener says.
type elsewhere struct {
	net.Listener
	addr net.Addr
}

// Addr is the advertised address.
func (e elsewhere) Addr() net.Addr { return e.addr }

// address is host:port as it was written, not resolved.
type address string

// Network is tcp.
func (address) Network() string { return "tcp" }

// String is the address itself.
func (a address) String() string { return string(a) }

// quiet passes kfake's warnings on to the log.
type quiet struct{}

// Logf drops what is below a warning: kfake writes a line for each request.
func (quiet) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		slog.Error("broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		slog.Warn("broker: " + fmt.Sprintf(format, args...))
	default:
	}
}
