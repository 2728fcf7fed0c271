package spec

import (
	"cmp"
	"time"
)

// History says how long a service's readings are kept, and how fine. Zero is the default; see WithDefaults.
type History struct {
	Raw     Duration `json:"raw,omitempty"`     // every record as it came
	Minutes Duration `json:"minutes,omitempty"` // means, minima and maxima of minutes
	Hours   Duration `json:"hours,omitempty"`   // of hours, and every command, ack, alert and answer
	// Late is how late a reading may come and still be rolled up: an edge that was cut off sends what it kept.
	Late Duration `json:"late,omitempty"`
	// Every is the interval of the rolling-up.
	Every Duration `json:"every,omitempty"`
	// Off leaves everything as InfluxDB has it.
	Off bool `json:"off,omitempty"`
}

// Forever is long enough to mean that nothing is ever removed.
const Forever = Duration(100 * 365 * 24 * time.Hour)

const day = Duration(24 * time.Hour)

// WithDefaults fills in what is left open: raw 90 days, minutes 2 years, hours for ever, late 7 days, every 15 minutes;
// none of them in contradiction to what is stated.
func (h History) WithDefaults() History {
	h.Hours = cmp.Or(h.Hours, Forever)
	h.Raw = cmp.Or(h.Raw, min(90*day, cmp.Or(h.Minutes, h.Hours)))
	h.Minutes = cmp.Or(h.Minutes, max(min(2*365*day, h.Hours), h.Raw))
	h.Late = cmp.Or(h.Late, min(7*day, h.Raw/2))
	h.Every = cmp.Or(h.Every, Duration(15*time.Minute))
	return h
}

// history checks how long readings are kept. Retention only ever removes what the next tier has.
func (c *check) history() {
	const path = "x-overcloud.history"
	h := c.service.History
	c.duration(path+".raw", "raw", cmp.Or(h.Raw, Forever), 2*day.D(), Forever.D())
	c.duration(path+".minutes", "minutes", cmp.Or(h.Minutes, Forever), 2*day.D(), Forever.D())
	c.duration(path+".hours", "hours", cmp.Or(h.Hours, Forever), 2*day.D(), Forever.D())
	c.duration(path+".late", "late", cmp.Or(h.Late, day), time.Hour, 365*day.D())
	c.duration(path+".every", "every", cmp.Or(h.Every, day), time.Minute, day.D())
	h = h.WithDefaults()
	if h.Minutes < h.Raw {
		c.add(path+".minutes", "minutes are kept for %s, but raw readings for %s, which is longer", h.Minutes, h.Raw)
	}
	if h.Hours < h.Minutes {
		c.add(path+".hours", "hours are kept for %s, but minutes for %s, which is longer", h.Hours, h.Minutes)
	}
	if h.Late > h.Raw-day {
		c.add(path+".late", "late is %s, but raw readings are kept for %s: they must be kept a day longer than that", h.Late, h.Raw)
	}
}
