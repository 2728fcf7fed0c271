package agent

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/infrared"
)

// metrics writes everything in Prometheus' text format. It reads no device and asks no broker.
func (a *agent) metrics(out io.Writer, now time.Time) {
	s, w := a.status(now), newScrape(&a.tally.counts)
	w.put("healthy", flag(a.fault(now) == nil))
	w.put("clock_trusted", flag(s.ClockTrusted))
	if offset, known := a.clock.offset(); known {
		w.put("clock_offset_seconds", offset.Seconds())
	}
	s.queues(w)
	s.readings(w)
	s.machines(w)
	for _, b := range s.Boxes {
		w.put("box_polls_total", float64(b.Polls), "box", b.Box)
		w.put("box_errors_total", float64(b.Faults), "box", b.Box)
		w.put("box_poll_seconds", b.TookS, "box", b.Box)
		w.put("box_silent_polls", float64(b.Silence), "box", b.Box)
	}
	for _, r := range s.Rooms {
		w.put("lease_age_seconds", r.LeaseAgeS, "room", r.Room)
		w.put("no_orders", flag(r.NoOrders), "room", r.Room)
	}
	w.put("alerts", float64(len(s.Alerts)))
	process(w)
	// The asker may be gone; there is nobody left to tell.
	_, _ = out.Write(w.text())
}

func (s Status) queues(w scrape) {
	for _, topic := range slices.Sorted(maps.Keys(s.Queues)) {
		q := s.Queues[topic]
		for _, one := range []struct {
			name  string
			value float64
		}{
			{"spool_records", float64(q.Depth)},
			{"spool_bytes", float64(q.Bytes)},
			{"spool_max_bytes", float64(q.Max)},
			{"spool_oldest_age_seconds", q.OldestAgeS},
			{"spool_dropped_total", float64(q.Dropped)},
			{"spool_damaged_segments_total", float64(q.Damaged)},
			{"spool_damaged_records_total", float64(q.Lost)},
			{"spool_refused_total", float64(q.Refused)},
			{"spool_written_bytes_total", float64(q.Written)},
		} {
			w.put(one.name, one.value, "topic", topic)
		}
	}
}

func (s Status) readings(w scrape) {
	for _, one := range s.Sensors {
		room, sensor := one.Room, strconv.Itoa(one.Sensor)
		if one.AgeS != nil {
			w.put("reading_celsius", one.Celsius, "room", room, "sensor", sensor)
			w.put("reading_age_seconds", *one.AgeS, "room", room, "sensor", sensor)
		}
		w.put("sensor_failed_samples", float64(one.Failed), "room", room, "sensor", sensor)
	}
}

// machines writes the setpoints: what is desired, what was sent last and what is confirmed; none while a machine is off
// or nothing is known.
func (s Status) machines(w scrape) {
	for _, one := range s.AirConditioners {
		for _, of := range []struct {
			state string
			is    *infrared.State
		}{{"desired", one.Wanted}, {"sent", one.Sent}, {"confirmed", one.Actual}} {
			if of.is != nil && of.is.Power {
				w.put("setpoint_celsius", float64(of.is.Setpoint), "room", one.Room, "ac", one.AC, "state", of.state)
			}
		}
		w.put("infrared_attempts", float64(one.Attempts), "room", one.Room, "ac", one.AC)
		w.put("infrared_unheard", flag(one.Unheard), "room", one.Room, "ac", one.AC)
		w.put("infrared_unread_frames_total", float64(one.Unread), "room", one.Room, "ac", one.AC)
		w.put("no_effect", flag(one.NoEffect), "room", one.Room, "ac", one.AC)
		w.put("fail_safe", flag(one.NoOrders || one.NoReadings), "room", one.Room, "ac", one.AC)
	}
}

// process writes what the daemon itself takes.
func process(w scrape) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err == nil {
		seconds := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
		w.put("process_cpu_seconds_total", seconds(usage.Utime)+seconds(usage.Stime))
	}
	if pages, err := resident("/proc/self/statm"); err == nil {
		w.put("process_resident_bytes", float64(pages*int64(os.Getpagesize())))
	}
}

// resident is the second number of statm: pages in memory.
func resident(path string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, io.ErrUnexpectedEOF
	}
	return strconv.ParseInt(string(fields[1]), 10, 64)
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
