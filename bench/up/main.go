// Command up measures what a person waits for and pays: the time from `starter up` to a live service, from
// prebuilt binaries and an empty state folder, and the memory of everything it started.
//
//	make build && go run ./bench/up
//
// The raw limit beside it is what no deployer could undercut: the start of InfluxDB alone (its Flux library
// costs seconds), which the service has to wait for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	runs := flag.Int("runs", 3, "how many times")
	bin := flag.String("bin", ".overcloud/bin", "folder of the built binaries")
	settle := flag.Duration("settle", 20*time.Second, "how long the service runs before its memory is read")
	flag.Parse()
	for run := range *runs {
		if err := measure(*bin, *settle, run+1); err != nil {
			fmt.Fprintln(os.Stderr, "bench/up:", err)
			os.Exit(1)
		}
	}
}

func measure(bin string, settle time.Duration, run int) error {
	alone, err := influxAlone(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-up")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"up", "--state-dir", dir, "--bin-dir", bin}
	first, err := freePort()
	if err != nil {
		return err
	}
	flags := []string{"temporal-port", "temporal-ui-port", "registry-port", "control-room-port", "kafka-port", "influxdb-port", "room-port", "box-port"}
	for i, flag := range flags {
		args = append(args, "--"+flag, strconv.Itoa(first+i))
	}
	out := &watcher{want: "runs after", seen: make(chan struct{})}
	cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "starter"), args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-out.seen:
	case err := <-ended:
		return fmt.Errorf("starter up ended: %w", err)
	}
	live := time.Since(began)
	time.Sleep(settle)
	memory := resident(cmd.Process.Pid)
	fmt.Printf("run %d: live after %.1f s (InfluxDB alone %.1f s, ratio %.1f; limit 20 s), resident %d MB (limit 700 MB)\n",
		run, live.Seconds(), alone.Seconds(), live.Seconds()/alone.Seconds(), memory>>20)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return <-ended
}

// influxAlone starts the InfluxDB server with nothing else and waits for its first answer.
func influxAlone(bin string) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "bench-influx")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	port, err := freePort()
	if err != nil {
		return 0, err
	}
	config := fmt.Sprintf("reporting-disabled = true\nbind-address = \"127.0.0.1:%d\"\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\n"+
		"[http]\nbind-address = \"127.0.0.1:%d\"\nflux-enabled = true\nlog-enabled = false\n",
		port+1, dir+"/meta", dir+"/data", dir+"/wal", port)
	if err := os.WriteFile(dir+"/influxd.conf", []byte(config), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "influxd"), "-config", dir+"/influxd.conf")
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		err := errors.Join(cmd.Process.Kill(), cmd.Wait())
		_ = err // it was killed
	}()
	for time.Since(began) < time.Minute {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ping", port), nil)
		if err != nil {
			return 0, err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			return time.Since(began), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, errors.New("influxd does not answer")
}

// freePort finds a port after which a dozen others are likely free too.
func freePort() (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	address, err := net.ResolveTCPAddr("tcp", listener.Addr().String())
	if err != nil {
		return 0, err
	}
	return address.Port, nil
}

// resident sums the resident memory of a process and everything below it, bytes. Shared pages count for each.
func resident(root int) int64 {
	parents, sizes := map[int]int{}, map[int]int64{}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat") // a fixed pattern
	for _, entry := range entries {
		text, err := os.ReadFile(entry)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, fields := parse(string(text))
		if len(fields) < 22 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		parents[pid], sizes[pid] = parent, pages*int64(os.Getpagesize())
	}
	var sum int64
	for pid := range sizes {
		for at := pid; at > 1; at = parents[at] {
			if at == root {
				sum += sizes[pid]
				break
			}
		}
	}
	return sum
}

// parse splits a line of /proc/PID/stat behind the name, which may hold blanks.
func parse(line string) (pid int, fields []string) {
	head, rest, found := strings.Cut(line, " (")
	if at := strings.LastIndex(rest, ") "); found && at >= 0 {
		pid, _ = strconv.Atoi(head)
		return pid, strings.Fields(rest[at+2:])
	}
	return 0, nil
}

// watcher closes seen when want was written.
type watcher struct {
	want string
	text strings.Builder
	seen chan struct{}
	done bool
}

var _ io.Writer = (*watcher)(nil)

func (w *watcher) Write(p []byte) (int, error) {
	w.text.Write(p)
	if !w.done && strings.Contains(w.text.String(), w.want) {
		w.done = true
		close(w.seen)
	}
	return len(p), nil
}
