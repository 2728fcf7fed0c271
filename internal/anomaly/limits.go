package anomaly

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Limits are the thresholds. Fields lists each with its default, range and unit.
type Limits struct {
	Processor    float64       `json:"processor"`     // % busy
	ProcessorFor spec.Duration `json:"processor-for"` // at or above it
	LoadTimes    float64       `json:"load-times"`    // times the box's own busy hours
	LoadLeast    float64       `json:"load-least"`    // below it no load is high
	LoadFor      spec.Duration `json:"load-for"`
	MemoryLow    float64       `json:"memory-low"`      // % available: a warning
	MemoryLeast  float64       `json:"memory-least"`    // % available: high
	MemoryFor    spec.Duration `json:"memory-for"`      //
	DiskFull     float64       `json:"disk-full"`       // % used: a warning
	DiskMost     float64       `json:"disk-most"`       // % used: high
	DiskFor      spec.Duration `json:"disk-for"`        //
	FillWithin   spec.Duration `json:"fill-within"`     // projected time to full: a warning
	FillSoon     spec.Duration `json:"fill-soon"`       // projected time to full: high
	Errors       float64       `json:"errors"`          // of one interface, in and out, per second
	Discards     float64       `json:"discards"`        // the same
	PacketsFor   spec.Duration `json:"packets-for"`     //
	SilentAfter  spec.Duration `json:"silent-after"`    // at the least; three intervals where those are longer
	UpFor        spec.Duration `json:"up-for"`          // a restarted box counts as back
	Restarts     float64       `json:"restarts-hour"`   // in an hour that make a restarted box a high alert
	WrongShare   float64       `json:"numbers-wrong"`   // % of records with a number that cannot be
	WrongFor     spec.Duration `json:"numbers-for"`     //
	SayAgain     spec.Duration `json:"say-again"`       // high and critical ones that last
	WarnAgain    spec.Duration `json:"say-again-later"` // warnings that last
}

// Field is one threshold.
type Field struct {
	Key                  string  // as in JSON and in a policy
	Default, Least, Most float64 // in Unit
	Unit                 string  // %, x, 1/s, s, or empty for a plain number
	About                string

	number   *float64
	duration *spec.Duration
}

// fields binds the thresholds of l.
func (l *Limits) fields() []Field {
	number := func(key string, to *float64, def, least, most float64, unit, about string) Field {
		return Field{Key: key, Default: def, Least: least, Most: most, Unit: unit, About: about, number: to}
	}
	span := func(key string, to *spec.Duration, def, least, most time.Duration, about string) Field {
		return Field{Key: key, Default: def.Seconds(), Least: least.Seconds(), Most: most.Seconds(), Unit: "s", About: about, duration: to}
	}
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	return []Field{
		number("processor", &l.Processor, 95, 50, 100, "%", "busy at or above this"),
		span("processor-for", &l.ProcessorFor, hour, minute, day, "for this long is a warning: a backup may take all for half an hour"),
		number("load-times", &l.LoadTimes, 3, 1.2, 100, "x", "load this many times that of the box's own busy hours of the last 7 days"),
		number("load-least", &l.LoadLeast, 8, 0.5, 10_000, "", "and at or above this; four times this while the box is not known for a day"),
		span("load-for", &l.LoadFor, 30*minute, minute, day, "for this long is a warning"),
		number("memory-low", &l.MemoryLow, 10, 0, 90, "%", "less available is a warning"),
		number("memory-least", &l.MemoryLeast, 4, 0, 90, "%", "less available is high"),
		span("memory-for", &l.MemoryFor, 15*minute, 0, day, "for this long"),
		number("disk-full", &l.DiskFull, 90, 10, 100, "%", "used at or above this is a warning"),
		number("disk-most", &l.DiskMost, 95, 10, 100, "%", "used at or above this is high"),
		span("disk-for", &l.DiskFor, 10*minute, 0, day, "for this long"),
		span("fill-within", &l.FillWithin, 3*day, hour, 30*day, "a disk projected to be full within this is a warning"),
		span("fill-soon", &l.FillSoon, 6*hour, 10*minute, 7*day, "within this is high"),
		number("errors", &l.Errors, 0.5, 0, 1e6, "1/s", "errors of an interface, in and out, at or above this"),
		number("discards", &l.Discards, 20, 0, 1e9, "1/s", "discards of an interface, in and out, at or above this"),
		span("packets-for", &l.PacketsFor, 15*minute, 0, day, "for this long is a warning"),
		span("silent-after", &l.SilentAfter, 90*time.Second, 10*time.Second, day, "no record for this long, or for three intervals of the box if that is longer"),
		span("up-for", &l.UpFor, 10*minute, minute, day, "a restarted box that is up for this long is back"),
		number("restarts-hour", &l.Restarts, 3, 2, 60, "", "this many restarts in an hour are high"),
		number("numbers-wrong", &l.WrongShare, 50, 1, 100, "%", "of the records hold a number that cannot be"),
		span("numbers-for", &l.WrongFor, 30*minute, minute, day, "for this long is a warning"),
		span("say-again", &l.SayAgain, hour, minute, 7*day, "high alerts that last are said again"),
		span("say-again-later", &l.WarnAgain, 12*hour, minute, 7*day, "warnings that last are said again"),
	}
}

func (f Field) value() float64 {
	if f.duration != nil {
		return f.duration.D().Seconds()
	}
	return *f.number
}

func (f Field) set(value float64) {
	if f.duration != nil {
		*f.duration = spec.Duration(value * float64(time.Second))
		return
	}
	*f.number = value
}

// DefaultLimits are the limits where nobody set any.
func DefaultLimits() Limits {
	var l Limits
	for _, f := range l.fields() {
		f.set(f.Default)
	}
	return l
}

// Fields lists all thresholds.
func Fields() []Field { return new(Limits).fields() }

// Validate refuses thresholds out of their range or order. Errors are ErrInvalid, all faults joined.
func (l Limits) Validate() error {
	var faults []error
	refuse := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...)))
	}
	for _, f := range l.fields() {
		if v := f.value(); math.IsNaN(v) || v < f.Least || v > f.Most {
			refuse("%s %g %s is outside %g to %g", f.Key, v, f.Unit, f.Least, f.Most)
		}
	}
	if l.MemoryLeast > l.MemoryLow {
		refuse("memory-least %g %% is above memory-low %g %%", l.MemoryLeast, l.MemoryLow)
	}
	if l.DiskMost < l.DiskFull {
		refuse("disk-most %g %% is below disk-full %g %%", l.DiskMost, l.DiskFull)
	}
	if l.FillSoon > l.FillWithin {
		refuse("fill-soon %s is longer than fill-within %s", l.FillSoon, l.FillWithin)
	}
	return errors.Join(faults...)
}
