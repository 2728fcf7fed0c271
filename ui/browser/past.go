package browser

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/series"
	"github.com/overcloud/overcloud/ui/server"
)

// past is the stored history of a world: a day's swing as far back as anybody asks, with an hour that is missing.
type past struct{ world *World }

// swing is what one item was at a time, °C.
func swing(at time.Time, item int) float64 {
	hours := float64(at.UnixMilli())/3.6e6 + float64(item)
	return 25.7 + 0.12*float64(item%5) + 0.7*math.Sin(hours/24*2*math.Pi) + 0.2*math.Sin(hours*9)
}

// lost is the hour, of each day, of which nothing was stored.
const lost = 3

// Curves is a range in as many points as were asked for. Of three hours of the night nothing was stored.
func (p past) Curves(_ context.Context, r series.Request) (series.Answer, error) {
	step := max(r.To.Sub(r.From)/time.Duration(max(r.Points, 2)), time.Second).Truncate(time.Second)
	a := series.Answer{From: r.From.UnixMilli(), To: r.To.UnixMilli(), Tier: history.Minutes, StepMillis: step.Milliseconds(), GapMillis: 3 * step.Milliseconds()}
	for at := r.From.Truncate(step).Add(step); at.Before(r.To); at = at.Add(step) {
		a.Times = append(a.Times, at.UnixMilli())
	}
	for i, c := range curves(r.Room) {
		if len(r.Only) == 0 || slices.Contains(r.Only, c.ID) {
			a.Series = append(a.Series, filled(c, i, a.Times))
		}
	}
	return a, nil
}

// curves are the empty curves of a room.
func curves(room spec.Room) []series.Curve {
	all := []series.Curve{{ID: "inlet", Name: "inlet", Kind: series.KindInlet, Unit: "°C"}}
	for _, s := range room.Sensors {
		all = append(all, series.Curve{ID: fmt.Sprintf("sensor/%d", s.ID), Name: s.Name, Kind: series.KindSensor, Role: s.Role, Unit: "°C"})
	}
	all = append(all, series.Curve{ID: "humidity", Name: "humidity", Kind: series.KindHumidity, Unit: "%"},
		series.Curve{ID: "dew_point", Name: "dew point", Kind: series.KindDewPoint, Unit: "°C"})
	for _, ac := range room.AirConditioners {
		all = append(all, series.Curve{ID: "setpoint/" + ac.Name, Name: ac.Name, Kind: series.KindSetpoint, Unit: "°C"},
			series.Curve{ID: "power/" + ac.Name, Name: ac.Name, Kind: series.KindPower, Unit: "W"})
	}
	return append(all, series.Curve{ID: "load", Name: "IT load", Kind: series.KindLoad, Unit: "W"})
}

// filled are the values of the room's item-th curve.
func filled(c series.Curve, item int, times []int64) series.Curve {
	for i, millis := range times {
		at := time.UnixMilli(millis).UTC()
		v := swing(at, item)
		switch c.Kind {
		case series.KindSetpoint:
			v = math.Round(23.5 + math.Sin(float64(i)/float64(len(times))*6+float64(item)))
		case series.KindHumidity:
			v += 16
		case series.KindDewPoint:
			v -= 13
		case series.KindPower:
			v = 700 + 90*(v-25)
		case series.KindLoad:
			v = 4200 + 300*(v-25)
		}
		if c.Role == spec.RoleSupply {
			v -= 8
		}
		if at.Hour() == lost && c.Kind != series.KindSetpoint {
			v = math.NaN()
		}
		c.Values = append(c.Values, v)
		if c.Kind == series.KindInlet || c.Kind == series.KindSensor {
			c.Min, c.Max = append(c.Min, v-0.3), append(c.Max, v+0.4)
		}
	}
	return c
}

// Events are an override, an alert and a failover in the last hours.
func (p past) Events(_ context.Context, r series.EventsRequest) (series.Page, error) {
	now := p.world.begun
	page := series.Page{Items: []series.Event{}}
	for _, e := range []series.Event{
		{At: now.Add(-22 * time.Minute).UnixMilli(), Kind: series.OverrideBegan, Text: "rack B is being moved", Who: "kim", AC: "ac1", Setpoint: 21, Until: now.Add(38 * time.Minute).UnixMilli()},
		{At: now.Add(-40 * time.Minute).UnixMilli(), Kind: series.AlertBegan, Severity: wire.SeverityHigh, Text: "23 °C was sent 3 times and not confirmed", Alert: "server-room/unconfirmed/ac2"},
		{At: now.Add(-3 * time.Hour).UnixMilli(), Kind: series.Failover, Severity: wire.SeverityHigh, Text: "ac1 carries the room for ac2", AC: "ac1"},
		{At: now.Add(-5 * time.Hour).UnixMilli(), Kind: series.PolicyChanged, Text: "band_high 26 -> 26.5: summer", Who: "lee"},
	} {
		if e.At >= r.From.UnixMilli() && e.At < r.To.UnixMilli() && r.After == "" {
			page.Items = append(page.Items, e)
		}
	}
	return page, nil
}

// Export writes three lines.
func (past) Export(_ context.Context, r history.Request, out io.Writer) error {
	_, err := fmt.Fprintf(out, "time,sensor,temperature\n%s,1,25.6\n%s,1,25.7\n", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339))
	return err
}

// Items are a box's items; the middle of them is missing.
func (p past) Items(_ context.Context, box string, from, to time.Time, step time.Duration) (server.BoxItems, error) {
	items := server.BoxItems{Box: box, From: from.UnixMilli(), To: to.UnixMilli(), Step: step.Milliseconds(), Interval: 10000}
	for _, one := range [][2]string{
		{"load1"},
		{"cpu_percent"},
		{"cpu_user_percent"},
		{"cpu_system_percent"},
		{"cpu_idle_percent"},
		{"mem_available_bytes"},
		{"used_percent", "/"},
		{"used_percent", "/var/lib/docker"},
		{"in_bytes_s", "eth0"},
		{"out_bytes_s", "eth0"},
		{"in_errors_s", "eth0"},
		{"out_errors_s", "eth0"},
		{"in_discards_s", "eth0"},
		{"out_discards_s", "eth0"},
	} {
		s := server.BoxSeries{Item: one[0], Of: one[1]}
		for at := from; at.Before(to); at = at.Add(step) {
			v := 30 + 12*math.Sin(float64(at.Unix())/300)
			if one[0] == "mem_available_bytes" {
				v *= 3e8
			}
			s.Values = append(s.Values, &v)
		}
		if n := len(s.Values); n > 12 {
			s.Values[n/2], s.Values[n/2+1] = nil, nil
		}
		items.Series = append(items.Series, s)
	}
	return items, nil
}

// Disks: one disk fills, the other does not.
func (past) Disks(_ context.Context, _ string, _ time.Time, _ time.Duration, windows int) (map[string][]float64, error) {
	filling, still := make([]float64, windows), make([]float64, windows)
	for i := range windows {
		filling[i], still[i] = 63.2-0.08*float64(windows-1-i), 41.5
	}
	return map[string][]float64{"/var/lib/docker": filling, "/": still}, nil
}

// Alerts are one episode that is over and those that last.
func (p past) Alerts(_ context.Context, _ string, from, to time.Time) ([]wire.Alert, []wire.Answer, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	began := p.world.begun.Add(-26 * time.Hour).UnixMilli()
	ended := wire.Alert{
		ID: "server-room/warm/room", Room: "server-room", Kind: "warm", Severity: wire.SeverityWarning, BeganMillis: began, Source: "control",
		Evidence: "inlet 27.3 °C is above 27 °C for 5m0s",
	}
	over := ended
	over.EndedMillis = began + (40 * time.Minute).Milliseconds()
	all := []wire.Alert{ended, over}
	for _, a := range p.world.alerts {
		all = append(all, a)
	}
	return all, append([]wire.Answer{}, p.world.answers...), nil
}
