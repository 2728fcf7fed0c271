package main

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// work measures an edge that does what it does all day.
func work(ctx context.Context, o options, dir string, b *broker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	targets, err := startBoxes(ctx, o.boxes, dir)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "work")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	e, err := startEdge(ctx, o, root, b, targets)
	if err != nil {
		return err
	}
	defer e.stop()
	go wiggle(ctx, o, root)
	time.Sleep(o.warm)
	pid := e.process.Process.Pid
	before, err := look(pid)
	if err != nil {
		return fmt.Errorf("the edge is gone, see %s: %w", e.log.Name(), err)
	}
	queues, err := queueBytes(root)
	if err != nil {
		return err
	}
	sentBefore, err := counted(ctx, b, wire.TopicTemp, wire.TopicResource)
	if err != nil {
		return err
	}
	time.Sleep(o.work)
	after, err := look(pid)
	if err != nil {
		return fmt.Errorf("the edge is gone, see %s: %w", e.log.Name(), err)
	}
	grown, err := queueBytes(root)
	if err != nil {
		return err
	}
	sent, err := counted(ctx, b, wire.TopicTemp, wire.TopicResource)
	if err != nil {
		return err
	}
	took := after.at.Sub(before.at)
	hour := func(bytes uint64) float64 { return float64(bytes) / took.Hours() / 1e6 }
	fmt.Printf("worked             %s with %d sensors at 1 s and %d boxes at 30 s: %d readings, %d resource records arrived\n",
		took.Round(time.Second), o.sensors, len(targets), sent[0]-sentBefore[0], sent[1]-sentBefore[1])
	fmt.Printf("memory             %.1f MiB resident, %.1f MiB at most (%.1f MiB of it the binary's pages), %d threads\n",
		float64(after.rss)/1024, float64(after.peak)/1024, float64(after.file)/1024, after.threads)
	fmt.Printf("processor          %.2f %% of one core\n", 100*(after.cpu-before.cpu).Seconds()/took.Seconds())
	fmt.Printf("wchar              %.2f MB/h: every write(2), those to sockets too\n", hour(after.wchar-before.wchar))
	fmt.Printf("  to the queues    %.2f MB/h\n", hour(grown-queues))
	fmt.Printf("  to sockets, log  %.2f MB/h\n", hour(after.wchar-before.wchar-(grown-queues)))
	fmt.Printf("block device       %.2f MB/h: whole pages and the file system's own, as the kernel counts them\n", hour(after.block-before.block))
	return nil
}

// queueBytes is how long the segments are: what was appended, as long as no segment was deleted.
func queueBytes(root string) (total uint64, err error) {
	err = filepath.WalkDir(filepath.Join(root, "var/lib/edge"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += uint64(info.Size()) //nolint:gosec // a size
		}
		return err
	})
	return total, err
}

func counted(ctx context.Context, b *broker, topics ...string) (out []int64, err error) {
	for _, topic := range topics {
		ends, err := kafka.Ends(ctx, b.config, topic)
		if err != nil {
			return nil, err
		}
		var n int64
		for _, end := range ends {
			n += end
		}
		out = append(out, n)
	}
	return out, nil
}

// startBoxes runs an snmpd for each box, until ctx ends.
func startBoxes(ctx context.Context, n int, dir string) (targets []string, err error) {
	snmpd, err := exec.LookPath("snmpd")
	if err != nil {
		if snmpd, err = exec.LookPath("/usr/sbin/snmpd"); err != nil {
			fmt.Println("boxes              none: snmpd is not installed")
			return nil, nil
		}
	}
	for i := range n {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		home := filepath.Join(dir, fmt.Sprintf("box%d", i+1))
		if err := os.MkdirAll(home, 0o700); err != nil {
			return nil, err
		}
		config := fmt.Sprintf("agentAddress udp:127.0.0.1:%d\nrocommunity public 127.0.0.1\ndisk / 10%%\n", port)
		path := filepath.Join(home, "snmpd.conf")
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			return nil, err
		}
		box := exec.CommandContext(ctx, snmpd, "-f", "-Lf", filepath.Join(home, "log"), "-C", "-c", path, "-p", filepath.Join(home, "pid"))
		box.Env = append(os.Environ(), "SNMP_PERSISTENT_DIR="+home)
		if err := box.Start(); err != nil {
			return nil, fmt.Errorf("start an snmpd: %w", err)
		}
		go func() { _ = box.Wait() }() // it ends with ctx
		targets = append(targets, fmt.Sprintf("rack-%d=udp://127.0.0.1:%d?community=public", i+1, port))
	}
	return targets, nil
}

func freePort() (int, error) {
	listener, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	port := listener.LocalAddr().(*net.UDPAddr).Port //nolint:forcetypeassert // of a UDP listener
	return port, listener.Close()
}
