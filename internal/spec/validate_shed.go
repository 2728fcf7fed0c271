package spec

import (
	"fmt"
	"slices"
	"time"
)

// shed checks what is given up when cooling is lost: that it exists, can be switched off, and is not what the room is
// seen and cooled by.
func (c *check) shed(path string, r Room) {
	if r.Shed == nil {
		return
	}
	s := *r.Shed
	path += ".shed"
	c.duration(path+".within", "within", s.Within, time.Minute, 2*time.Hour)
	c.duration(path+".step-every", "step-every", s.StepEvery, 10*time.Second, time.Hour)
	c.duration(path+".resume-after", "resume-after", s.ResumeAfter, time.Minute, 24*time.Hour)
	if !(s.ResumeBelow >= 10 && s.ResumeBelow < r.Policy.High) {
		c.add(path+".resume-below", "resume-below is %v °C, but it must be from 10 °C to below high (%v °C)", s.ResumeBelow, r.Policy.High)
	}
	if len(r.Inlets()) < 2 {
		c.add(path, "room %q has one inlet sensor: nothing is switched off by the word of one sensor, so give it a second", r.Name)
	}
	if len(s.Order) == 0 {
		c.add(path+".order", "order names nothing that may be switched off: list functions and boxes, the least important first")
	}
	seen := map[string]bool{}
	for i, step := range s.Order {
		at := fmt.Sprintf("%s.order[%d]", path, i)
		if seen[step.String()] {
			c.add(at, "%s stands in the order twice", step)
		}
		seen[step.String()] = true
		c.shedStep(at, r, step)
	}
}

func (c *check) shedStep(path string, r Room, step ShedStep) {
	switch {
	case (step.Function == "") == (step.Box == ""):
		c.add(path, "a step names either a function or a box")
		return
	case step.Function != "":
		if step.Wake != "" || step.WakeFrom != "" || step.ShutDown != "" {
			c.add(path, "shut-down, wake and wake-from are for boxes: function %s is started again by its engine", step.Function)
		}
		c.shedFunction(path+".function", step.Function)
		return
	}
	c.knownBox(path+".box", "a step", step.Box)
	at := slices.IndexFunc(c.service.Boxes, func(b Box) bool { return b.Name == step.Box })
	if at < 0 {
		return // told, or an edge's own file, which has no boxes
	}
	if _, reached := c.service.Boxes[at].SSHAccess(); !reached {
		c.add(path+".box", "box %q is shut down over SSH: give it `ssh: user@host`", step.Box)
	}
	if !slices.Contains(r.Boxes, step.Box) {
		c.add(path+".box", "box %q does not stand in room %q: to shut it down cools nothing there", step.Box, r.Name)
	}
	if r.seenBy(step.Box) {
		c.add(path+".box", "box %q reads sensors or sends infrared in room %q: without it nobody cools", step.Box, r.Name)
	}
	c.wake(path, step)
}

func (c *check) wake(path string, step ShedStep) {
	switch {
	case step.Wake == "" && step.WakeFrom == "":
		return // a person switches it on again
	case step.Wake == "" || step.WakeFrom == "":
		c.add(path, "wake is a command and wake-from the box that runs it: box %s needs both, or neither", step.Box)
		return
	case step.WakeFrom == step.Box:
		c.add(path+".wake-from", "box %q cannot wake itself", step.Box)
	}
	c.knownBox(path+".wake-from", "wake-from", step.WakeFrom)
	at := slices.IndexFunc(c.service.Boxes, func(b Box) bool { return b.Name == step.WakeFrom })
	if at < 0 {
		return
	}
	if _, reached := c.service.Boxes[at].SSHAccess(); !reached {
		c.add(path+".wake-from", "box %q runs the command over SSH: give it `ssh: user@host`", step.WakeFrom)
	}
}

func (c *check) shedFunction(path, name string) {
	at := slices.IndexFunc(c.service.Functions, func(f Function) bool { return f.Name == name })
	switch {
	case len(c.service.Functions) == 0: // an edge's own file has none
	case at < 0:
		c.add(path, "function %q is not in this service", name)
	case c.service.Functions[at].External != "":
		c.add(path, "function %q runs elsewhere: nobody here can stop it", name)
	case c.service.Orchestrator == OrchestratorSwarm:
		c.add(path, "in a swarm a stopped container is replaced: name boxes instead of function %q", name)
	}
}

// seenBy says whether a box reads the room's sensors or sends to its machines.
func (r Room) seenBy(box string) bool {
	return slices.ContainsFunc(r.Sensors, func(s Sensor) bool { return s.Box == box }) ||
		slices.ContainsFunc(r.AirConditioners, func(a AirConditioner) bool { return a.Box == box })
}

// loadMeter checks how the power of a room's boxes is read.
func (c *check) loadMeter(path string, r Room) {
	if r.LoadMeter == nil {
		return
	}
	if !device(r.LoadMeter.Source) {
		c.add(path+".load-meter.source", "source %q must say how the power of the boxes is read: simulated://load, snmp:…, file:… or exec:…", r.LoadMeter.Source)
	}
	c.knownBox(path+".load-meter.box", "the load meter", r.LoadMeter.Box)
}
