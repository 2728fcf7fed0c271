package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// seen takes in how the boxes were found by a matching that began to look at a time. A box that does not answer keeps
// the time since when it has not; one that answers again has none.
func (s *service) seen(match MatchResult, began time.Time) {
	var absent []Absence
	known := slices.Concat(s.absent, match.Absent)
	boxes := slices.Clone(match.Boxes)
	for i, box := range boxes {
		if box.Reachable {
			continue
		}
		since := began
		if at := slices.IndexFunc(known, func(a Absence) bool { return a.Box == box.Name }); at >= 0 {
			since = known[at].Since
		}
		absent = append(absent, Absence{Box: box.Name, Since: since})
		boxes[i].Absent = since
	}
	s.absent, s.status.Boxes = absent, boxes
}

// The waits before a repair that failed is tried again by itself: never given up, and seldom enough to leave a
// broken box its peace.
const (
	mendPauseLeast = 10 * time.Second
	mendPauseMost  = 5 * time.Minute
)

// mendPause is the wait after so many failures in a row.
func mendPause(failures int) time.Duration {
	pause := mendPauseLeast
	for range failures - 1 {
		if pause = 2 * pause; pause >= mendPauseMost {
			return mendPauseMost
		}
	}
	return pause
}

// lookMost is how long a look at a box that has been unplugged takes (see observe): begun that much early, it ends
// when the functions may move. A box whose engine refuses at once is looked at again in time.
const lookMost = 10 * time.Second

// due is when the next repair must begin without anybody asking: as soon as a box has been away for as long as the
// specification says, so that the time is exact whatever the schedule is; and after a repair that failed when there
// is no schedule that would try again. Zero is never.
func (s *service) due() time.Time {
	if s.good == nil {
		return time.Time{}
	}
	due := s.mendAgain
	after := cmp.Or(s.good.Service.Lost.After, spec.LostAfter).D()
	for _, absence := range s.absent {
		lost := absence.Since.Add(after)
		if early := lost.Add(-lookMost); early.After(s.looked) {
			lost = early
		}
		if lost.After(s.looked) && (due.IsZero() || lost.Before(due)) { // else it has been looked at since
			due = lost
		}
	}
	return due
}
