package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/wire"
)

// clock says whether this box's wall clock can be trusted. A Pi has no clock of its own: until it has asked the
// network, commands are ordered by revision alone and readings are marked. Sampling and every timer run on monotonic
// time and do not care.
type clock struct {
	now    func() instant
	kernel func() bool // whether somebody disciplines the clock
	path   string      // of the latest known time; empty to remember none

	mu      sync.Mutex
	judge   judgement
	looked  time.Duration // when, on the monotonic clock, the verdict was made
	verdict string        // why the clock is doubted; empty while it is trusted
	written time.Duration
	began   time.Time // of the alert; zero for none
}

const (
	verdictFor = time.Second      // several readings a second need not each ask the kernel
	wakeMost   = 2 * time.Minute  // after a start leases come within one; the network time of a Pi as well
	knownEvery = 10 * time.Minute // between two writes of the latest known time: it is 20 bytes and a sync
	leastTime  = 946_684_800_000  // 2000-01-01 in ms: package wire takes nothing earlier
)

// newClock is a clock of the mode that c asks for; it remembers the latest known time in c.Dir.
func newClock(c Config) *clock {
	epoch := time.Now()
	k := &clock{
		now: func() instant {
			now := time.Now()
			return instant{now.UnixMilli(), now.Sub(epoch)}
		},
		kernel: kernelSynchronised, path: filepath.Join(c.Dir, "clock"), judge: judgement{mode: c.Clock},
		looked: -verdictFor, written: -knownEvery,
	}
	if k.judge.mode == "" {
		k.judge.mode = ClockTrusted
	}
	if k.judge.mode == ClockAuto {
		k.load()
	}
	return k
}

func (c *clock) load() {
	data, err := os.ReadFile(c.path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err == nil {
		c.judge.known, err = strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	}
	if err != nil {
		slog.Warn("the latest known time is forgotten", "error", err)
	}
}

// kernelSynchronised is the kernel's word: STA_UNSYNC says that nobody disciplines the clock.
func kernelSynchronised() bool {
	const unsynchronised = 0x0040
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false
	}
	return t.Status&unsynchronised == 0
}

func (c *clock) trusted() bool { return c.doubt() == "" }

// doubt is why the clock cannot be trusted; empty when it can.
func (c *clock) doubt() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doubtAt(c.now())
}

func (c *clock) doubtAt(at instant) string {
	if c.judge.mode == ClockTrusted {
		return ""
	}
	if at.mono-c.looked >= verdictFor {
		c.looked, c.verdict = at.mono, c.judge.doubt(at, c.kernel())
	}
	return c.verdict
}

// offset is how far the wall clock is ahead of those who decide; false when none was heard of late.
func (c *clock) offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead, leases := c.judge.offset(c.now())
	return ahead, leases > 0
}

// lease takes the time that whoever decides put into a lease, as it arrives.
func (c *clock) lease(revision int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.judge.lease(c.now(), revision)
	c.looked = -verdictFor // there is new evidence
}

// run looks after the clock until ctx ends; tell takes the alerts.
func (c *clock) run(ctx context.Context, box string, rooms []string, tell func(wire.Alert)) error {
	const every = 5 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		beat(ctx, every+time.Minute)
		for _, a := range c.look(box, rooms) {
			tell(a)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look remembers the time now and then while it is trusted, and returns the alerts that begin or end.
func (c *clock) look(box string, rooms []string) []wire.Alert {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.now()
	doubt := c.doubtAt(at)
	if doubt == "" && c.judge.mode == ClockAuto {
		c.judge.sure(at)
		if at.mono-c.written >= knownEvery {
			c.written = at.mono
			if err := replace(c.path, strconv.AppendInt(nil, c.judge.known, 10)); err != nil {
				slog.Warn("the time cannot be remembered over a restart", "error", err)
			}
		}
	}
	// A clock that begins in 1970 names no time that a record may have.
	began, now := c.began, time.UnixMilli(max(at.wall, c.judge.known, leastTime))
	switch {
	case doubt != "" && began.IsZero() && at.mono < wakeMost && len(c.judge.heard) == 0 && at.wall >= c.judge.known:
		// Nobody has said the time since the start, which is no news yet: the readings are marked and no more.
	case doubt != "" && began.IsZero():
		slog.Warn("the clock is doubted: readings are marked", "reason", doubt)
		c.began, began = now, now
		return clockAlerts(box, rooms, began, time.Time{}, doubt)
	case doubt == "" && !began.IsZero():
		slog.Info("the clock is trusted again")
		c.began = time.Time{}
		return clockAlerts(box, rooms, began, now, "the clock agrees again")
	}
	return nil
}

func clockAlerts(box string, rooms []string, began, ended time.Time, evidence string) (out []wire.Alert) {
	for _, room := range rooms {
		a := wire.Alert{
			ID: room + "/clock/" + box, Room: room, Kind: "clock", Severity: wire.SeverityWarning, Source: "edge",
			BeganMillis: began.UnixMilli(), Evidence: evidence,
		}
		if !ended.IsZero() {
			// The clock may have been set back meanwhile.
			a.EndedMillis = max(ended.UnixMilli(), a.BeganMillis)
		}
		out = append(out, a)
	}
	return out
}
