package server

import (
	"fmt"
	"net/http"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/room"
)

// change alters the controls of a room; a refused change leaves them as they were.
func (s *space) change(edit func(*room.Controls)) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	controls := s.model.State().Controls
	edit(&controls)
	if err := s.model.Control(controls); err != nil {
		return nil, err
	}
	return map[string]any{"controls": controls, "simulated": true}, nil
}

// setLoad takes {"watts": 4200} or {"factor": 1.4}; {"factor": 1} is the ordinary load again.
func setLoad(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body struct {
		Watts  *float64 `json:"watts"`
		Factor *float64 `json:"factor"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	switch {
	case (body.Watts == nil) == (body.Factor == nil):
		return nil, fmt.Errorf(`the load is either {"watts": 4200} or {"factor": 1.4}: %w`, fault.ErrInvalid)
	case body.Watts != nil && *body.Watts <= 0, body.Factor != nil && *body.Factor <= 0:
		return nil, fmt.Errorf("the load must be above 0: %w", fault.ErrInvalid)
	case body.Watts != nil:
		return s.change(func(c *room.Controls) { c.LoadW, c.LoadFactor = *body.Watts, 0 })
	default:
		return s.change(func(c *room.Controls) { c.LoadW, c.LoadFactor = 0, *body.Factor })
	}
}

// setOutdoor takes {"celsius": 35}; {"celsius": null} is the day curve again.
func setOutdoor(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body struct {
		Celsius *float64 `json:"celsius"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	return s.change(func(c *room.Controls) { c.OutdoorC = body.Celsius })
}

// setDoor takes {"open": true} for 0.3 kg/s of air, or {"kg_s": 0.1}.
func setDoor(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body struct {
		Open bool     `json:"open"`
		KgS  *float64 `json:"kg_s"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	flow := 0.0
	switch {
	case body.KgS != nil:
		flow = *body.KgS
	case body.Open:
		flow = 0.3
	}
	return s.change(func(c *room.Controls) { c.DoorKgS = flow })
}

// failAC takes {"failed": true} or {"failed": false}.
func failAC(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body struct {
		Failed *bool `json:"failed"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	if body.Failed == nil {
		return nil, fmt.Errorf(`the body is {"failed": true} or {"failed": false}: %w`, fault.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return done(), s.model.Fail(r.PathValue("ac"), *body.Failed)
}

// setLoss takes {"loss": 0.1}: the probability that an infrared frame is lost.
func setLoss(w http.ResponseWriter, r *http.Request, s *space) (any, error) {
	var body struct {
		Loss *float64 `json:"loss"`
	}
	if err := read(w, r, &body); err != nil {
		return nil, err
	}
	if body.Loss == nil || !(*body.Loss >= 0 && *body.Loss <= 1) {
		return nil, fmt.Errorf(`the body is {"loss": p} with p from 0 to 1: %w`, fault.ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loss = *body.Loss
	return done(), nil
}
