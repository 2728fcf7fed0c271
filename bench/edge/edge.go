package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// host is where the edge listens: an address of its own on loopback, so that it meets no other edge's port.
const host = "127.77.80.96"

// edge is a running daemon.
type edge struct {
	process *exec.Cmd
	log     *os.File
	root    string
}

// startEdge runs the built daemon in root. Each sensor's file holds thousandths of a degree, as IIO's do.
func startEdge(ctx context.Context, o options, root string, b *broker, targets []string) (*edge, error) {
	policy := spec.DefaultPolicy()
	policy.SampleEvery = spec.Duration(time.Second)
	room := spec.Room{Name: "hall", Policy: policy}
	for i := range o.sensors {
		path := filepath.Join(root, fmt.Sprintf("sensor%d", i+1))
		if err := os.WriteFile(path, []byte("23.5\n"), 0o600); err != nil {
			return nil, err
		}
		room.Sensors = append(room.Sensors, spec.Sensor{ID: i + 1, Source: "file:" + path, Box: "pi-1"})
	}
	rooms, err := json.Marshal([]spec.Room{room})
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(root, "edge.log"))
	if err != nil {
		return nil, err
	}
	e := &edge{process: exec.CommandContext(ctx, o.binary), log: log, root: root}
	e.process.Env = []string{
		"OVERCLOUD_BOX=pi-1", "OVERCLOUD_ROOMS=" + string(rooms), "OVERCLOUD_ROOT=" + root, "OVERCLOUD_LISTEN_HOST=" + host,
		"KAFKA_BROKERS=" + strings.Join(b.config.Brokers, ","), "SNMP_TARGETS=" + strings.Join(targets, ","), "RESOURCE_EVERY=30s",
		// Nobody sets this machine's clock, and nobody decides here: every reading would be marked.
		"EDGE_CLOCK=trusted",
	}
	e.process.Stdout, e.process.Stderr = log, log
	if err := e.process.Start(); err != nil {
		return nil, fmt.Errorf("start the edge: %w", err)
	}
	return e, nil
}

func (e *edge) stop() {
	_ = e.process.Process.Signal(syscall.SIGTERM)
	_ = e.process.Wait()
	_ = e.log.Close()
}

// wiggle gives the sensors other values, as air does, until ctx ends.
func wiggle(ctx context.Context, o options, root string) {
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := range o.sensors {
			path := filepath.Join(root, fmt.Sprintf("sensor%d", i+1))
			value := fmt.Sprintf("%.1f\n", 23.5+float64((n*7+i*3)%11)/10)
			if os.WriteFile(path+".new", []byte(value), 0o600) == nil {
				_ = os.Rename(path+".new", path) // the next one comes soon
			}
		}
	}
}

// usage is what the kernel says of a process.
type usage struct {
	at            time.Time
	cpu           time.Duration
	wchar, block  uint64 // bytes handed to write(2), and sent to a block device
	rss, peak     int    // KiB
	file, threads int
}

func look(pid int) (u usage, err error) {
	u.at = time.Now()
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const hertz = 100 // USER_HZ, on every Linux that Go runs on
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += time.Duration(ticks) * time.Second / hertz
	}
	for _, file := range []string{"io", "status"} {
		text, err := os.ReadFile(filepath.Join(proc, file))
		if err != nil {
			return u, err
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			switch name {
			case "wchar":
				u.wchar = n
			case "write_bytes":
				u.block = n
			case "VmRSS":
				u.rss = int(n)
			case "VmHWM":
				u.peak = int(n)
			case "RssFile":
				u.file = int(n)
			case "Threads":
				u.threads = int(n)
			}
		}
	}
	return u, nil
}

// reading is the i-th of a long queue: four sensors, once a second, warm air.
func reading(i int) wire.Reading {
	return wire.Reading{
		Room: "hall", Sensor: 1 + i%4, At: time.UnixMilli(1_790_000_000_000 + int64(i/4)*1000 + int64(i%4)*7),
		Celsius: 23 + float64(i*31%47)/10, Humidity: 40 + float64(i*17%90)/10, HasHumidity: true,
	}
}
