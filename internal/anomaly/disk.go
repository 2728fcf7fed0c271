package anomaly

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// disk is one file system: where it is, and where it is going by two histories.
type disk struct {
	seen    time.Time
	percent float64
	recent  series // 10-minute means of the last 3 hours: something writes now
	hours   series // hourly means of the last 7 days: it grows from day to day
	peaks   busiest
	fast    trend
	slow    trend
}

// The histories.
const (
	recentStep, recentMost = 10 * time.Minute, 18
	hoursStep, hoursMost   = time.Hour, 168
	recentLeast            = 7 // points, one hour
	// A trend of three hours says nothing of the day after tomorrow.
	fastAhead = 12 * time.Hour
)

// trend is where a disk is going.
type trend struct {
	known bool
	// PerHour is the slope in %/h; half of all pairs of points lie between least and most.
	perHour, least, most float64
	over                 time.Duration // the history that it is seen in
	top                  float64       // % from which it goes on
}

// left is how long the disk lasts; the largest duration when it does not grow.
func (t trend) left() time.Duration {
	if !t.known || t.perHour <= 0 {
		return math.MaxInt64
	}
	hours := max(0, 100-t.top) / t.perHour
	if hours > 1e4 {
		return math.MaxInt64
	}
	return time.Duration(hours * float64(time.Hour))
}

// passedOver are mounts that are full by nature or show what another mount shows.
func passedOver(path string) bool {
	for _, start := range []string{
		"/snap/", "/var/snap/", "/run/", "/proc", "/sys", "/dev", "/media/cdrom", "/cdrom",
		"/var/lib/docker/overlay2/", "/var/lib/containers/storage/overlay",
	} {
		if strings.HasPrefix(path, start) {
			return true
		}
	}
	return false
}

func (b *box) takeDisks(disks []wire.Disk, at time.Time) {
	for _, found := range disks {
		if passedOver(found.Path) {
			continue
		}
		d := b.disks[found.Path]
		if d == nil {
			if len(b.disks) >= mostDisks {
				continue
			}
			d = &disk{recent: series{step: recentStep, most: recentMost}, hours: series{step: hoursStep, most: hoursMost}}
			b.disks[found.Path] = d
		}
		d.take(found.Percent, at)
	}
	for path, d := range b.disks {
		if at.Sub(d.seen) > goneAfter {
			delete(b.disks, path)
		}
	}
}

func (d *disk) take(percent float64, at time.Time) {
	d.seen, d.percent = at, percent
	d.peaks.take(percent, at)
	if least, whole := d.hours.leastOf(day); whole && percent < least-cleaned {
		d.hours.values, d.slow = d.hours.values[:0], trend{} // somebody made room: what was before leads nowhere
	}
	if d.recent.take(percent, at) {
		d.fast = d.now()
	}
	if d.hours.take(percent, at) {
		d.slow = d.daily()
	}
}

const (
	day = 24 // hours
	// cleaned is by how many % a disk must fall under its least of a day to begin anew.
	cleaned = 5
	// nearly is from which % on an hour of growth is enough to say so.
	nearly = 80
)

// now is the trend of the last three hours; of the last hour where the disk is nearly full. It is known only where
// nearly all pairs of points rise, and where the disk is fuller than it has been: what a nightly backup writes and
// deletes again is no trend, nor is a log that is rotated.
func (d *disk) now() trend {
	values := d.recent.values
	peak, known := d.peaks.highest()
	if known && d.percent < peak+d.margin(peak) {
		return trend{}
	}
	var whole, hour trend
	if len(values) == recentMost {
		whole = d.recent.slope(values, d.percent)
	}
	if known && d.percent >= nearly && len(values) >= recentLeast {
		hour = d.recent.slope(values[len(values)-recentLeast:], d.percent)
	}
	if hour.left() < whole.left() {
		return hour
	}
	return whole
}

// margin is how far above its peak of the last days a disk must be to be fuller than ever: a quarter of its swing, and
// 2 % at the least.
func (d *disk) margin(peak float64) float64 {
	least, _ := d.hours.leastOf(len(d.hours.values))
	return max(2, (peak-least)/4)
}

// daily compares each hour with the same hour of other days (a seasonal slope after Theil and Sen), so that what comes
// and goes each day does not count. It goes on from the fullest hour of the last day.
func (d *disk) daily() trend {
	values := d.hours.values
	if len(values) < 2*day {
		return trend{}
	}
	var slopes []float64
	for i := range values {
		for j := i + day; j < len(values); j += day {
			if rise := float64(values[j] - values[i]); rise == rise {
				slopes = append(slopes, rise/float64(j-i))
			}
		}
	}
	top := d.percent
	for _, v := range values[len(values)-day:] {
		if v == v {
			top = max(top, float64(v))
		}
	}
	return robust(slopes, d.hours.step*time.Duration(len(values)), top, len(values)/2)
}

// series is a history of means over equal steps; NaN where there was no value.
type series struct {
	step   time.Duration
	most   int
	slot   int64 // of the step that goes on
	sum    float64
	n      int
	values []float32 // of the steps that are over, the newest last
}

// take adds a value and says whether a step has ended by it.
func (s *series) take(value float64, at time.Time) bool {
	slot := at.UnixNano() / int64(s.step)
	ended := s.n > 0 && slot != s.slot
	if ended {
		s.push(float32(s.sum / float64(s.n)))
		for missing := slot - s.slot - 1; missing > 0 && missing <= int64(s.most); missing-- {
			s.push(float32(math.NaN()))
		}
		if slot-s.slot > int64(s.most) {
			s.values = s.values[:0]
		}
		s.sum, s.n = 0, 0
	}
	s.slot, s.sum, s.n = slot, s.sum+value, s.n+1
	return ended
}

func (s *series) push(value float32) {
	if len(s.values) >= s.most {
		s.values = slices.Delete(s.values, 0, len(s.values)-s.most+1)
	}
	s.values = append(s.values, value)
}

// leastOf is the least of the last n values, and whether there are as many.
func (s *series) leastOf(n int) (float64, bool) {
	if n == 0 || len(s.values) < n {
		return 0, false
	}
	least := math.Inf(1)
	for _, v := range s.values[len(s.values)-n:] {
		if v == v { // not NaN
			least = min(least, float64(v))
		}
	}
	return least, true
}

// slope is the median slope of all pairs of points (Theil and Sen), in units per hour. It is unknown where less than
// 92 % of the pairs rise: in three hours, growth for the last two.
func (s *series) slope(values []float32, top float64) trend {
	var slopes []float64
	rising := 0
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			rise := float64(values[j] - values[i])
			if rise != rise {
				continue
			}
			if rise > 0 {
				rising++
			}
			slopes = append(slopes, rise/(float64(j-i)*s.step.Hours()))
		}
	}
	if float64(rising) < 0.92*float64(len(slopes)) {
		return trend{}
	}
	least := recentLeast * (recentLeast - 1) / 2
	return robust(slopes, s.step*time.Duration(len(values)), top, least*2/3)
}

// robust is the median of slopes with its quartiles. It is unknown with fewer than least of them, and where the lower
// quartile does not rise: then the direction itself is in doubt.
func robust(slopes []float64, over time.Duration, top float64, least int) trend {
	if len(slopes) < max(least, 1) {
		return trend{}
	}
	slices.Sort(slopes)
	n := len(slopes)
	t := trend{known: true, perHour: slopes[n/2], least: slopes[n/4], most: slopes[3*n/4], over: over, top: top}
	if t.least <= 0 {
		return trend{}
	}
	return t
}
