package anomaly

import (
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// State is what is remembered of the boxes of one room: about 3 KB for a box with three disks, and never more than
// 64 KB for one. The zero value is a fresh start. It is for one goroutine.
type State struct {
	boxes   map[string]*box
	watches map[string]*watch // by alert ID
	edge    map[string]string // alerts "box" of an edge that last: their ID to their box
}

// The bounds of the memory, for each box.
const (
	mostDisks      = 48
	mostInterfaces = 256
	mostRestarts   = 16
	// gather is how many records a box must have brought before what they do not name counts as gone.
	gather = 3
	// goneAfter is how long a disk or an interface may be missing from the records of its box.
	goneAfter = time.Hour
	// clockMost is how far a box's time may fall back before its histories begin anew; less is a record out of order.
	clockMost = time.Hour
)

// box is what is remembered of one.
type box struct {
	records int
	heard   time.Time     // when its newest record arrived
	last    time.Time     // the newest time in a record
	every   time.Duration // between records, smoothed

	processor, load, available, wrong mean      // %, 1, % of memory, % of records
	busy                              busiest   // load
	runs                              busiest   // h, how long the processors were busy without a pause
	running                           time.Time // since when they are
	wrongly                           string    // the newest sentence about a number that cannot be

	uptime    time.Duration // at last; negative: unknown
	before    time.Duration // uptime before the newest restart
	noticed   time.Time     // when that was seen, by the box's time
	restarts  []time.Time   // by the box's time, the newest last
	disks     map[string]*disk
	nics      map[string]*nic
	hasMemory bool
}

func (s *State) ready() {
	if s.boxes == nil {
		s.boxes, s.watches, s.edge = map[string]*box{}, map[string]*watch{}, map[string]string{}
	}
}

// Take takes a record of a box of the room, and when it arrived (the record's broker time): silence is counted by
// arrival, everything else by the record's own time. Records may come twice and out of order.
func (s *State) Take(r wire.Resource, arrived time.Time) {
	s.ready()
	b := s.boxes[r.Box]
	if b == nil {
		b = &box{every: firstInterval, uptime: -1, disks: map[string]*disk{}, nics: map[string]*nic{}}
		s.boxes[r.Box] = b
	}
	if arrived.After(b.heard) {
		b.heard = arrived
	}
	at := time.UnixMilli(r.TimeMillis)
	if back := b.last.Sub(at); !b.last.IsZero() && back >= 0 {
		if back < clockMost {
			return
		}
		b.forgetHistory()
	}
	b.take(r, at)
}

// TakeAlert takes an alert of somebody else: while an edge says itself that a box does not answer, nobody needs to be
// told again that it is silent.
func (s *State) TakeAlert(a wire.Alert) {
	name, isBox := strings.CutPrefix(a.ID, a.Room+"/box/")
	if !isBox || a.Source != "edge" {
		return
	}
	s.ready()
	if a.EndedMillis == 0 {
		s.edge[a.ID] = name
		return
	}
	delete(s.edge, a.ID)
}

// forget drops boxes that no longer stand in the room.
func (s *State) forget(boxes []string) {
	for name := range s.boxes {
		if !slices.Contains(boxes, name) {
			delete(s.boxes, name)
		}
	}
	for id, name := range s.edge {
		if !slices.Contains(boxes, name) {
			delete(s.edge, id)
		}
	}
}

// forgetHistory begins anew with a box whose clock was set back.
func (b *box) forgetHistory() {
	fresh := box{records: b.records, heard: b.heard, every: b.every, uptime: -1, disks: map[string]*disk{}, nics: map[string]*nic{}}
	*b = fresh
}

// The interval between records: assumed at first, and the most that one gap may teach.
const firstInterval, intervalMost = 10 * time.Second, 5 * time.Minute

func (b *box) take(r wire.Resource, at time.Time) {
	gap := at.Sub(b.last)
	first := b.last.IsZero()
	b.records++
	if !first {
		b.every += (min(gap, intervalMost) - b.every) / 8
		b.restarted(r, at, gap)
	}
	b.last = at
	if r.UptimeS != nil {
		b.uptime = seconds(*r.UptimeS)
	}
	if r.CPUPercent != nil {
		b.processor.take(*r.CPUPercent, at, 5*time.Minute)
		b.takeRun(at)
	}
	if r.Load1 != nil {
		b.load.take(*r.Load1, at, 5*time.Minute)
		b.busy.take(b.load.value, at)
	}
	if b.hasMemory = r.MemAvail != nil && r.MemTotal != nil && *r.MemTotal > 0; b.hasMemory {
		b.available.take(100**r.MemAvail / *r.MemTotal, at, 2*time.Minute)
	}
	b.takeNumbers(r, at)
	b.takeDisks(r.Disks, at)
	b.takeInterfaces(r.Interfaces, at)
}

// busyMark is from which % on processors count as busy where a box's habit is learned.
const busyMark = 90

func (b *box) takeRun(at time.Time) {
	since(&b.running, b.processor.value >= busyMark, at)
	run := 0.0
	if !b.running.IsZero() {
		run = at.Sub(b.running).Hours()
	}
	b.runs.take(run, at)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// wrap is where hrSystemUptime begins again: 2^32 hundredths of a second, 497 days.
const wrap = (1 << 32) * 10 * time.Millisecond

// restarted notes a restart: the uptime is behind what it should be by then. That it is above the earlier one says
// little after a long silence.
func (b *box) restarted(r wire.Resource, at time.Time, gap time.Duration) {
	if r.UptimeS == nil || b.uptime < 0 {
		return
	}
	now := seconds(*r.UptimeS)
	behind := b.uptime + gap - now
	slack := 10*time.Second + gap/50 // a slow answer, whole seconds, and clocks that differ
	// A clock that was set forward moves at, and not the uptime: then the box has been up for longer than since then.
	if behind <= slack || behind > wrap-slack && behind < wrap+slack || now >= b.uptime && now > gap {
		return
	}
	b.before, b.noticed = b.uptime, at
	b.restarts = append(b.restarts, at.Add(-now))
	if n := len(b.restarts) - mostRestarts; n > 0 {
		b.restarts = slices.Delete(b.restarts, 0, n)
	}
}

// cannotBe is how an edge ends the sentences about what it left out because no box can have it (package resource).
const cannotBe = "which cannot be"

func (b *box) takeNumbers(r wire.Resource, at time.Time) {
	share := 0.0
	for _, sentence := range r.LeftOut {
		if strings.HasSuffix(sentence, cannotBe) {
			b.wrongly, share = sentence, 100
			break
		}
	}
	b.wrong.take(share, at, 10*time.Minute)
}
