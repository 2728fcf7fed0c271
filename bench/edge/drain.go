package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spool"
	"github.com/overcloud/overcloud/internal/wire"
)

// drain measures how fast a long queue runs empty, and the raw limit beside it.
func drain(ctx context.Context, o options, dir string, b *broker) error {
	root := filepath.Join(dir, "drain")
	if err := fill(filepath.Join(root, "var/lib/edge/spool", wire.TopicTemp), o.readings); err != nil {
		return err
	}
	before, err := counted(ctx, b, wire.TopicTemp)
	if err != nil {
		return err
	}
	o.sensors = 0
	e, err := startEdge(ctx, o, root, b, nil)
	if err != nil {
		return err
	}
	defer e.stop()
	began := time.Now()
	var first time.Time
	var busy time.Duration
	for {
		now, err := counted(ctx, b, wire.TopicTemp)
		if err != nil {
			return err
		}
		if first.IsZero() && now[0] > before[0] {
			first = time.Now()
		}
		if now[0]-before[0] >= int64(o.readings) {
			busy = time.Since(first)
			break
		}
		if time.Since(began) > 5*time.Minute {
			return fmt.Errorf("after five minutes %d of %d readings have arrived, see %s", now[0]-before[0], o.readings, e.log.Name())
		}
		time.Sleep(10 * time.Millisecond)
	}
	total := time.Since(began)
	used, err := look(e.process.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("queue emptied      %d readings in %.2f s, %.2f s with the start: %.0f a second, %.1f MiB at most\n",
		o.readings, busy.Seconds(), total.Seconds(), float64(o.readings)/busy.Seconds(), float64(used.peak)/1024)
	raw, err := rawLimit(ctx, o, b.config)
	if err != nil {
		return err
	}
	fmt.Printf("raw limit          %.2f s: franz-go from memory, %.0f a second; the edge reaches %.0f %% of it\n",
		raw, float64(o.readings)/raw, 100*raw/busy.Seconds())
	return nil
}

// fill makes the queue of an edge that had no broker for days.
func fill(dir string, readings int) error {
	queue, err := spool.Open(dir, spool.Options{})
	if err != nil {
		return err
	}
	began := time.Now()
	for i := range readings {
		r := reading(i)
		record := spool.Record{Key: []byte(r.Room), Value: wire.AppendReading(nil, r), Headers: r.Headers(), Time: r.At}
		if err := queue.Append(record); err != nil {
			return err
		}
	}
	size := queue.Stats().Bytes
	if err := queue.Close(); err != nil {
		return err
	}
	fmt.Printf("queue filled       %d readings in %.2f s, %.1f bytes each on disk\n",
		readings, time.Since(began).Seconds(), float64(size)/float64(readings))
	return nil
}

func rawLimit(ctx context.Context, o options, config kafka.Config) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, self, childRaw, config.Brokers[0], strconv.Itoa(o.readings)).Output()
	if err != nil {
		return 0, fmt.Errorf("measure the raw limit: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}
