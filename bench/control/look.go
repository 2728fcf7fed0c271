package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/worker/control"
)

// sample is the process at one moment.
type sample struct {
	at       time.Time
	cpu      time.Duration
	resident int // KiB
	peak     int // KiB
	status   control.Status
}

func (b *bench) look(ctx context.Context) (s sample, err error) {
	s.at = time.Now()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(b.process.Process.Pid) + "/stat")
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, f := range fields[11:13] { // user and system time, 1/100 s
		ticks, err := strconv.Atoi(f)
		if err != nil {
			return s, err
		}
		s.cpu += time.Duration(ticks) * 10 * time.Millisecond
	}
	s.resident, s.peak = memory(b.process.Process.Pid)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.o.Health+"/healthz", nil)
	if err != nil {
		return s, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	var health struct {
		Fault  string
		Detail control.Status
	}
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		return s, err
	}
	if health.Fault != "" {
		return s, errors.New(health.Fault)
	}
	s.status = health.Detail
	return s, nil
}

// memory is what a process has resident, and had at the most, KiB; zero when it is gone.
func memory(pid int) (now, peak int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		size, err := strconv.Atoi(fields[1])
		switch {
		case err != nil:
		case fields[0] == "VmRSS:":
			now = size
		case fields[0] == "VmHWM:":
			peak = size
		}
	}
	return now, peak
}

func (b *bench) print(before, after sample) {
	span := after.at.Sub(before.at).Seconds()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.took)
	fmt.Printf("%d rooms of %d sensors, each %s; Temporal: %s; %.0f s\n", b.o.Rooms, b.o.Sensors, b.o.Every, b.o.Temporal, span)
	fmt.Printf("  processor       %.1f %% of one core\n", 100*(after.cpu-before.cpu).Seconds()/span)
	fmt.Printf("  readings        %.0f/s in, decisions %.0f/s, lessons of the optimiser %.0f/s (%d missed)\n",
		float64(after.status.Readings-before.status.Readings)/span, float64(after.status.Decisions-before.status.Decisions)/span,
		float64(after.status.Lessons-before.status.Lessons)/span, after.status.Missed-before.status.Missed)
	fmt.Printf("  memory          %d MiB resident, %d at the most (%.1f KiB a room)\n", after.resident>>10, after.peak>>10, float64(after.resident)/float64(b.o.Rooms))
	fmt.Printf("  waiting         %d for Kafka, %d for Temporal\n", after.status.Unpublished, after.status.Unsignalled)
	if len(b.took) == 0 {
		fmt.Println("  no emergency was commanded")
		return
	}
	at := func(share float64) time.Duration {
		return b.took[min(len(b.took)-1, int(share*float64(len(b.took))))].Round(100 * time.Microsecond)
	}
	fmt.Printf("  emergencies     %d, reading to command: p50 %s, p99 %s, max %s; %d without a command (goal: p99 under 100ms)\n",
		len(b.took), at(0.5), at(0.99), b.took[len(b.took)-1].Round(100*time.Microsecond), len(b.hot))
}
