// Package server runs simulated rooms in real time and answers for them over HTTP: what their sensors show,
// what an infrared transmitter sends into them and what an infrared receiver in them hears. It owns the
// process state of package room's models; it knows no broker and no edge. All of it says "simulated".
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
	"github.com/overcloud/overcloud/internal/spec"
)

// Config is what a building of simulated rooms is made from.
type Config struct {
	Rooms []spec.Room
	Speed float64 // simulated seconds for each real one; 1 is real time, 0 a clock that is stepped by POST /api/v1/clock
	Seed  uint64  // of noise, placement and losses
	Loss  float64 // probability that an infrared frame is lost, 0 to 1
	Dir   string  // where states are kept; empty keeps none
}

// Validate returns all faults of a configuration.
func (c Config) Validate() error {
	var faults []error
	if len(c.Rooms) == 0 {
		faults = append(faults, errors.New("there are no rooms; set OVERCLOUD_ROOMS"))
	}
	if !(c.Speed >= 0 && c.Speed <= 3600) {
		faults = append(faults, fmt.Errorf("ROOM_SPEED %g is outside 0 to 3600", c.Speed))
	}
	if !(c.Loss >= 0 && c.Loss <= 1) {
		faults = append(faults, fmt.Errorf("ROOM_LOSS %g is no probability", c.Loss))
	}
	seen := map[string]bool{}
	for _, r := range c.Rooms {
		if r.Name == "" || r.Name != filepath.Base(r.Name) || seen[r.Name] {
			faults = append(faults, fmt.Errorf("room %q needs a name of its own that is a plain word", r.Name))
		}
		seen[r.Name] = true
		for _, ac := range simulated(r) {
			if _, err := infrared.ByName(ac.Remote); err != nil {
				faults = append(faults, fmt.Errorf("room %s, air conditioner %s: %w", r.Name, ac.Name, err))
			}
		}
	}
	return errors.Join(faults...)
}

// simulated are the air conditioners of a room that stand here: a room may also have real ones, whose remotes may be files
// of the box that sends to them.
func simulated(r spec.Room) []spec.AirConditioner {
	return slices.DeleteFunc(slices.Clone(r.AirConditioners), func(ac spec.AirConditioner) bool {
		return ac.Transmitter != "" && !strings.HasPrefix(ac.Transmitter, "simulated://")
	})
}

// Building is the simulated rooms of one process. It is safe for concurrent use.
type Building struct {
	config Config
	rooms  map[string]*space
}

// space is one room with its receivers.
type space struct {
	spec     spec.Room
	profiles map[string]infrared.Profile // by air conditioner

	mu       sync.Mutex
	model    *room.Model
	random   *rand.Rand
	loss     float64
	heard    map[string]*ear // by air conditioner
	sent     int             // infrared frames
	lost     int
	ignored  int
	measured time.Time // real time of the last step
}

// New builds the rooms and restores stored states. A stored state that does not fit is set aside and logged.
func New(config Config) (*Building, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	b := &Building{config: config, rooms: map[string]*space{}}
	for _, r := range config.Rooms {
		s, err := newSpace(r, config)
		if err != nil {
			return nil, fmt.Errorf("simulated room %s: %w", r.Name, err)
		}
		if err := s.restore(b.path(r.Name)); err != nil {
			return nil, fmt.Errorf("simulated room %s: %w", r.Name, err)
		}
		b.rooms[r.Name] = s
	}
	return b, nil
}

func newSpace(r spec.Room, config Config) (*space, error) {
	// Rooms of one building differ in their noise, and are the same at each start.
	name := fnv.New64a()
	name.Write([]byte(r.Name))
	seed := config.Seed ^ name.Sum64()
	s := &space{
		spec: r, profiles: map[string]infrared.Profile{}, heard: map[string]*ear{}, loss: config.Loss,
		random:   rand.New(rand.NewPCG(seed, 1)), // a simulation wants repeatable numbers
		measured: time.Now(),
	}
	var acs []string
	for _, ac := range simulated(r) {
		profile, err := infrared.ByName(ac.Remote)
		if err != nil {
			return nil, err
		}
		acs = append(acs, ac.Name)
		s.profiles[ac.Name], s.heard[ac.Name] = profile, newEar()
	}
	var ids []int
	for _, sensor := range r.Sensors {
		ids = append(ids, sensor.ID)
	}
	parameters := room.Scaled(acs)
	probes := room.DefaultProbes(ids, parameters.InletRiseK, seed)
	for i := range probes {
		hang(&probes[i], r)
	}
	model, err := room.New(parameters, probes, seed)
	s.model = model
	return s, err
}

// hang puts a sensor into the air of the machine that names it; one that none names stays at its inlet. A probe in
// the air stream follows within some 20 s.
func hang(p *room.Probe, r spec.Room) {
	for _, ac := range r.AirConditioners {
		if p.ID == ac.Supply || p.ID == ac.Return {
			p.AC, p.Supply, p.Lag = ac.Name, p.ID == ac.Supply, 20*time.Second
		}
	}
}

// Run moves the rooms on with real time until ctx ends, and stores their states every 5 s and at the end.
func (b *Building) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last, stored := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return b.Store()
		case now := <-tick.C:
			// A process that slept for long (a laptop) goes on instead of racing after the time.
			b.Advance(min(now.Sub(last), time.Minute))
			last = now
			if now.Sub(stored) < 5*time.Second {
				continue
			}
			stored = now
			if err := b.Store(); err != nil {
				slog.WarnContext(ctx, "the simulated rooms could not be stored", "error", err)
			}
		}
	}
}

// Advance moves all rooms on by a span of real time, times the speed.
func (b *Building) Advance(real time.Duration) {
	b.move(time.Duration(float64(real) * b.config.Speed))
}

// move moves all rooms on by simulated time.
func (b *Building) move(d time.Duration) {
	for _, s := range b.rooms {
		s.mu.Lock()
		s.model.Step(d)
		s.measured = time.Now()
		s.mu.Unlock()
	}
}

// Store writes the states of all rooms, each at once or not at all.
func (b *Building) Store() error {
	if b.config.Dir == "" {
		return nil
	}
	var faults []error
	for name, s := range b.rooms {
		faults = append(faults, s.store(b.path(name)))
	}
	return errors.Join(faults...)
}

func (b *Building) path(name string) string {
	if b.config.Dir == "" {
		return ""
	}
	return filepath.Join(b.config.Dir, name+".json")
}

func (b *Building) room(name string) (*space, error) {
	if s, ok := b.rooms[name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("simulated room %q: %w", name, fault.ErrNotFound)
}

func (s *space) store(path string) error {
	s.mu.Lock()
	state := s.model.State()
	s.mu.Unlock()
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("store simulated room %s: %w", s.spec.Name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // nothing secret in a simulated room
		return fmt.Errorf("store simulated room %s: %w", s.spec.Name, err)
	}
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return fmt.Errorf("store simulated room %s: %w", s.spec.Name, err)
	}
	return os.Rename(path+".new", path)
}

func (s *space) restore(path string) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var state room.State
	err = json.Unmarshal(data, &state)
	if err == nil {
		err = s.model.Restore(state)
	}
	if err != nil {
		slog.Warn("a stored simulated room does not fit and begins anew", "room", s.spec.Name, "kept as", path+".old", "error", err)
		return os.Rename(path, path+".old")
	}
	return nil
}
