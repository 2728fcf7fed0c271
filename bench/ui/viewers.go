package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// readers is how many of the viewers read what comes; the others only take it, so that this machine's cores are left to
// the process that is measured.
const readers = 20

// crowd is everybody who follows.
type crowd struct {
	bytes    atomic.Int64
	events   atomic.Int64 // that the readers saw
	lost     atomic.Int64 // viewers whose stream has ended
	counting atomic.Bool

	mu    sync.Mutex
	delay []time.Duration // reading to event
}

// gather lets everybody in, one after the other.
func gather(ctx context.Context, s *stage, o options) (*crowd, error) {
	c := &crowd{}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConns: o.Viewers}}
	for i := range o.Viewers {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/events", nil)
		if err != nil {
			return nil, err
		}
		if !o.Plain {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		answer, err := client.Do(r) //nolint:bodyclose // it is followed until this process ends
		if err != nil {
			return nil, fmt.Errorf("viewer %d: %w", i+1, err)
		}
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("viewer %d: %s", i+1, answer.Status)
		}
		body := counted{answer.Body, c}
		if i < readers {
			go c.read(ctx, body, !o.Plain)
		} else {
			go c.take(ctx, body)
		}
	}
	return c, nil
}

// counted counts bytes.
type counted struct {
	io.Reader
	crowd *crowd
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.crowd.counting.Load() {
		c.crowd.bytes.Add(int64(n))
	}
	return n, err
}

func (c *crowd) take(ctx context.Context, body io.Reader) {
	buffer := make([]byte, 8<<10)
	for {
		if _, err := body.Read(buffer); err != nil {
			if ctx.Err() == nil {
				c.lost.Add(1)
			}
			return
		}
	}
}

// read reads the events as a page does, and takes the time since each reading in them was measured.
func (c *crowd) read(ctx context.Context, body io.Reader, packed bool) {
	if packed {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			c.lost.Add(1)
			return
		}
		body = unpacked
	}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 4<<20)
	kind := ""
	for lines.Scan() {
		line := lines.Bytes()
		if name, is := bytes.CutPrefix(line, []byte("event: ")); is {
			kind = string(name)
		}
		if data, is := bytes.CutPrefix(line, []byte("data: ")); is && kind == "patch" && c.counting.Load() {
			c.patch(data, time.Now())
		}
	}
	if ctx.Err() == nil {
		c.lost.Add(1)
	}
}

func (c *crowd) patch(data []byte, now time.Time) {
	var patch struct {
		Set map[string]json.RawMessage `json:"set"`
	}
	if err := json.Unmarshal(data, &patch); err != nil {
		c.lost.Add(1)
		return
	}
	c.events.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	for path, value := range patch.Set {
		if !strings.Contains(path, "/sensors/") {
			continue
		}
		var sensor struct {
			At    int64 `json:"at"`
			Stale bool  `json:"stale"`
		}
		if json.Unmarshal(value, &sensor) == nil && sensor.At > 0 && !sensor.Stale {
			c.delay = append(c.delay, now.Sub(time.UnixMilli(sensor.At)))
		}
	}
}

// count begins to count.
func (c *crowd) count() { c.counting.Store(true) }

// spent is the processor time of a process and its memory.
type spent struct {
	user, system time.Duration
	resident     int64 // bytes
}

// usage reads what a process has used, from /proc.
func usage(pid int) (spent, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return spent{}, fmt.Errorf("the ui has ended: %w", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64) // the kernel writes numbers
		return time.Duration(n) * 10 * time.Millisecond
	}
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	return spent{ticks(11), ticks(12), pages * int64(os.Getpagesize())}, nil
}

func (c *crowd) report(out io.Writer, o options, lasted time.Duration, before, after spent) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.delay)
	if len(c.delay) == 0 {
		return fmt.Errorf("no reading reached anybody")
	}
	part := func(q float64) time.Duration { return c.delay[int(q*float64(len(c.delay)-1))].Round(time.Millisecond) }
	of := func(d time.Duration) float64 { return 100 * d.Seconds() / lasted.Seconds() }
	user, system := after.user-before.user, after.system-before.system
	fmt.Fprintf(out, "%d viewers, %d readings a second from %d sensors in %d rooms, %s\n", o.Viewers, o.Rate, o.Rooms*o.Sensors, o.Rooms, lasted.Round(time.Second))
	fmt.Fprintf(out, "processor   %.1f %% of one core (user %.1f, kernel %.1f)\n", of(user+system), of(user), of(system))
	fmt.Fprintf(out, "memory      %.0f MiB resident\n", float64(after.resident)/(1<<20))
	fmt.Fprintf(out, "wire        %.0f bytes per viewer per second\n", float64(c.bytes.Load())/float64(o.Viewers)/lasted.Seconds())
	fmt.Fprintf(out, "patches     %.1f per viewer per second\n", float64(c.events.Load())/float64(min(readers, o.Viewers))/lasted.Seconds())
	fmt.Fprintf(out, "reading to event   p50 %s   p99 %s   most %s\n", part(0.5), part(0.99), part(1))
	if lost := c.lost.Load(); lost > 0 {
		return fmt.Errorf("%d viewers lost their stream", lost)
	}
	return nil
}
