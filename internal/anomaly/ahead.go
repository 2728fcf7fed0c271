package anomaly

import (
	"math"
	"time"
)

// The histories that Ahead judges by.
const (
	// AheadHours are the hourly means, of 7 days.
	AheadHours = hoursMost
	// AheadRecent are the means of RecentStep, of 3 hours.
	AheadRecent = recentMost
	// RecentStep is the length of one of them.
	RecentStep = recentStep
)

// Outlook is where a disk is going.
type Outlook struct {
	// Known is false while there is too little history to say anything: an hourly trend needs 2 days, and that of the last
	// 3 hours needs all of them.
	Known bool
	// Filling says that it will be full if it goes on like this.
	Filling bool
	PerHour float64       // % of the disk an hour; 0 when it does not fill
	Left    time.Duration // until it is full
	Over    time.Duration // the history in which the trend is seen
}

// Ahead says when a disk will be full at its pace, by the same robust slopes as the alert box-filling: from day to day by
// hourly means, and in the last three hours where that leads to a full disk within 12. hours and recent are oldest first
// and end now, NaN where nothing is known; percent is how full it is.
func Ahead(hours, recent []float64, percent float64) Outlook {
	d := disk{percent: percent, recent: series{step: recentStep, most: recentMost}, hours: series{step: hoursStep, most: hoursMost}}
	d.hours.values = known(hours, hoursMost)
	d.recent.values = known(recent, recentMost)
	d.sinceCleaned()
	slow := d.daily()
	fast := trend{}
	if len(d.recent.values) == recentMost && !d.belowItsPeak() {
		fast = d.recent.slope(d.recent.values, percent)
	}
	outlook := Outlook{Known: len(d.hours.values) >= 2*day || len(d.recent.values) == recentMost}
	t := slow
	if soon := fast.left(); soon < slow.left() && soon <= fastAhead {
		t = fast
	}
	if left := t.left(); left < math.MaxInt64 {
		outlook.Filling, outlook.PerHour, outlook.Left, outlook.Over = true, t.perHour, left, t.over
	}
	return outlook
}

// sinceCleaned leaves out what was before somebody made room.
func (d *disk) sinceCleaned() {
	values := d.hours.values
	for i := len(values) - 1; i > day; i-- {
		least := math.Inf(1)
		for _, v := range values[i-day : i] {
			if v == v { // not NaN
				least = min(least, float64(v))
			}
		}
		if v := float64(values[i]); v == v && v < least-cleaned {
			d.hours.values = values[i:]
			return
		}
	}
}

// belowItsPeak says that the disk has been as full before, in the days that are known: what a nightly job writes and
// removes again leads nowhere.
func (d *disk) belowItsPeak() bool {
	values := d.hours.values
	if len(values) <= day {
		return false // nothing but these hours is known
	}
	peak, least := math.Inf(-1), math.Inf(1)
	for _, v := range values[:len(values)-recentMost/6] {
		if v == v {
			peak, least = max(peak, float64(v)), min(least, float64(v))
		}
	}
	return d.percent < peak+max(2, (peak-least)/4)
}

// known are the last values from the first one on that is some.
func known(values []float64, most int) []float32 {
	values = values[max(0, len(values)-most):]
	for len(values) > 0 && math.IsNaN(values[0]) {
		values = values[1:]
	}
	all := make([]float32, 0, len(values))
	for _, v := range values {
		all = append(all, float32(v))
	}
	return all
}
