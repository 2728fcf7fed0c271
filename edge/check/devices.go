package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/proc"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// sensors read each sensor of this box, with the tries that its driver needs.
func (s *sweep) sensors() (tries []func(context.Context) []Line) {
	for _, r := range s.Config.Rooms {
		for _, one := range r.Sensors {
			if one.Box == s.Config.Box {
				tries = append(tries, func(ctx context.Context) []Line { return []Line{s.sensor(ctx, r, one)} })
			}
		}
	}
	return tries
}

func (s *sweep) sensor(ctx context.Context, r spec.Room, one spec.Sensor) Line {
	name := fmt.Sprintf("%s/%d", r.Name, one.ID)
	if one.Name != "" {
		name += " " + one.Name
	}
	return tried("sensor", name, func() (string, error) {
		thermometer, err := s.Config.Devices.Thermometer(r.Name, one)
		if err != nil {
			return one.Source, err
		}
		defer shut(thermometer)
		found := cmp.Or(describe(thermometer), one.Source)
		began := time.Now()
		m, tries, err := read(ctx, thermometer)
		if err != nil {
			return unsaid(one.Source, err), err
		}
		found = fmt.Sprintf("%s: %.1f °C", found, m.Celsius)
		if m.HasHumidity {
			found += fmt.Sprintf(", %.0f %%", m.Humidity)
		}
		found += " in " + millis(time.Since(began))
		if tries > 1 {
			found += fmt.Sprintf(", %d tries", tries)
		}
		if p := s.Config.Plausible; m.Celsius < p.Least || m.Celsius > p.Most {
			return found, fmt.Errorf("that is outside %g to %g °C, and would be marked bad", p.Least, p.Most)
		}
		return found, nil
	}, access("look at its wiring and its source; docs/sensors.md lists every reason"))
}

// unsaid is what was tried, when the error does not name it already.
func unsaid(what string, err error) string {
	if strings.Contains(err.Error(), what) {
		return ""
	}
	return what
}

// read reads a thermometer as a sampler does.
func read(ctx context.Context, t device.Thermometer) (m device.Measurement, tries int, err error) {
	most, pause := 3, 2*time.Second
	if patient, ok := t.(device.Patient); ok {
		most, pause = patient.Tries()
	}
	for tries = 1; ; tries++ {
		m, err = t.Read(ctx)
		if err == nil || tries >= max(1, most) || ctx.Err() != nil {
			return m, tries, err
		}
		select {
		case <-ctx.Done():
			return m, tries, err
		case <-time.After(pause):
		}
	}
}

// boxes poll this box and the others twice, since rates need two looks; the second is not waited for here.
func (s *sweep) boxes() (tries []func(context.Context) []Line) {
	tries = append(tries, func(context.Context) []Line {
		return []Line{tried("box", s.Config.Box, func() (string, error) {
			sample, err := proc.Host().Sample()
			return items(sample), err
		}, func(error) string { return "is /proc there?" })}
	})
	for _, t := range s.Config.Targets {
		tries = append(tries, func(ctx context.Context) []Line {
			began := time.Now()
			return []Line{tried("box", t.Box, func() (string, error) {
				sample, err := snmp.Poll(ctx, t)
				if err != nil {
					return "", err
				}
				return fmt.Sprintf("%s in %s", items(sample), millis(time.Since(began))), lacking(sample)
			}, func(error) string { return "docs/snmp.md shows the snmpd.conf that it needs" })}
		})
	}
	return tries
}

func items(s resource.Sample) string {
	return count(len(s.Interfaces), "interface") + ", " + count(len(s.Disks), "disk")
}

// lacking says what an agent keeps to itself.
func lacking(s resource.Sample) error {
	switch {
	case s.Load1 == nil && s.MemTotal == nil:
		return errors.New("it answers, but shows neither load nor memory: its view is too narrow")
	case len(s.Interfaces) == 0:
		return errors.New("it answers, but shows no interfaces: its view is too narrow")
	}
	return nil
}

// shut closes what can be closed. What was looked at needs no word about it.
func shut(devices ...any) {
	for _, d := range devices {
		if closer, ok := d.(io.Closer); ok {
			_ = closer.Close()
		}
	}
}
