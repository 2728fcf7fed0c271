package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// The children that this program starts of itself.
const (
	childBroker = "broker"
	childRaw    = "raw"
)

// runBroker is a Kafka in memory. It says its address and ends with its standard input.
func runBroker([]string) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, rawTopic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	fmt.Println(cluster.ListenAddrs()[0])
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // its end is the parent's
	}()
	select {
	case <-interrupted:
	case <-ended:
	}
	return nil
}

type broker struct {
	config  kafka.Config
	process *exec.Cmd
	input   interface{ Close() error }
}

func startBroker(ctx context.Context) (*broker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &broker{process: exec.CommandContext(ctx, self, childBroker)}
	b.process.Stderr = os.Stderr
	in, err := b.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := b.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := b.process.Start(); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	b.input = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	b.config = kafka.Config{Brokers: []string{strings.TrimSpace(line)}}
	return b, nil
}

func (b *broker) stop() {
	_ = b.input.Close() // it ends by that
	_ = b.process.Wait()
}

// rawTopic takes what the raw limit produces.
const rawTopic = "raw"

// runRaw produces the readings that the queue holds, from memory: broker, number. It prints the seconds from the
// first record to the last acknowledgement.
func runRaw(args []string) error {
	var n int
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(args[0]), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	if err != nil {
		return err
	}
	defer client.Close()
	records := make([]kgo.Record, n)
	for i := range records {
		r := reading(i)
		records[i] = kgo.Record{Topic: rawTopic, Key: []byte(r.Room), Value: wire.AppendReading(nil, r)}
	}
	ctx := context.Background()
	if err := client.Ping(ctx); err != nil {
		return err
	}
	began := time.Now()
	var failed error
	for i := range records {
		client.Produce(ctx, &records[i], func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	fmt.Println(time.Since(began).Seconds())
	return failed
}
