package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/overcloud/overcloud/internal/lab/software"
)

// Cluster is Apache Kafka with KRaft, each node broker and controller.
type Cluster struct {
	dir    string
	script string
	jars   string
	nodes  []*node
}

// node is one process; its data outlives it.
type node struct {
	id          int
	dir         string
	client      string // host:port for clients
	controller  string // host:port for the other nodes
	process     *exec.Cmd
	environment []string
	ended       chan struct{} // closed when the process is
}

// clusterID is any 16 bytes in base64.
const clusterID = "b3ZlcmNsb3VkLXRlc3RzMQ"

// readyMost is how long a node may take until it answers: 3 s with both cores to itself, minutes on a machine that is
// busy.
const readyMost = 3 * time.Minute

func start(root, dir string, nodes int) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchMost)
	defer cancel()
	folder, err := jars(ctx, root)
	if err != nil {
		return nil, err
	}
	script, err := software.Script(software.Kafka())
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, jars: folder, script: filepath.Join(dir, "kafka.sh")}
	if err := os.WriteFile(c.script, script, 0o600); err != nil {
		return nil, fmt.Errorf("write Kafka's script: %w", err)
	}
	if err := c.plan(nodes); err != nil {
		return nil, err
	}
	for i := range c.nodes {
		if err := c.launch(i); err != nil {
			c.end()
			return nil, err
		}
	}
	for i := range c.nodes {
		if err := c.ready(i, nodes); err != nil {
			c.end()
			return nil, fmt.Errorf("%w: %s", err, c.said())
		}
	}
	return c, nil
}

// plan gives the nodes their ports and settings.
func (c *Cluster) plan(nodes int) error {
	ports, err := freePorts(2 * nodes)
	if err != nil {
		return err
	}
	var voters []string
	for i := range nodes {
		n := &node{id: i + 1, dir: filepath.Join(c.dir, fmt.Sprintf("node-%d", i+1)), client: ports[2*i], controller: ports[2*i+1]}
		c.nodes = append(c.nodes, n)
		voters = append(voters, fmt.Sprintf("%d@%s", n.id, n.controller))
	}
	for _, n := range c.nodes {
		if err := os.MkdirAll(n.dir, 0o750); err != nil {
			return fmt.Errorf("make the folder of a node: %w", err)
		}
		n.environment = []string{
			"PATH=" + os.Getenv("PATH"), "DATA=" + n.dir, "JARS=" + c.jars, "JAVA_OPTIONS=-XX:TieredStopAtLevel=1",
			"KAFKA_HEAP=192m", "KAFKA_CLUSTER_ID=" + clusterID, "KAFKA_NODE_ID=" + strconv.Itoa(n.id),
			"KAFKA_CONTROLLER_QUORUM_VOTERS=" + strings.Join(voters, ","),
			"KAFKA_LISTENERS=PLAINTEXT://" + n.client + ",CONTROLLER://" + n.controller,
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=" + strconv.Itoa(min(3, nodes)), "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=4",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=" + strconv.Itoa(min(3, nodes)),
			// By default the compaction of topics takes 128 MB of the heap.
			"KAFKA_LOG_CLEANER_DEDUPE_BUFFER_SIZE=4194304",
			// Readers and writers make no topics by the way.
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE=false",
			// A node that was killed counts as gone after 3 s instead of 9: tests wait for it.
			"KAFKA_BROKER_SESSION_TIMEOUT_MS=3000", "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS=500",
		}
	}
	return nil
}

func freePorts(n int) ([]string, error) {
	var listeners []net.Listener
	defer func() {
		for _, listener := range listeners {
			listener.Close()
		}
	}()
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		listeners = append(listeners, listener)
		ports = append(ports, listener.Addr().String())
	}
	return ports, nil
}

func (c *Cluster) launch(i int) error {
	n := c.nodes[i]
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of Kafka %d: %w", n.id, err)
	}
	defer log.Close()
	n.process = exec.CommandContext(context.Background(), "bash", c.script)
	n.process.Env, n.process.Stdout, n.process.Stderr = n.environment, log, log
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.process.Start(); err != nil {
		return fmt.Errorf("start Kafka %d: %w", n.id, err)
	}
	process, ended := n.process, make(chan struct{})
	n.ended = ended
	go func() {
		defer close(ended)
		_ = process.Wait() // how it ended shows in its log
	}()
	return nil
}

// ready waits until a node knows of at least so many.
func (c *Cluster) ready(i, brokers int) error {
	n := c.nodes[i]
	ctx, cancel := context.WithTimeout(context.Background(), readyMost)
	defer cancel()
	for {
		known, err := n.brokers(ctx)
		if err == nil && known >= brokers {
			return nil
		}
		select {
		case <-n.ended:
			return fmt.Errorf("Kafka %d ended", n.id) //nolint:staticcheck // a name
		case <-ctx.Done():
			return fmt.Errorf("Kafka %d does not answer: %w", n.id, errors.Join(err, ctx.Err())) //nolint:staticcheck // a name
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// brokers asks a node how many brokers it knows, itself among them.
func (n *node) brokers(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(n.client))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	answer, err := client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return 0, err
	}
	metadata, ok := answer.(*kmsg.MetadataResponse)
	if !ok {
		return 0, errors.New("no metadata")
	}
	for _, broker := range metadata.Brokers {
		if int(broker.NodeID) == n.id {
			return len(metadata.Brokers), nil
		}
	}
	return 0, fmt.Errorf("%d brokers, not itself", len(metadata.Brokers))
}

// Brokers are the addresses for clients.
func (c *Cluster) Brokers() []string {
	var addresses []string
	for _, n := range c.nodes {
		addresses = append(addresses, n.client)
	}
	return addresses
}

// Kill kills a node without a word (SIGKILL). What it had is on its disk.
func (c *Cluster) Kill(i int) { c.signal(i, syscall.SIGKILL) }

// Stop asks a node to end (SIGTERM), as a rolling restart does, and waits for it.
func (c *Cluster) Stop(i int) { c.signal(i, syscall.SIGTERM) }

func (c *Cluster) signal(i int, signal syscall.Signal) {
	n := c.nodes[i]
	_ = n.process.Process.Signal(signal) // it may have ended by itself
	select {
	case <-n.ended:
	case <-time.After(30 * time.Second):
		_ = n.process.Process.Kill()
		<-n.ended
	}
}

// Start starts a node that was killed or stopped and waits until it answers and knows of at least so many brokers.
func (c *Cluster) Start(i, brokers int) error {
	if err := c.launch(i); err != nil {
		return err
	}
	return c.ready(i, brokers)
}

// Hang stops a node in the middle of whatever it does (SIGSTOP): connections stay open and nothing answers. Resume
// lets it go on.
func (c *Cluster) Hang(i int) error { return c.nodes[i].process.Process.Signal(syscall.SIGSTOP) }

// Resume lets a hanging node go on.
func (c *Cluster) Resume(i int) error { return c.nodes[i].process.Process.Signal(syscall.SIGCONT) }

func (c *Cluster) end() {
	for i, n := range c.nodes {
		if n.ended != nil {
			c.Kill(i)
		}
	}
}

// said is what the nodes said last.
func (c *Cluster) said() string {
	var b strings.Builder
	for _, n := range c.nodes {
		text, err := os.ReadFile(filepath.Join(n.dir, "log"))
		if err != nil {
			continue
		}
		var lines [][]byte
		for line := range bytes.Lines(text) { // without the stacks
			if !bytes.HasPrefix(line, []byte("\t")) && !bytes.HasPrefix(line, []byte("SLF4J")) {
				lines = append(lines, bytes.TrimSpace(line))
			}
		}
		fmt.Fprintf(&b, "Kafka %d: %s\n", n.id, bytes.Join(lines[max(0, len(lines)-5):], []byte("\n  ")))
	}
	return b.String()
}
