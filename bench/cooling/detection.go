package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/spec"
)

// found is how one fault went in one room.
type found struct {
	fault, room  string
	full         bool
	after        time.Duration // until an alert or until it was right; -1: never
	kind         string        // of the alert; "put right" without one
	hotMin, maxC float64
}

// put puts one fault into a room after half a day of ordinary life and a bit, so that it meets every phase of what comes
// at intervals.
func put(c Case, f fault, policy spec.Policy, full bool) (found, error) {
	r := found{fault: f.name, room: c.Name, full: full, after: -1}
	w, err := newWorld(c, policy, full)
	if err != nil {
		return r, err
	}
	name := fnv.New64a()
	fmt.Fprint(name, c.Name, f.name, full)
	phase := time.Duration(name.Sum64()%2400) * time.Second
	if err := w.run(12*time.Hour + phase.Truncate(tickEvery)); err != nil {
		return r, err
	}
	w.fault, w.since, w.score = &f, w.now, &hotClock{}
	before := len(w.alerts)
	if f.begin != nil {
		if err := f.begin(w); err != nil {
			return r, err
		}
	}
	for w.now-w.since < f.lasts {
		if err := w.run(10 * time.Second); err != nil {
			return r, err
		}
		if r.after >= 0 {
			continue
		}
		for _, a := range w.alerts[before:] {
			if f.counts(a.Kind) {
				r.after, r.kind = a.at-w.since, a.Kind
				break
			}
		}
		if r.after < 0 && f.right != nil && f.right(w) {
			r.after, r.kind = w.now-w.since, "put right"
		}
	}
	r.hotMin, r.maxC = w.score.most, w.score.hottest
	return r, nil
}

func (f fault) counts(kind string) bool {
	return len(f.kinds) == 0 || slices.ContainsFunc(f.kinds, func(k string) bool { return strings.HasPrefix(kind, k) })
}

// week is the false alerts of an ordinary week.
type week struct {
	room   string
	full   bool
	days   float64
	alerts []alertAt
}

// ordinaryWeek lives through a week with an ordinary day's disturbances, lost frames and hiccups of sensors.
func ordinaryWeek(c Case, policy spec.Policy, full bool, days float64) (week, error) {
	w, err := newWorld(c, policy, full)
	if err != nil {
		return week{}, err
	}
	if err := w.run(warmUp); err != nil {
		return week{}, err
	}
	began := len(w.alerts)
	err = w.run(time.Duration(days * 24 * float64(time.Hour)))
	return week{room: c.Name, full: full, days: days, alerts: w.alerts[began:]}, err
}

// calm is a room on an ordinary week: no step of 40 %, the day's shape and a door once a day.
func calm(c Case) Case {
	c.Days.bumps, c.Days.doors = nil, nil
	for day := range 14 {
		c.Days.doors = append(c.Days.doors, time.Duration(day)*24*time.Hour+10*time.Hour)
	}
	return c
}

// faultReport is everything that -faults finds.
type faultReport struct {
	found []found
	weeks []week
}

func findFaults(ctx context.Context, rooms []Case, policy spec.Policy, o options) (faultReport, error) {
	var report faultReport
	all := faults()
	variants := []bool{true, false}
	report.found = make([]found, len(all)*len(rooms)*len(variants))
	report.weeks = make([]week, len(rooms)*len(variants))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(o.jobs)
	n := 0
	for i, c := range rooms {
		c = calm(c)
		for v, full := range variants {
			group.Go(func() (err error) {
				report.weeks[i*len(variants)+v], err = ordinaryWeek(c, policy, full, 7)
				return cmp.Or(err, ctx.Err())
			})
			for _, f := range all {
				at := n
				n++
				if f.least > len(c.Parameters.AirConditioners) {
					continue
				}
				group.Go(func() (err error) {
					report.found[at], err = put(c, f, policy, full)
					return cmp.Or(err, ctx.Err())
				})
			}
		}
	}
	err := group.Wait()
	report.found = slices.DeleteFunc(report.found, func(f found) bool { return f.fault == "" })
	return report, err
}

func writeFaults(out io.Writer, r faultReport) error {
	for _, full := range []bool{true, false} {
		rows := [][]string{{"fault", "limit", "from", "rooms", "in time", "median min", "worst min", "in", "by", "longest >27 min", "max °C"}}
		for _, f := range faults() {
			rows = append(rows, f.row(r.found, full))
		}
		title := "Faults: sensors in every machine's air and meters"
		if !full {
			title = "Faults: sensors at the inlets alone"
		}
		if err := writeRows(out, title, rows); err != nil {
			return err
		}
	}
	return writeWeeks(out, r.weeks)
}

func (f fault) row(all []found, full bool) []string {
	var minutes []float64
	in, hot, most, worst, by := 0, 0.0, 0.0, "", map[string]int{}
	for _, r := range all {
		if r.fault != f.name || r.full != full {
			continue
		}
		after := r.after.Minutes()
		if r.after < 0 {
			after = math.Inf(1)
		} else {
			by[r.kind]++
		}
		if f.limit == 0 && r.after < 0 || f.limit > 0 && r.after >= 0 && r.after <= f.limit {
			in++
		}
		if worst == "" || after > slices.Max(minutes) {
			worst = r.room
		}
		minutes = append(minutes, after)
		hot, most = max(hot, r.hotMin), max(most, r.maxC)
	}
	slices.Sort(minutes)
	limit := "none"
	if f.limit > 0 {
		limit = fmt.Sprintf("%g min", f.limit.Minutes())
	}
	return []string{
		f.name, limit, f.from, fmt.Sprint(len(minutes)), fmt.Sprint(in), minute(quantile(minutes, 0.5)), minute(quantile(minutes, 1)), worst,
		tally(by), fmt.Sprintf("%.0f", hot), fmt.Sprintf("%.1f", most),
	}
}

func minute(m float64) string {
	if math.IsInf(m, 1) {
		return "never"
	}
	return fmt.Sprintf("%.1f", m)
}

func tally(by map[string]int) string {
	var words []string
	for kind, n := range by {
		words = append(words, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func writeWeeks(out io.Writer, weeks []week) error {
	rows := [][]string{{"room", "sensors", "weeks", "alerts", "which"}}
	total, span := 0, 0.0
	for _, w := range weeks {
		kinds := map[string]int{}
		for _, a := range w.alerts {
			kinds[a.Kind]++
		}
		which := "inlets"
		if w.full {
			which = "all"
		}
		rows = append(rows, []string{w.room, which, fmt.Sprintf("%g", w.days/7), fmt.Sprint(len(w.alerts)), tally(kinds)})
		total, span = total+len(w.alerts), span+w.days/7
	}
	if err := writeRows(out, "Alerts of ordinary weeks", rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d alerts in %g weeks: %.2f a week.\n", total, span, float64(total)/max(1, span))
	return err
}
