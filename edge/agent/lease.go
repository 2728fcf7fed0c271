package agent

import "time"

// watch counts the time without orders for one room. It is pure and runs on monotonic time; it counts from
// the edge's start, so a control loop that never was is noticed too.
type watch struct {
	last     time.Time
	revision int64
	lost     bool
}

func newWatch(now time.Time) watch { return watch{last: now} }

// seen takes a lease. Revisions that do not rise renew nothing: a broker may deliver old ones again. Back says
// that orders had been missing, or that this is the first lease.
func (w *watch) seen(now time.Time, revision int64) (back bool) {
	if revision <= w.revision {
		return false
	}
	back = w.lost || w.revision == 0
	w.revision, w.last, w.lost = revision, now, false
	return back
}

// tick says whether orders are missing now, after patience without a lease, and whether that has just begun.
// Missing they stay until a lease comes.
func (w *watch) tick(now time.Time, patience time.Duration) (missing, began bool) {
	if !w.lost && now.Sub(w.last) < patience {
		return false, false
	}
	began, w.lost = !w.lost, true
	return true, began
}
