package browser

import (
	"fmt"
	"math"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/state"
)

// reading swings slowly about what the room is held at.
func (w *World) reading(room spec.Room, sensor spec.Sensor, at time.Time) wire.Reading {
	phase := float64(at.UnixMilli())/1000/40 + float64(sensor.ID)
	r := wire.Reading{
		Room: room.Name, Sensor: sensor.ID, At: at, Celsius: tenth(25.6 + 0.3*float64(sensor.ID%3) + w.warmer + 0.4*math.Sin(phase)),
		Humidity: tenth(41 + 2*math.Cos(phase)), HasHumidity: true,
	}
	if sensor.Role == spec.RoleSupply {
		r.Celsius, r.Humidity = tenth(16.8+0.5*math.Sin(phase)), tenth(62+math.Cos(phase))
	}
	if w.scene == Busy && sensor.ID == 4 {
		r.Celsius, r.Bad, r.Reason = 85, true, "85 °C is what a DS18B20 says at power-on"
	}
	return r
}

func tenth(f float64) float64 { return math.Round(f*10) / 10 }

// meter is what the room's machines and its load draw.
func (w *World) meter(s *state.Store, room spec.Room, now time.Time) {
	phase := float64(now.UnixMilli()) / 1000 / 30
	for i, ac := range room.AirConditioners {
		s.Power(wire.Power{Room: room.Name, AC: ac.Name, Watts: math.Round(780 + 120*float64(i) + 60*math.Sin(phase+float64(i))), TimeMillis: now.UnixMilli(), Simulated: true})
	}
	s.Power(wire.Power{Room: room.Name, Watts: math.Round(4300 + 80*math.Cos(phase)), TimeMillis: now.UnixMilli(), Simulated: true})
}

// decision is the newest of the control loop: the room is held.
func (w *World) decision(room spec.Room, now time.Time) wire.Decision {
	critical, fixed := (17 * time.Minute).Milliseconds(), 9800.0
	d := wire.Decision{
		Room: room.Name, TimeMillis: now.Truncate(10 * time.Second).UnixMilli(), Holder: "control-1", Action: "hold", Reason: calm, Inlet: 25.7, Fresh: len(room.Sensors),
		ToCriticalMillis: &critical, Sure: true, Advice: "25 °C: 1650 W against 1790 W at 24 (coolers 1500 W, fans 150 W); coolers 3.1 ± 0.4 % for each K, sure 0.8",
		Energy: &wire.Energy{
			SinceMillis: now.Truncate(24 * time.Hour).UnixMilli(), UsedWh: 8900, FixedSetpoint: room.Policy.SetpointStart, FixedWh: &fixed, DeviationWh: 310,
			MeteredMillis: (6 * time.Hour).Milliseconds(), ComparedMillis: (5 * time.Hour).Milliseconds(), Simulated: true,
		},
	}
	for _, ac := range w.tunes[room.Name].ACs {
		d.ACs = append(d.ACs, wire.DecisionAC{AC: ac.Name, Setpoint: ac.Auto, Reason: ac.AutoReason})
	}
	return d
}

// resource is a box with two disks and two interfaces.
func (w *World) resource(box string, i int, now time.Time) wire.Resource {
	phase := float64(now.UnixMilli()) / 1000 / 60
	value := func(f float64) *float64 { return &f }
	cpu := tenth(24 + 11*float64(i) + 8*math.Sin(phase+float64(i)))
	const gib = 1 << 30
	return wire.Resource{
		Box: box, IP: fmt.Sprintf("10.0.0.%d", 11+i), TimeMillis: now.UnixMilli(), Source: "snmp", UptimeS: value(86400 * (3.2 + float64(i))),
		Load1: value(tenth(0.4 + 0.02*cpu)), CPUPercent: &cpu, UserPct: value(tenth(cpu * 0.7)), SystemPct: value(tenth(cpu * 0.3)), IdlePct: value(tenth(100 - cpu)),
		MemTotal: value(16 * gib), MemAvail: value(math.Round(9*gib + gib*math.Sin(phase/3+float64(i)))),
		Disks: []wire.Disk{{Path: "/", Percent: 41.5 + float64(i)}, {Path: "/var/lib/docker", Percent: 63.2 + 7*float64(i)}},
		Interfaces: []wire.Interface{
			{Name: "eth0", InBytes: value(tenth(52000 + 9000*math.Sin(phase))), OutBytes: value(tenth(148000 + 20000*math.Cos(phase))), InErrors: value(0), OutErrors: value(0), InDiscards: value(0.2), OutDiscards: value(0)},
			{Name: "docker0", InBytes: value(8400), OutBytes: value(9100), InErrors: value(0), OutErrors: value(0), InDiscards: value(0), OutDiscards: value(0)},
		},
	}
}
