// Package kafka carries records to and from a Kafka cluster: an idempotent Producer, a Group that commits
// only what was processed, and a Tail that follows whole topics without a group. What the records say is
// package wire's business; only Streams, at the edge between the two, knows both.
//
// Nothing here dials when it is made, and a broker that is away is waited for until the context ends.
package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/overcloud/overcloud/internal/fault"
)

// Config says where the cluster is and who we are to it.
type Config struct {
	Brokers  []string // host:port; at least one
	ClientID string   // shows in the broker's logs and quotas
	// TLS, when set, encrypts every connection.
	TLS *tls.Config
	// User and Password, when set, authenticate by SCRAM-SHA-512, or by PLAIN where Mechanism says so.
	User, Password string
	Mechanism      string // "" or "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"
	// Log hears of what cost data or time but failed no call; nil is slog's default.
	Log *slog.Logger
	// Frugal is for a small computer on a thin line: its clients ask rarely while nothing comes, and keep little memory.
	// What comes, comes as soon. They notice a broker that vanished without a word only after half a minute.
	Frugal bool
	// Prefix begins the name of every topic and consumer group at the broker, so that several share a cluster. Only
	// this package knows of it: a Record's Topic is without.
	Prefix string
	// Replicas is how many brokers keep each record of a topic that is made; 0 is as many as there are, up to 3.
	Replicas int16
	// Pulse, when set, knows from then on whether the cluster answers.
	Pulse *Pulse
}

// Record is one Kafka record. Time is the broker's time when it was consumed, and the create time when it is
// produced (zero means now). Key may be nil; a nil Value is a tombstone.
type Record struct {
	Topic      string
	Key, Value []byte
	Time       time.Time
	Headers    map[string]string
	Partition  int32
	Offset     int64
}

// The client's patience. A broker of ours is back within seconds of a restart, and someone waits for what the
// edge has to say, so the back-off stays short and topics that were missing are looked for often.
const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 2 * time.Second
	metadataMin  = 250 * time.Millisecond
	metadataMax  = 15 * time.Second
	dialTimeout  = 5 * time.Second
	// One answer of a fetch. A reading of 40 bytes becomes a record of 400, and the next answer is fetched meanwhile:
	// with 8 MiB the sink took 130 MiB for a backlog, with 512 KiB it is no slower.
	fetchMaxBytes          = 512 << 10
	fetchMaxPartitionBytes = 256 << 10
	fetchMaxWait           = 500 * time.Millisecond
	pollMost               = 5_000
)

func (c Config) client(extra ...kgo.Opt) (*kgo.Client, error) {
	if len(c.Brokers) == 0 {
		return nil, fmt.Errorf("%w: no Kafka broker is given (KAFKA_BROKERS=host:port,…)", fault.ErrInvalid)
	}
	for _, broker := range c.Brokers {
		if host, port, err := net.SplitHostPort(broker); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%w: Kafka broker %q is not host:port", fault.ErrInvalid, broker)
		}
	}
	if err := c.CheckPrefix(); err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.RetryBackoffFn(backoff), kgo.DialTimeout(dialTimeout),
		kgo.MetadataMinAge(metadataMin), kgo.MetadataMaxAge(metadataMax),
		kgo.FetchMaxBytes(fetchMaxBytes), kgo.FetchMaxPartitionBytes(fetchMaxPartitionBytes), kgo.FetchMaxWait(fetchMaxWait),
	}
	if c.Frugal {
		opts = append(opts, frugal()...)
	}
	if c.ClientID != "" {
		opts = append(opts, kgo.ClientID(c.ClientID))
	}
	if c.Pulse != nil {
		opts = append(opts, kgo.WithHooks(c.Pulse))
	}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if c.User != "" {
		mechanism, err := c.mechanism()
		if err != nil {
			return nil, err
		}
		opts = append(opts, mechanism)
	}
	client, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("make a Kafka client for %s: %w: %w", c.where(), fault.ErrInvalid, err)
	}
	return client, nil
}

// frugal overrides what costs bytes and memory at rest: a fetch is 50 bytes and a metadata request 40.
func frugal() []kgo.Opt {
	return []kgo.Opt{
		kgo.MetadataMaxAge(2 * time.Minute), kgo.FetchMaxWait(20 * time.Second),
		kgo.ConnIdleTimeout(4 * time.Minute), // a new connection costs three messages; brokers close theirs after ten minutes
		kgo.FetchMaxBytes(128 << 10), kgo.FetchMaxPartitionBytes(64 << 10), kgo.BrokerMaxReadBytes(8 << 20),
		// Not fewer fetches at once than brokers: what one leads would wait for the long silence of another.
		kgo.DisableClientMetrics(),
	}
}

func (c Config) mechanism() (kgo.Opt, error) {
	auth := scram.Auth{User: c.User, Pass: c.Password}
	switch c.Mechanism {
	case "", "SCRAM-SHA-512":
		return kgo.SASL(auth.AsSha512Mechanism()), nil
	case "SCRAM-SHA-256":
		return kgo.SASL(auth.AsSha256Mechanism()), nil
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()), nil
	}
	return nil, fmt.Errorf("%w: Kafka mechanism %q is none of SCRAM-SHA-512, SCRAM-SHA-256, PLAIN", fault.ErrInvalid, c.Mechanism)
}

// nameLetters are what names of topics are made of.
const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

// CheckPrefix is ErrInvalid where no topic may have such a name.
func (c Config) CheckPrefix() error {
	const most = 100 // of 249 letters
	if strings.Trim(c.Prefix, nameLetters) != "" || len(c.Prefix) > most {
		return fmt.Errorf("%w: Kafka prefix %q is not up to %d letters, digits, '.', '_' and '-'", fault.ErrInvalid, c.Prefix, most)
	}
	return nil
}

// Name is what a topic or a group of ours is called at the broker.
func (c Config) Name(ours string) string { return c.Prefix + ours }

func (c Config) names(ours []string) []string {
	out := make([]string, len(ours))
	for i, name := range ours {
		out[i] = c.Name(name)
	}
	return out
}

func (c Config) where() string { return strings.Join(c.Brokers, ",") }

func (c Config) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

func backoff(tries int) time.Duration {
	return min(backoffFirst<<min(tries, 10), backoffMost)
}

// pause waits for d or until ctx ends, and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// explain turns the client's error into one of fault's sentinels, with what was being done.
func explain(ctx context.Context, err error, format string, args ...any) error {
	doing := fmt.Sprintf(format, args...)
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w: %w", doing, fault.ErrUnreachable, ctx.Err())
	case errors.Is(err, kgo.ErrClientClosed):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, sentinel(err), err)
}

func sentinel(err error) error {
	var answer *kerr.Error
	if !errors.As(err, &answer) {
		return fault.ErrUnreachable // the network's
	}
	switch {
	case isDenied(err):
		return fault.ErrUnauthorised
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.GroupIDNotFound):
		return fault.ErrNotFound
	case answer.Retriable:
		return fault.ErrUnreachable
	}
	return fault.ErrRejected
}

func isDenied(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.GroupAuthorizationFailed) ||
		errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.SaslAuthenticationFailed)
}
