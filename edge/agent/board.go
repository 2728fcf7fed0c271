package agent

import (
	"cmp"
	"strconv"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/spec"
)

// latest is what a sensor said last.
type latest struct {
	Room     string    `json:"room"`
	Sensor   int       `json:"sensor"`
	Celsius  float64   `json:"celsius"`
	Humidity *float64  `json:"humidity,omitempty"` // %, of the last good reading; null when it has none
	At       time.Time `json:"at,omitzero"`        // of the last good reading
	Bad      string    `json:"bad,omitempty"`      // why the last reading is not believed
	LeftOut  string    `json:"left_out,omitempty"` // why its humidity was left out
	Fault    string    `json:"fault,omitempty"`    // why there was no reading at the last sample
	Failed   int       `json:"failed"`             // samples in a row without any reading
	Device   string    `json:"device,omitempty"`   // what stands behind the source, in words
	Looked   time.Time `json:"looked,omitzero"`
	every    time.Duration
	role     string
}

// board is where the samplers write what they saw last, for fail-safe decisions, neighbours and health.
type board struct {
	mu      sync.Mutex
	sensors map[string]latest
}

func (b *board) write(l latest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sensors[l.Room+"/"+strconv.Itoa(l.Sensor)] = l
}

func (b *board) all() []latest {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []latest
	for _, l := range b.sensors {
		out = append(out, l)
	}
	return out
}

// beside are the other sensors of a room in the same kind of air with a good reading no older than age.
func (b *board) beside(now time.Time, s latest, age time.Duration) []plausible.Neighbour {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []plausible.Neighbour
	for _, l := range b.sensors {
		if l.Room == s.Room && l.Sensor != s.Sensor && l.role == s.role && !l.At.IsZero() && now.Sub(l.At) <= age {
			out = append(out, plausible.Neighbour{Sensor: l.Sensor, Celsius: l.Celsius})
		}
	}
	return out
}

// airOf is the kind of air at a sensor.
func airOf(s spec.Sensor) string { return cmp.Or(s.Role, spec.RoleInlet) }
