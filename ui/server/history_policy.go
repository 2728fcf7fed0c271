package server

import (
	"github.com/labstack/echo/v4"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// PolicyLine is one number of a room's policy, as people write it.
type PolicyLine struct {
	Key string `json:"key"` // as specifications spell it: band-low
	// Value holds now; Usual is that of a room that states none; Specified is the specification's, unless a person has
	// changed it since.
	Value     string `json:"value"`
	Usual     string `json:"usual"`
	Specified string `json:"specified"`
	Means     string `json:"means"` // English
}

// policy answers with a room's policy as a table, in the order in which a person would read it.
func (s *Server) policy(c echo.Context) error {
	room, err := s.room(c)
	if err != nil {
		return err
	}
	now, specified, usual := s.policyNow(room), room.Policy, spec.DefaultPolicy()
	all := []PolicyLine{}
	fields := now.Fields()
	for i, said := range specified.Fields() {
		all = append(all, PolicyLine{fields[i].Key, fields[i].String(), usual.Fields()[i].String(), said.String(), said.Means})
	}
	all = append(all,
		PolicyLine{"time-zone", now.TimeZone, usual.TimeZone, specified.TimeZone, "of the schedule; empty: UTC"},
		PolicyLine{"schedule", workflows.Scheduled(now), workflows.Scheduled(usual), workflows.Scheduled(specified), "what holds at certain hours instead"})
	return s.tagged(c, map[string]any{"items": all})
}

// policyNow is the policy that holds: a person may have changed it since the specification.
func (s *Server) policyNow(room spec.Room) spec.Policy {
	for _, r := range s.Store.Snapshot(s.Now()).Rooms {
		if r.Name == room.Name {
			return r.Policy
		}
	}
	return room.Policy
}
