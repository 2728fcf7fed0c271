package box

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
	"github.com/overcloud/overcloud/internal/embedded/child"
)

const (
	statsEvery  = time.Second
	nanosOfTick = uint64(time.Second) / child.Ticks
)

// processes are the container's: the groups of its first process and of its execs, with all descendants.
func (c *container) processes() ([]child.Stat, error) {
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		return nil, nil
	}
	all, err := child.List()
	if err != nil {
		return nil, err
	}
	leader := r.process.Identity().PID
	mine := map[int]bool{leader: true}
	for grown := true; grown; {
		grown = false
		for _, stat := range all {
			if !mine[stat.PID] && (mine[stat.Parent] || stat.Group == leader) {
				mine[stat.PID], grown = true, true
			}
		}
	}
	var list []child.Stat
	for _, stat := range all {
		if mine[stat.PID] {
			list = append(list, stat)
		}
	}
	return list, nil
}

func (c *container) sample() (api.StatsResponse, error) {
	record := c.copy()
	sample := api.StatsResponse{Name: "/" + record.Name, ID: record.ID, Read: time.Now().UTC()}
	processes, err := c.processes()
	if err != nil || len(processes) == 0 {
		return sample, err
	}
	var user, system, resident uint64
	for _, p := range processes {
		user, system, resident = user+p.UserTicks, system+p.SystemTicks, resident+p.ResidentBytes
	}
	sample.CPUStats.CPUUsage = api.CPUUsage{
		TotalUsage: (user + system) * nanosOfTick, UsageInUsermode: user * nanosOfTick, UsageInKernelmode: system * nanosOfTick,
	}
	sample.CPUStats.OnlineCPUs = uint32(c.box.options.CPUs)
	if sample.CPUStats.SystemUsage, err = machineTime(); err != nil {
		return sample, err
	}
	sample.MemoryStats.Usage = resident
	sample.MemoryStats.Limit = uint64(cmp.Or(record.HostConfig.Memory, c.box.options.MemoryBytes))
	sample.PidsStats.Current = uint64(len(processes))
	return sample, nil
}

// machineTime is the processor time of the whole machine, in nanoseconds, from /proc/stat.
func machineTime() (uint64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the machine's processor time: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var ticks uint64
	fields := strings.Fields(line)
	for _, field := range fields[min(1, len(fields)):min(9, len(fields))] { // guest time is in user time
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the machine's processor time: %w", err)
		}
		ticks += n
	}
	return ticks * nanosOfTick, nil
}

func (c *container) serveStats(w http.ResponseWriter, r *http.Request) error {
	once := r.URL.Query().Get("stream") != "" && !flag(r, "stream")
	before, err := c.sample()
	if err != nil {
		return err
	}
	if once && (flag(r, "one-shot") || !c.live()) {
		return reply(w, http.StatusOK, before)
	}
	w.Header().Set("Content-Type", "application/json")
	out := newStream(w)
	ended, cancel := c.until(r.Context(), func() bool { return c.removed || (once && !c.isLive()) })
	defer cancel()
	for {
		if !tick(r.Context(), ended) {
			if once {
				_ = out.send(before)
			}
			return nil
		}
		now, err := c.sample()
		if err != nil {
			return nil // the status is out
		}
		now.PreRead, now.PreCPUStats = before.Read, before.CPUStats
		if out.send(now) != nil || once {
			return nil
		}
		before = now
	}
}

// tick waits for the next sample; false when there will be none.
func tick(ctx context.Context, ended <-chan struct{}) bool {
	timer := time.NewTimer(statsEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-ended:
		return false
	case <-timer.C:
		return true
	}
}

func (c *container) serveTop(w http.ResponseWriter, _ *http.Request) error {
	if !c.live() {
		return status.Conflict("container %s is not running", c.copy().ID)
	}
	processes, err := c.processes()
	if err != nil {
		return err
	}
	answer := api.TopResponse{Titles: []string{"UID", "PID", "PPID", "RSS", "TIME", "CMD"}, Processes: [][]string{}}
	for _, p := range processes {
		used := time.Duration((p.UserTicks + p.SystemTicks) * nanosOfTick)
		answer.Processes = append(answer.Processes, []string{
			strconv.Itoa(os.Getuid()), strconv.Itoa(p.PID), strconv.Itoa(p.Parent), strconv.FormatUint(p.ResidentBytes>>10, 10),
			fmt.Sprintf("%02d:%02d:%02d", int(used.Hours()), int(used.Minutes())%60, int(used.Seconds())%60), commandLine(p),
		})
	}
	return reply(w, http.StatusOK, answer)
}

func commandLine(p child.Stat) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/cmdline")
	if err != nil || len(text) == 0 {
		return "[" + p.Command + "]"
	}
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}
