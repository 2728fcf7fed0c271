package compose

import (
	"fmt"
	_ "time/tzdata" // schedules name time zones, and a starter's host may have no list of them

	"github.com/overcloud/overcloud/internal/spec"
)

// policy starts from the defaults, so a file states only what differs.
func (l *loader) policy(s *section) spec.Policy {
	p := spec.DefaultPolicy()
	for _, f := range p.Fields() {
		switch to := f.To.(type) {
		case *float64:
			s.number(f.Key, to)
		case *int:
			s.whole(f.Key, to)
		case *spec.Duration:
			s.duration(f.Key, to)
		case *string:
			if text := s.text(f.Key); text != "" {
				*to = text
			}
		}
	}
	if s.values["class"] == nil {
		p = p.Classed()
	}
	p.TimeZone = s.text("time-zone")
	for i, item := range s.list("schedule") {
		p.Schedule = append(p.Schedule, l.scheduleEntry(fmt.Sprintf("%s[%d]", s.at("schedule"), i), item))
	}
	if err := p.CheckZone(); err != nil {
		l.add(s.at("time-zone"), "%s", err)
		p.TimeZone = ""
	}
	s.done()
	return p
}

func (l *loader) scheduleEntry(path string, value any) spec.ScheduleEntry {
	s := l.section(path, value)
	e := spec.ScheduleEntry{Days: s.texts("days"), From: s.text("from"), To: s.text("to")}
	for key, to := range map[string]**float64{"band-low": &e.BandLow, "band-high": &e.BandHigh} {
		if s.values[key] != nil {
			*to = new(float64)
			s.number(key, *to)
		}
		s.known = append(s.known, key)
	}
	for key, to := range map[string]**int{"setpoint-min": &e.SetpointMin, "setpoint-max": &e.SetpointMax} {
		if s.values[key] != nil {
			*to = new(int)
			s.whole(key, *to)
		}
		s.known = append(s.known, key)
	}
	s.done()
	return e
}
