// Package kafkatest runs Apache Kafka itself for tests: one node or several, as child processes on loopback ports,
// from Maven Central's jars on this machine's Java. Where one of these is missing the test is skipped and says why.
//
// KAFKA_ADDR=host:port points tests at a broker that runs already. They keep to topics and groups of a random prefix,
// and take these away again; tests that stop brokers are skipped then.
package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/lab/software"
	"github.com/overcloud/overcloud/internal/testbin"
)

// Address is the environment variable with the brokers to test against, host:port,….
const Address = "KAFKA_ADDR"

// fetchMost is how long the jars may take, once; they are 56 MB.
const fetchMost = 5 * time.Minute

// Place is where a test works: brokers, and what the names of its topics and groups begin with.
type Place struct {
	Brokers []string
	Prefix  string
}

// Shared is one broker for the tests of a package, started by the first of them. Its owner closes it in TestMain.
type Shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Place is the test's own place on the shared broker, or on the one at KAFKA_ADDR.
func (s *Shared) Place(t testing.TB) Place {
	t.Helper()
	place := Place{Prefix: "test-" + strings.ToLower(rand.Text()[:10]) + "."}
	if address := os.Getenv(Address); address != "" {
		place.Brokers = strings.Split(address, ",")
		if err := place.ping(); err != nil {
			t.Fatalf("no broker answers at %s=%s: %v", Address, address, err)
		}
		t.Cleanup(func() { place.clear(t) })
		return place
	}
	s.once.Do(func() {
		var dir string
		if dir, s.err = os.MkdirTemp("", "kafka-"); s.err == nil {
			s.cluster, s.err = start(testbin.Root(t), dir, 1)
		}
	})
	if s.err != nil {
		absent(t, s.err)
	}
	place.Brokers = s.cluster.Brokers()
	return place
}

// Close ends the broker, if one was started.
func (s *Shared) Close() {
	if s.cluster != nil {
		s.cluster.end()
		os.RemoveAll(s.cluster.dir)
	}
}

func (p Place) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

// clear takes away what a test made on a broker of others.
func (p Place) clear(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Brokers...))
	if err != nil {
		t.Errorf("clear %s*: %v", p.Prefix, err)
		return
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx)
	var mine []string
	for _, topic := range topics.Names() {
		if strings.HasPrefix(topic, p.Prefix) {
			mine = append(mine, topic)
		}
	}
	if err == nil && len(mine) > 0 {
		_, err = admin.DeleteTopics(ctx, mine...)
	}
	groups, listed := admin.ListGroups(ctx)
	mine = nil
	for _, group := range groups.Groups() {
		if strings.HasPrefix(group, p.Prefix) {
			mine = append(mine, group)
		}
	}
	if listed == nil && len(mine) > 0 {
		_, listed = admin.DeleteGroups(ctx, mine...)
	}
	if err = errors.Join(err, listed); err != nil {
		t.Errorf("clear %s* at %s: %v", p.Prefix, strings.Join(p.Brokers, ","), err)
	}
}

// New starts a cluster of the test's own, which ends with it. Its brokers are the test's to stop.
func New(t testing.TB, nodes int) *Cluster {
	t.Helper()
	if os.Getenv(Address) != "" {
		t.Skipf("skipped: the brokers of %s are not this test's to stop", Address)
	}
	c, err := start(testbin.Root(t), t.TempDir(), nodes)
	if err != nil {
		absent(t, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.said())
		}
		c.end()
	})
	return c
}

// errAbsent says that this machine cannot run Apache Kafka.
var errAbsent = errors.New("there is no Apache Kafka here")

func absent(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errAbsent) {
		t.Skipf("skipped: %v", err)
	}
	t.Fatal(err)
}

// jars is a folder with Kafka's jars, fetched once.
func jars(ctx context.Context, root string) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("%w: java is not installed (Debian: apt-get install openjdk-17-jre-headless)", errAbsent)
	}
	builder := software.Builder{Cache: filepath.Join(root, ".overcloud", "software")}
	folder, err := builder.JarFolder(ctx, software.Kafka())
	if err != nil {
		return "", fmt.Errorf("%w: %w", errAbsent, err)
	}
	return folder, nil
}
