package server

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
)

// Heard is one frame that an infrared receiver near an air conditioner heard.
type Heard struct {
	Sequence  int64     `json:"sequence"` // rises by one; ask for what came after it with ?since=
	Time      time.Time `json:"time"`
	CarrierHz int       `json:"carrier_hz"`
	Pulses    []int     `json:"pulses_us"`
}

// ear is a receiver's memory: the newest frames.
type ear struct {
	frames []Heard
	last   int64
}

const remembered = 64

// newEar begins at the time, so that a listener's sequence stays behind after this process was restarted.
func newEar() *ear { return &ear{last: time.Now().UnixMilli()} }

func (e *ear) hear(f infrared.Frame) {
	e.last++
	e.frames = append(e.frames, Heard{Sequence: e.last, Time: time.Now(), CarrierHz: f.CarrierHz, Pulses: f.Pulses})
	if len(e.frames) > remembered {
		e.frames = e.frames[len(e.frames)-remembered:]
	}
}

func (e *ear) since(sequence int64) []Heard {
	out := []Heard{}
	for _, h := range e.frames {
		if h.Sequence > sequence {
			out = append(out, h)
		}
	}
	return out
}

// send is what a transmitter does: light into the room. Like a real one it does not know who heard it.
func (s *space) send(ac string, frame infrared.Frame) error {
	profile, ok := s.profiles[ac]
	if !ok {
		return fmt.Errorf("air conditioner %q in simulated room %s: %w", ac, s.spec.Name, fault.ErrNotFound)
	}
	if err := frame.Validate(); err != nil {
		return err
	}
	if len(frame.Pulses) == 0 {
		return fmt.Errorf("air conditioner %s: keys of lircd's remote %q are no light; a simulated room takes pulses: %w", ac, frame.Remote, fault.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	if s.random.Float64() < s.loss {
		s.lost++ // somebody stood in the way: neither machine nor receiver heard it
		return nil
	}
	heard := frame.Blurred(s.random.IntN)
	s.heard[ac].hear(heard)
	state, _, err := profile.Decode(heard)
	if err != nil {
		s.ignored++ // a machine ignores what it does not understand, and says nothing
		return nil
	}
	return s.model.Tell(ac, room.Told{Power: state.Power, Setpoint: state.Setpoint, Mode: state.Mode, Fan: state.Fan})
}

// Remote is what a person does with the hand remote.
type Remote struct {
	Power    *bool  `json:"power,omitempty"` // on when left out
	Setpoint int    `json:"setpoint"`
	Mode     string `json:"mode,omitempty"`
	Fan      string `json:"fan,omitempty"`
	// Heard lets the receiver near the machine hear it too; otherwise the change is hidden.
	Heard bool `json:"heard,omitempty"`
}

func (s *space) remote(ac string, r Remote) error {
	profile, ok := s.profiles[ac]
	if !ok {
		return fmt.Errorf("air conditioner %q in simulated room %s: %w", ac, s.spec.Name, fault.ErrNotFound)
	}
	state := infrared.State{Power: r.Power == nil || *r.Power, Setpoint: r.Setpoint, Mode: r.Mode, Fan: r.Fan}.WithDefaults()
	frame, err := profile.Encode(state, nil)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Heard {
		s.heard[ac].hear(frame.Blurred(s.random.IntN))
	}
	return s.model.Tell(ac, room.Told{Power: state.Power, Setpoint: state.Setpoint, Mode: state.Mode, Fan: state.Fan})
}
