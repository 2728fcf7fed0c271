package w1

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/internal/fault"
)

// Times of a round of readings.
const (
	// gather is how long a round waits for others who tick at the same time.
	gather = 50 * time.Millisecond
	// fresh is how old a conversion may be that is handed to a sensor which has not had it yet, so that sensors that
	// tick at times of their own share conversions too. The air at a probe takes 10 s and more to change it.
	fresh = 2 * time.Second
	// forgotten is when a sensor that nobody asks for is not read any more.
	forgotten = 15 * time.Minute
	// recent is how old a neighbour's reading may be to make 85 °C believable.
	recent = 2 * time.Minute
)

// Hub is where everybody in a process who reads 1-Wire sensors meets.
type Hub struct {
	tree sysfs.Tree
	bulk bool

	mu    sync.Mutex
	buses map[string]*bus   // by master
	where map[string]string // the master on which a sensor was last
}

// NewHub makes the one hub of a process. Two of them would begin conversions into each other's, and then read what was
// measured before; who cannot share one takes Single.
func NewHub(tree sysfs.Tree) *Hub {
	return &Hub{tree: tree, bulk: true, buses: map[string]*bus{}, where: map[string]string{}}
}

// Single makes a hub that never converts in bulk. It is safe beside another process that does.
func Single(tree sysfs.Tree) *Hub {
	h := NewHub(tree)
	h.bulk = false
	return h
}

// find is the bus of a sensor. A sensor may be put on another one at any time.
func (h *Hub) find(id string) (*bus, error) {
	real, err := h.tree.Real(devices + "/" + id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		if b := h.buses[h.where[id]]; b != nil {
			b.forget(id)
		}
		delete(h.where, id)
		return nil, h.lost(id)
	}
	master := devices // a flat tree, as copies of /sys are: one bus without a name
	if parts := strings.Split(real, "/"); len(parts) > 1 && strings.HasPrefix(parts[len(parts)-2], "w1_bus_master") {
		master = strings.Join(parts[:len(parts)-1], "/")
	}
	if before := h.buses[h.where[id]]; before != nil && h.where[id] != master {
		before.forget(id)
	}
	h.where[id] = master
	b, ok := h.buses[master]
	if !ok {
		b = &bus{hub: h, dir: master, sensors: map[string]*sensor{}}
		h.buses[master] = b
	}
	return b, nil
}

// hot says whether a sensor other than that one is above 80 °C.
func (h *Hub) hot(id string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.buses {
		if b.hot(id, now) {
			return true
		}
	}
	return false
}

func (h *Hub) describe(id string) string {
	h.mu.Lock()
	b := h.buses[h.where[id]]
	h.mu.Unlock()
	if b == nil {
		return id
	}
	return b.describe(id)
}

// bus is one 1-Wire bus with the sensors on it that somebody reads.
type bus struct {
	hub *Hub
	dir string

	mu      sync.Mutex
	sensors map[string]*sensor
	round   chan struct{} // closed when the round that runs has ended; nil when none does
	how     string        // how the last round read
}

// sensor is what is known of one sensor. Its facts are read again after each fault: a sensor that was off has
// forgotten what it was told.
type sensor struct {
	asked time.Time
	facts *facts
	began time.Time // of the conversion that the result is of
	given bool      // the result was handed out, or is not judged yet
	milli int
	err   error
}

// read gives the sensor's result of a conversion that it was not given before. It never leaves more than one
// goroutine for each bus behind, however long a driver hangs.
func (b *bus) read(ctx context.Context, id string) (int, error) {
	began := time.Now()
	for {
		milli, round, err := b.look(id)
		if round == nil {
			return milli, err
		}
		select {
		case <-round:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: no answer for %s: %w", fault.ErrUnreachable, time.Since(began).Round(100*time.Millisecond), ctx.Err())
		}
	}
}

// look gives the result that waits for the sensor, or the round to wait for, which it begins if none runs.
func (b *bus) look(id string) (milli int, round <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	s := b.sensors[id]
	if s == nil {
		s = &sensor{given: true}
		b.sensors[id] = s
	}
	s.asked = now
	if !s.given && now.Sub(s.began) <= fresh {
		s.given = true
		return s.milli, nil, s.err
	}
	if b.round == nil {
		b.round = make(chan struct{})
		go b.run(b.round)
	}
	return 0, b.round, nil
}

func (b *bus) run(round chan struct{}) {
	time.Sleep(gather)
	results, how := b.convert(b.members())
	b.mu.Lock()
	b.how = how
	for id, r := range results {
		if s := b.sensors[id]; s != nil {
			s.began, s.milli, s.err = r.began, r.milli, r.err
		}
	}
	b.mu.Unlock()
	judged := b.judged(results)
	b.mu.Lock()
	for id, err := range judged {
		if s := b.sensors[id]; s != nil {
			s.err, s.given = err, false
			if err != nil {
				s.facts = nil
			}
		}
	}
	b.round = nil
	b.mu.Unlock()
	close(round)
}

// judged is what is wrong with each sensor's result, beside those of all others.
func (b *bus) judged(results map[string]result) map[string]error {
	now, out := time.Now(), map[string]error{}
	for id, r := range results {
		if out[id] = r.err; r.err == nil {
			out[id] = judge(r.milli, r.milli == powerUp && b.hub.hot(id, now), r.held)
		}
	}
	return out
}

// members are the sensors that somebody asks for.
func (b *bus) members() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for id, s := range b.sensors {
		if time.Since(s.asked) > forgotten {
			delete(b.sensors, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func (b *bus) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.sensors, id)
}

func (b *bus) hot(but string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.sensors {
		if id != but && s.err == nil && s.milli > believed && s.milli != powerUp && s.milli <= hottest && now.Sub(s.began) <= recent {
			return true
		}
	}
	return false
}

func (b *bus) describe(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := id + ", " + b.dir[strings.LastIndex(b.dir, "/")+1:]
	if s := b.sensors[id]; s != nil && s.facts != nil {
		out += s.facts.String()
	}
	if b.how != "" {
		out += ", " + b.how
	}
	return out
}
