package anomaly

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// The hysteresis: a value must be this far on the good side, for clearFor, before its alert ends.
const (
	clearFor       = 10 * time.Minute
	busyHysteresis = 10 // % of a processor
	fullHysteresis = 2  // % of a disk
	memHysteresis  = 3  // % of memory
	// Boxes that go silent together are told together: each waits this long for the others.
	togetherFor = 30 * time.Second
	// backFor is how long a silent box must speak again.
	backFor = 30 * time.Second
)

// sight is who speaks and who is silent.
type sight struct {
	silent map[string]time.Duration // boxes that spoke once and are silent for too long
	every  bool                     // all of them, and there are more than one
	spoke  int                      // boxes that spoke once
}

func (s *State) listen(in Input) sight {
	seen := sight{silent: map[string]time.Duration{}}
	for _, name := range in.Boxes {
		b := s.boxes[name]
		if b == nil {
			continue
		}
		seen.spoke++
		if quiet := in.Now.Sub(b.heard); quiet > b.silentAfter(in.Limits) {
			seen.silent[name] = quiet
		}
	}
	seen.every = seen.spoke > 1 && len(seen.silent) == seen.spoke
	return seen
}

// silentAfter is three of the box's intervals, and the limit at the least.
func (b *box) silentAfter(l Limits) time.Duration { return max(l.SilentAfter.D(), 3*b.every) }

// everyBox stands for the alerts of all boxes when all fell silent: what they have in common is silent.
func everyBox(in Input, seen sight) condition {
	longest := time.Duration(0)
	for _, quiet := range seen.silent {
		longest = max(longest, quiet)
	}
	return condition{
		kind: KindSilent, box: "*", severity: wire.SeverityHigh, clearsAfter: backFor,
		holds: seen.every && !in.Deaf, clears: len(seen.silent) < seen.spoke,
		evidence: func() string {
			return fmt.Sprintf("all %d boxes of the room are silent, the longest for %s: their edge or its way to Kafka is away", seen.spoke, span(longest))
		},
		over: func() string {
			return fmt.Sprintf("%d of %d boxes speak", seen.spoke-len(seen.silent), seen.spoke)
		},
	}
}

// conditions are those of one box. What only a speaking box can show neither holds nor clears while it is silent.
func (b *box) conditions(in Input, name string, seen sight) []condition {
	quiet, isSilent := seen.silent[name]
	all := make([]condition, 0, 6+2*len(b.disks)+2*len(b.nics))
	all = append(all, b.silence(in, name, quiet, isSilent, seen),
		b.restart(in, name), b.cpu(in, name), b.loaded(in, name), b.memory(in, name), b.numbers(in, name))
	for _, path := range sorted(b.disks) {
		all = append(all, b.full(in, name, path), b.filling(in, name, path))
	}
	for _, nic := range sorted(b.nics) {
		all = append(all, b.packets(in, name, nic)...)
	}
	for i := range all {
		c := &all[i]
		c.box = name
		if isSilent && i > 0 {
			c.holds, c.clears = false, false
		}
	}
	return all
}

func (b *box) silence(in Input, name string, quiet time.Duration, isSilent bool, seen sight) condition {
	said := false
	for _, box := range in.State.edge {
		said = said || box == name
	}
	return condition{
		kind: KindSilent, box: name, severity: wire.SeverityWarning, holdsFor: togetherFor, clearsAfter: backFor,
		holds: isSilent && !seen.every && !said && !in.Deaf, clears: !isSilent,
		evidence: func() string {
			return fmt.Sprintf("box %s is silent for %s; it spoke every %s", name, span(quiet), span(b.every))
		},
		over: func() string {
			return fmt.Sprintf("box %s speaks again", name)
		},
	}
}

func (b *box) restart(in Input, name string) condition {
	c := condition{kind: KindRestarted, severity: wire.SeverityWarning}
	// A restart that is seen late, after an outage of the streams, is told all the same.
	up := in.Limits.UpFor.D()
	c.clears = (b.uptime < 0 || b.uptime >= up) && (b.noticed.IsZero() || b.last.Sub(b.noticed) >= up)
	c.over = func() string {
		return fmt.Sprintf("box %s is up for %s", name, span(b.uptime))
	}
	if len(b.restarts) == 0 || c.clears {
		return c
	}
	times := 0
	for _, at := range b.restarts {
		if b.last.Sub(at) < time.Hour {
			times++
		}
	}
	c.holds = true
	more := ""
	if float64(times) >= in.Limits.Restarts {
		c.severity = wire.SeverityHigh
		more = fmt.Sprintf("; restart %d within an hour", times)
	}
	c.evidence = func() string {
		return fmt.Sprintf("box %s started anew: it is up for %s, and was for %s%s", name, span(b.uptime), span(b.before), more)
	}
	return c
}

func (b *box) cpu(in Input, name string) condition {
	busy, l := b.processor.value, in.Limits
	usual, known := b.runs.usual()
	long := max(l.ProcessorFor.D(), time.Duration(2*usual*float64(time.Hour)))
	if !known {
		long = 3 * l.ProcessorFor.D()
	}
	return condition{
		kind: KindProcessor, severity: wire.SeverityWarning, holdsFor: long, clearsAfter: clearFor,
		holds: b.known(b.processor) && busy >= l.Processor, clears: busy < l.Processor-busyHysteresis,
		evidence: func() string {
			return fmt.Sprintf("the processors of %s are %.0f %% busy (mean of 5 min), at or above %.0f %% for %s, longer than it is used to", name, busy, l.Processor, span(long))
		},
		over: func() string {
			return fmt.Sprintf("the processors of %s are %.0f %% busy", name, busy)
		},
	}
}

func (b *box) loaded(in Input, name string) condition {
	l, load := in.Limits, b.load.value
	usual, known := b.busy.usual()
	bound, of := max(l.LoadLeast, l.LoadTimes*usual), fmt.Sprintf("on its busy hours it is %.1f", usual)
	if !known {
		bound, of = 4*l.LoadLeast, "the box is not known for a day yet"
	}
	return condition{
		kind: KindLoad, severity: wire.SeverityWarning, holdsFor: l.LoadFor.D(), clearsAfter: clearFor,
		holds: b.known(b.load) && load >= bound, clears: load < 0.7*bound,
		evidence: func() string {
			return fmt.Sprintf("the load of %s is %.1f (mean of 5 min), at or above %.1f for %s; %s", name, load, bound, span(l.LoadFor.D()), of)
		},
		over: func() string {
			return fmt.Sprintf("the load of %s is %.1f", name, load)
		},
	}
}

func (b *box) memory(in Input, name string) condition {
	l, free := in.Limits, b.available.value
	c := condition{
		kind: KindMemory, severity: wire.SeverityWarning, holdsFor: l.MemoryFor.D(), clearsAfter: clearFor,
		holds: b.known(b.available) && b.hasMemory && free < l.MemoryLow, clears: b.hasMemory && free >= l.MemoryLow+memHysteresis,
		evidence: func() string {
			return fmt.Sprintf("%.1f %% of the memory of %s is available, less than %.0f %%", free, name, l.MemoryLow)
		},
		over: func() string {
			return fmt.Sprintf("%.1f %% of the memory of %s is available", free, name)
		},
	}
	if free < l.MemoryLeast {
		c.severity = wire.SeverityHigh
		c.evidence = func() string {
			return fmt.Sprintf("%.1f %% of the memory of %s is available, less than %.0f %%", free, name, l.MemoryLeast)
		}
	}
	return c
}

func (b *box) numbers(in Input, name string) condition {
	l, share := in.Limits, b.wrong.value
	return condition{
		kind: KindNumbers, severity: wire.SeverityWarning, holdsFor: l.WrongFor.D(), clearsAfter: clearFor,
		holds: share >= l.WrongShare, clears: share < l.WrongShare/2,
		evidence: func() string {
			return fmt.Sprintf("%.0f %% of the records of %s hold a number that cannot be, the last one: %.300s", share, name, b.wrongly)
		},
		over: func() string {
			return fmt.Sprintf("%.0f %% of the records of %s hold a number that cannot be", share, name)
		},
	}
}

func (b *box) full(in Input, name, path string) condition {
	l, used := in.Limits, b.disks[path].percent
	c := condition{
		kind: KindDisk, item: path, severity: wire.SeverityWarning, holdsFor: l.DiskFor.D(), clearsAfter: clearFor,
		holds: used >= l.DiskFull, clears: used < l.DiskFull-fullHysteresis,
		evidence: func() string {
			return fmt.Sprintf("disk %s of %s is %.0f %% full, at or above %.0f %%", path, name, used, l.DiskFull)
		},
		over: func() string {
			return fmt.Sprintf("disk %s of %s is %.0f %% full", path, name, used)
		},
	}
	if used >= l.DiskMost {
		c.severity = wire.SeverityHigh
		c.evidence = func() string {
			return fmt.Sprintf("disk %s of %s is %.0f %% full, at or above %.0f %%", path, name, used, l.DiskMost)
		}
	}
	return c
}

func (b *box) filling(in Input, name, path string) condition {
	l, d := in.Limits, b.disks[path]
	t, left := d.slow, d.slow.left()
	if soon := d.fast.left(); soon < left && soon <= fastAhead && d.percent > d.fast.top-1 {
		t, left = d.fast, soon
	}
	within := l.FillWithin.D()
	c := condition{
		kind: KindFilling, item: path, severity: wire.SeverityWarning, clearsAfter: 3 * clearFor,
		// A disk that is full is told by its own alert.
		holds: left <= within && d.percent < 100, clears: left > within+within/2,
		evidence: func() string {
			return fmt.Sprintf("disk %s of %s is %.0f %% full and grows by %s (%s to %s, over %s): full in %s", path, name, d.percent,
				rate(t.perHour), rate(t.least), rate(t.most), span(t.over), span(left))
		},
		over: func() string {
			return fmt.Sprintf("disk %s of %s is %.0f %% full and does not grow fast any more", path, name, d.percent)
		},
	}
	if left <= l.FillSoon.D() {
		c.severity = wire.SeverityHigh
	}
	return c
}

func (b *box) packets(in Input, name, nic string) []condition {
	l, n := in.Limits, b.nics[nic]
	one := func(kind, what string, value, limit float64) condition {
		return condition{
			kind: kind, item: nic, severity: wire.SeverityWarning, holdsFor: l.PacketsFor.D(), clearsAfter: clearFor,
			holds: value >= limit, clears: value < limit/2,
			evidence: func() string {
				return fmt.Sprintf("interface %s of %s has %.2f %s a second (mean of 5 min), at or above %g for %s", nic, name, value, what, limit, span(l.PacketsFor.D()))
			},
			over: func() string {
				return fmt.Sprintf("interface %s of %s has %.2f %s a second", nic, name, value, what)
			},
		}
	}
	return []condition{one(KindErrors, "errors", n.errors.value, l.Errors), one(KindDiscards, "discards", n.discards.value, l.Discards)}
}

// known says whether a value was measured lately: an item that is left out of the newest records says nothing.
func (b *box) known(m mean) bool { return !m.at.IsZero() && b.last.Sub(m.at) < 5*time.Minute }
