package activities

import (
	"slices"
	"sync"
	"time"
)

// rateWindow is what the rate of a pull is taken over: long enough to even out layers and TCP, short enough
// that a line that went slow shows.
const rateWindow = 5 * time.Second

// meter is the progress of a pull, shared with its heartbeat.
type meter struct {
	mu      sync.Mutex
	last    PullProgress
	samples []sample // of the last rateWindow, and one before, oldest first
}

// sample is how many bytes had come at one time.
type sample struct {
	at    time.Time
	bytes int64
}

func newMeter() *meter { return &meter{} }

// from begins with a source: what another one brought is on the box and is not counted again. size is what
// the registry's manifest says, for as long as the engine has not said more.
func (m *meter) from(repository string, size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.samples = PullProgress{From: repository, TotalBytes: size}, nil
}

// set takes what the engine said last, and tells whether anything has moved: bytes, unpacking, or a layer.
// Words alone (waiting, retrying in 5 seconds) are no progress.
func (m *meter) set(now time.Time, p PullProgress) (moved bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.last
	p.From = before.From
	if p.TotalBytes == 0 {
		p.TotalBytes = before.TotalBytes
	}
	m.last = p
	m.take(now)
	return p.Bytes != before.Bytes || p.Extracted != before.Extracted || p.LayersDone != before.LayersDone || p.Layers != before.Layers
}

// take notes a sample at most each tenth of a second, and forgets those that are too old.
func (m *meter) take(now time.Time) {
	if n := len(m.samples); n == 0 || now.Sub(m.samples[n-1].at) >= 100*time.Millisecond {
		m.samples = append(m.samples, sample{now, m.last.Bytes})
	}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= rateWindow {
		m.samples = m.samples[1:]
	}
}

// now is the progress with its rate at this moment, which falls while nothing comes. The layers are a copy.
func (m *meter) now(at time.Time) PullProgress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.last
	p.Each = slices.Clone(p.Each)
	if len(m.samples) == 0 {
		return p
	}
	m.take(at)
	first := m.samples[0]
	if took := at.Sub(first.at).Seconds(); took > 0 {
		p.Rate = max(0, float64(p.Bytes-first.bytes)/took)
	}
	return p
}
