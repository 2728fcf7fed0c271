package agent

import (
	"fmt"
	"time"
)

// instant is one look at both clocks of this box: the wall clock, which may be wrong and may jump, and the monotonic
// one, which only goes on.
type instant struct {
	wall int64 // ms
	mono time.Duration
}

// hearing is a lease that arrived: when, and the time that its maker put into it.
type hearing struct {
	says  int64 // ms
	heard time.Duration
}

// judgement says whether a wall clock can be trusted. It is pure. The evidence is the kernel's word, the latest time
// that this edge was sure of (a clock that is earlier is wrong), and the leases of those who decide, whose own time is
// no older than they took to travel.
type judgement struct {
	mode  string
	known int64 // ms; the latest time that was surely reached
	heard []hearing
}

// The bounds of the judgement.
const (
	offMost     = 5 * time.Second // between this clock and the leases'
	backMost    = 2 * time.Second // before the latest known time: clocks are set back a little
	burst       = time.Second     // leases that arrive together were waiting somewhere: the newest counts
	heardMost   = 4               // leases, of which the one that travelled fastest counts
	heardAtAll  = 2               // leases that make a clock wrong; one alone may have waited somewhere
	heardLatest = 6 * time.Hour   // a crystal is off by 100 ppm at the worst: 2 s in that time
)

// lease takes one that arrived. Those that were made long ago and read again do no harm: of the last few, the one
// that travelled fastest counts.
func (j *judgement) lease(at instant, says int64) {
	if n := len(j.heard); n > 0 && at.mono-j.heard[n-1].heard < burst {
		if says > j.heard[n-1].says {
			j.heard[n-1] = hearing{says, at.mono}
		}
		return
	}
	j.heard = append(j.heard, hearing{says, at.mono})
	if len(j.heard) > heardMost {
		j.heard = append(j.heard[:0], j.heard[1:]...)
	}
}

// offset is how far the wall clock is ahead of the leases', at the most exact guess; negative when it is behind.
// Each lease says what the time is now: its own, and what has passed since.
func (j *judgement) offset(at instant) (ahead time.Duration, leases int) {
	for _, h := range j.heard {
		passed := at.mono - h.heard
		if passed > heardLatest {
			continue
		}
		one := time.Duration(at.wall-h.says)*time.Millisecond - passed
		if leases == 0 || one < ahead {
			ahead = one
		}
		leases++
	}
	return ahead, leases
}

// doubt is why the wall clock cannot be trusted now; empty when it can. Synchronised is the kernel's word.
func (j *judgement) doubt(at instant, synchronised bool) string {
	switch j.mode {
	case ClockTrusted:
		return ""
	case ClockKernel:
		if !synchronised {
			return "the kernel says that nobody sets the clock"
		}
		return ""
	}
	ahead, leases := j.offset(at)
	off := ahead > offMost || ahead < -offMost
	switch {
	case off && leases >= heardAtAll && ahead > 0:
		return fmt.Sprintf("the clock is %s ahead of those who decide", ahead.Round(time.Second))
	case off && leases >= heardAtAll:
		return fmt.Sprintf("the clock is %s behind those who decide", -ahead.Round(time.Second))
	case leases > 0 && !off:
		return "" // they agree; a container or virtual machine may say nothing of synchronisation
	case at.wall < j.known-backMost.Milliseconds():
		return "the clock is earlier than a time that has passed already, " + time.UnixMilli(j.known).UTC().Format(time.RFC3339)
	case !synchronised:
		return "nobody sets the clock, and nobody has been heard who knows the time"
	}
	return ""
}

// sure notes the time while the clock is trusted. Also backwards: a clock that was far ahead and trusted must not make
// every right time wrong for ever.
func (j *judgement) sure(at instant) { j.known = at.wall }
