package main

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/internal/line"
	"github.com/overcloud/overcloud/internal/spec"
)

// The room that the history is of: as many sensors and machines as specs/smart-energy has.
const (
	room    = "server-room"
	sensors = 6
)

func theRoom() spec.Room {
	r := spec.Room{Name: room, Policy: spec.DefaultPolicy(), AirConditioners: []spec.AirConditioner{
		{Name: "ac1", Min: 18, Max: 30, Supply: 5}, {Name: "ac2", Min: 18, Max: 30, Supply: 6},
	}}
	for id := 1; id <= sensors; id++ {
		role := spec.RoleInlet
		if id > 4 {
			role = spec.RoleSupply
		}
		r.Sensors = append(r.Sensors, spec.Sensor{ID: id, Name: fmt.Sprintf("sensor %d", id), Role: role})
	}
	return r
}

// fill stores days of history up to now: minutes and hours for all of it, by the same code that rolls up, raw readings
// for the last rawDays. Readings come each 10 s; where only windows are kept of them each 30 s.
func fill(ctx context.Context, c *influx.Client, days, rawDays int, now time.Time) error {
	for tier, keep := range map[history.Tier]time.Duration{history.Minutes: 0, history.Hours: 0} {
		if err := c.Keep(ctx, history.In(bucket, tier), keep); err != nil {
			return err
		}
	}
	emit := func(t history.Tier, lines []byte) error { return c.WriteIn(ctx, history.In(bucket, t), lines) }
	now = now.Truncate(time.Minute)
	from, rawFrom := now.AddDate(0, 0, -days).Truncate(time.Hour), now.AddDate(0, 0, -rawDays).Truncate(time.Hour)
	until := now.Truncate(time.Hour)
	roller := history.NewRoller(until, now, spec.History{}, emit)
	f := &filler{ctx: ctx, client: c, roller: roller, from: from, rawFrom: rawFrom, now: now}
	if err := f.all(); err != nil {
		return err
	}
	if err := roller.Close(); err != nil {
		return err
	}
	return emit(history.Hours, history.Cursor{Until: until, Swept: now}.Line())
}

type filler struct {
	ctx                context.Context
	client             *influx.Client
	roller             *history.Roller
	from, rawFrom, now time.Time
	raw                line.Writer
}

func (f *filler) all() error {
	for id := 1; id <= sensors; id++ {
		tags := []history.Tag{{Name: "quality", Value: "good"}, {Name: "room", Value: room}, {Name: "sensor", Value: strconv.Itoa(id)}}
		offset := float64(id) / 5
		if id > 4 {
			offset = -8
		}
		if err := f.series("temp", "temperature", tags, func(at float64) float64 { return 25 + offset + wave(at) }); err != nil {
			return err
		}
		if err := f.series("temp", "humidity", tags, func(at float64) float64 { return 45 - 2*wave(at) }); err != nil {
			return err
		}
	}
	for _, ac := range []string{"ac1", "ac2", ""} {
		tags := []history.Tag{{Name: "ac", Value: ac}, {Name: "room", Value: room}}
		if ac == "" {
			tags = tags[1:]
		}
		if err := f.series("power", "watts", tags, func(at float64) float64 { return 1500 + 200*wave(at) }); err != nil {
			return err
		}
	}
	return f.events()
}

// wave is a year, a day and a quarter of an hour laid over each other, in K.
func wave(s float64) float64 {
	return math.Sin(s/(365*86400)*2*math.Pi) + 0.6*math.Sin(s/86400*2*math.Pi) + 0.2*math.Sin(s/900*2*math.Pi)
}

func (f *filler) series(measurement, field string, tags []history.Tag, value func(s float64) float64) error {
	series := &history.Series{Measurement: measurement, Field: field, Tags: tags}
	for at := f.from; at.Before(f.now); {
		step := 30 * time.Second
		v := math.Round(value(float64(at.Unix()))*100) / 100
		if !at.Before(f.rawFrom) {
			step = 10 * time.Second
			f.begin(series)
			f.raw.Float(field, v)
			if err := f.end(at); err != nil {
				return err
			}
		}
		if err := f.roller.Add(history.Sample{Series: series, At: at.UnixMilli(), Value: history.Value{Kind: history.Float, Float: v}}); err != nil {
			return err
		}
		at = at.Add(step)
	}
	return f.flush(1)
}

// events are commands, each six hours one for each machine, and an alert a day that lasts an hour.
func (f *filler) events() error {
	var w line.Writer
	for at, n := f.from, 0; at.Before(f.now); at, n = at.Add(6*time.Hour), n+1 {
		for i, ac := range []string{"ac1", "ac2"} {
			w.Begin("command")
			w.Tag("room", room)
			w.Tag("ac", ac)
			w.Int("setpoint", int64(20+(n+i)%5))
			w.Bool("power", true)
			w.Int("revision", int64(n+1))
			w.Bool("emergency", n%40 == 7)
			w.Text("reason", "raise: the inlet is 24.6 °C and below the band")
			w.End(at.UnixMilli())
		}
		if n%4 == 0 {
			for _, active := range []bool{true, false} {
				w.Begin("alert")
				w.Tag("room", room)
				w.Tag("kind", "warm")
				w.Tag("severity", "warning")
				w.Tag("alert", room+"/warm/room")
				w.Bool("active", active)
				w.Text("evidence", "the inlet is 27.1 °C, above 27.0 °C")
				end := at
				if !active {
					end = at.Add(time.Hour)
				}
				w.End(end.UnixMilli())
			}
		}
	}
	return f.client.WriteIn(f.ctx, history.In(bucket, history.Hours), w.Buf)
}

func (f *filler) begin(s *history.Series) {
	f.raw.Begin(s.Measurement)
	for _, tag := range s.Tags {
		f.raw.Tag(tag.Name, tag.Value)
	}
}

func (f *filler) end(at time.Time) error {
	f.raw.End(at.UnixMilli())
	return f.flush(5000)
}

func (f *filler) flush(least int) error {
	if f.raw.Lines < least {
		return nil
	}
	err := f.client.Write(f.ctx, f.raw.Buf)
	f.raw.Buf, f.raw.Lines = f.raw.Buf[:0], 0
	return err
}
