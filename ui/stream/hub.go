// Package stream tells everybody who follows the Control Room what changed. Each change is looked for, encoded and
// compressed once, however many follow; what a follower costs is a place in a list of events. It knows no HTTP:
// package server writes the bytes.
package stream

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/ui/state"
)

const (
	// least is the shortest time between two patches: people read no faster, and a reading is on the page within half
	// a second.
	least = 250 * time.Millisecond
	// beatEvery is how often a stream says that it lives, and what changes by time alone (a value that grew stale) is
	// looked for.
	beatEvery = 5 * time.Second
	// window is how many events are kept as they went out. Who is further behind gets one patch with all it missed.
	window = 32
	// goneMost is how many paths that have gone are remembered, for those who come back.
	goneMost = 4096
)

// Source is what is followed.
type Source interface {
	Snapshot(now time.Time) state.Snapshot
	// Changed is closed at the next change after a snapshot's version.
	Changed(version uint64) <-chan struct{}
}

// part is the newest of one path.
type part struct {
	text json.RawMessage // nil: it has gone
	seq  uint64          // of the patch that said so
}

// Hub is the one place that looks for changes. While nobody follows it rests.
type Hub struct {
	source Source
	now    func() time.Time
	log    *slog.Logger
	epoch  string // of this process: what an earlier one counted means nothing here

	mu       sync.Mutex
	seq      uint64 // of the newest patch
	parts    map[string]part
	gone     int    // how many of parts have gone
	floor    uint64 // who knows less than this patch may not know what has gone
	snapshot state.Snapshot
	whole    *event // the snapshot, encoded; nil until somebody needs it
	catchUp  map[uint64]*event
	events   [window]*event
	next     uint64        // number of the next event
	wake     chan struct{} // closed and replaced at each event
	readers  int
	quit     chan struct{} // ends the look-out; nil while it rests
}

// New makes a hub. Now is the clock of the answers.
func New(source Source, now func() time.Time, log *slog.Logger) *Hub {
	epoch := make([]byte, 6)
	_, _ = rand.Read(epoch) // it never fails
	return &Hub{
		source: source, now: now, log: log, epoch: hex.EncodeToString(epoch),
		parts: map[string]part{}, catchUp: map[uint64]*event{}, wake: make(chan struct{}),
	}
}

// Readers is how many follow now.
func (h *Hub) Readers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers
}

// watch looks for changes until quit.
func (h *Hub) watch(quit <-chan struct{}) {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		h.mu.Lock()
		version := h.snapshot.Version
		h.mu.Unlock()
		select {
		case <-quit:
			return
		case <-beat.C:
			h.turn(true)
			continue
		case <-h.source.Changed(version):
		}
		h.turn(false)
		select {
		case <-quit:
			return
		case <-time.After(least):
		}
	}
}

// turn looks once, and beats.
func (h *Hub) turn(beat bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.look()
	if beat {
		h.emit(message("heartbeat", "", fmt.Appendf(nil, `{"now":%d}`, h.now().UnixMilli())))
	}
}

// look compares what is with what was last told, and tells the difference. It runs under the lock.
func (h *Hub) look() {
	snapshot := h.source.Snapshot(h.now())
	sections, err := snapshot.Sections()
	if err != nil {
		h.log.Error("the state cannot be encoded; the page goes on with what it has", "cause", err.Error())
		return
	}
	set, gone := h.differ(sections)
	h.snapshot = snapshot
	if len(set) == 0 && len(gone) == 0 && h.seq > 0 {
		return
	}
	h.seq++
	for path, text := range set {
		h.parts[path] = part{text, h.seq}
	}
	for _, path := range gone {
		h.parts[path] = part{nil, h.seq}
	}
	h.gone += len(gone)
	h.forget()
	h.whole = nil
	clear(h.catchUp)
	h.emit(message("patch", h.id(), patch(snapshot.Version, snapshot.Now, set, gone)))
}

func (h *Hub) differ(sections map[string]json.RawMessage) (set map[string]json.RawMessage, gone []string) {
	set = map[string]json.RawMessage{}
	for path, text := range sections {
		known, is := h.parts[path]
		if is && known.text != nil && bytes.Equal(known.text, text) {
			continue
		}
		if is && known.text == nil {
			h.gone-- // it is back
		}
		set[path] = text
	}
	for path, known := range h.parts {
		if _, is := sections[path]; !is && known.text != nil {
			gone = append(gone, path)
		}
	}
	return set, gone
}

// forget drops what has gone when that is too much to remember.
func (h *Hub) forget() {
	if h.gone <= goneMost {
		return
	}
	for path, known := range h.parts {
		if known.text == nil {
			delete(h.parts, path)
		}
	}
	h.gone, h.floor = 0, h.seq
}

func (h *Hub) emit(e *event) {
	h.events[h.next%window] = e
	h.next++
	close(h.wake)
	h.wake = make(chan struct{})
}

// id is of what was told so far.
func (h *Hub) id() string { return h.epoch + "-" + strconv.FormatUint(h.seq, 10) }

// known is the patch that an ID names, if it is one of this process.
func (h *Hub) known(id string) (uint64, bool) {
	epoch, number, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	return seq, err == nil && epoch == h.epoch && seq <= h.seq && seq >= h.floor && seq > 0
}

// since is one event with everything that is new after a patch; made once for all who come back from there. It runs
// under the lock.
func (h *Hub) since(seq uint64) *event {
	if made := h.catchUp[seq]; made != nil {
		return made
	}
	set, gone := map[string]json.RawMessage{}, []string{}
	for path, known := range h.parts {
		switch {
		case known.seq <= seq:
		case known.text == nil:
			gone = append(gone, path)
		default:
			set[path] = known.text
		}
	}
	made := message("patch", h.id(), patch(h.snapshot.Version, h.snapshot.Now, set, gone))
	h.catchUp[seq] = made
	return made
}

// all is the whole state as an event; made once for all who come. It runs under the lock.
func (h *Hub) all() (*event, error) {
	if h.whole == nil {
		text, err := json.Marshal(h.snapshot)
		if err != nil {
			return nil, fmt.Errorf("encode the state: %w", err)
		}
		h.whole = message("state", h.id(), text)
	}
	return h.whole, nil
}
