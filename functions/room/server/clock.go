package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// stepMost bounds one step of a stepped clock: a day of a few rooms is calculated in a blink, a year is a typing mistake.
const stepMost = 24 * time.Hour

// Clock answers /api/v1/clock.
type Clock struct {
	Stepped  bool    `json:"stepped"`   // time passes only by POST
	ElapsedS float64 `json:"elapsed_s"` // simulated seconds since the beginning
}

// clock tells the time.
func (b *Building) clock() Clock {
	c := Clock{Stepped: b.config.Speed == 0}
	for _, s := range b.rooms {
		s.mu.Lock()
		c.ElapsedS = max(c.ElapsedS, s.model.Peek().Elapsed.Seconds())
		s.mu.Unlock()
	}
	return c
}

// setClock takes {"advance_s": 10}, and {"restart": true} for all rooms as they were at their beginning.
func (b *Building) setClock(w http.ResponseWriter, r *http.Request) (any, error) {
	var body struct {
		AdvanceS float64 `json:"advance_s"`
		Restart  bool    `json:"restart"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	switch {
	case b.config.Speed != 0:
		return nil, fmt.Errorf("the clock runs by itself at speed %g: start with ROOM_SPEED=0 for a stepped one: %w", b.config.Speed, fault.ErrInvalid)
	case !(body.AdvanceS >= 0 && body.AdvanceS <= stepMost.Seconds()):
		return nil, fmt.Errorf("a step of %g s is outside 0 to %g: %w", body.AdvanceS, stepMost.Seconds(), fault.ErrInvalid)
	case body.AdvanceS == 0 && !body.Restart:
		return nil, fmt.Errorf(`the body is {"advance_s": 10} or {"restart": true}: %w`, fault.ErrInvalid)
	}
	if body.Restart {
		if err := b.restart(); err != nil {
			return nil, err
		}
	}
	b.move(time.Duration(body.AdvanceS * float64(time.Second)))
	return b.clock(), nil
}

// restart makes all rooms what they were at the beginning.
func (b *Building) restart() error {
	for _, s := range b.rooms {
		fresh, err := newSpace(s.spec, b.config)
		if err != nil {
			return fmt.Errorf("simulated room %s: %w", s.spec.Name, err)
		}
		s.mu.Lock()
		s.model, s.random, s.loss = fresh.model, fresh.random, fresh.loss
		s.sent, s.lost, s.ignored, s.measured = 0, 0, 0, fresh.measured
		s.mu.Unlock()
	}
	return nil
}
