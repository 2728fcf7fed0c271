package compose

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// shed reads what is given up when cooling is lost; nil when nothing is stated. The defaults: a box's shutdown takes
// some two minutes, so ten leave room for several; a room answers a step within one.
func (l *loader) shed(room *section) *spec.Shed {
	if _, stated := room.values["shed"]; !stated {
		room.known = append(room.known, "shed")
		return nil
	}
	s := room.mapping("shed")
	shed := &spec.Shed{
		Within: spec.Duration(10 * time.Minute), StepEvery: spec.Duration(time.Minute),
		ResumeBelow: 26, ResumeAfter: spec.Duration(10 * time.Minute), DryRun: s.yes("dry-run"),
	}
	s.duration("within", &shed.Within)
	s.duration("step-every", &shed.StepEvery)
	s.number("resume-below", &shed.ResumeBelow)
	s.duration("resume-after", &shed.ResumeAfter)
	for i, item := range s.list("order") {
		step := l.section(fmt.Sprintf("%s[%d]", s.at("order"), i), item)
		shed.Order = append(shed.Order, spec.ShedStep{
			Function: step.text("function"), Box: step.text("box"), ShutDown: step.text("shut-down"),
			Wake: step.text("wake"), WakeFrom: step.text("wake-from"),
		})
		step.done()
	}
	s.done()
	return shed
}

// loadMeter reads where the power of a room's boxes is metered; nil when nothing is stated.
func (l *loader) loadMeter(room *section) *spec.LoadMeter {
	if _, stated := room.values["load-meter"]; !stated {
		room.known = append(room.known, "load-meter")
		return nil
	}
	s := room.mapping("load-meter")
	meter := &spec.LoadMeter{Source: s.text("source"), Box: s.text("box")}
	s.done()
	return meter
}
