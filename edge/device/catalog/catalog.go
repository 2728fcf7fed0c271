// Package catalog opens the devices that a specification's addresses name. It owns the list of kinds; each kind is
// a package of its own beside it.
package catalog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/lirc"
	"github.com/overcloud/overcloud/edge/device/simulated"
	"github.com/overcloud/overcloud/edge/device/snmpdev"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/edge/device/w1"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// Catalog is where devices are found.
type Catalog struct {
	Simulation simulated.Simulation
	Sysfs      string        // /sys; another tree in tests
	Kernel     sysfs.Tree    // the files under Sysfs; a recorded tree in tests
	OneWire    *w1.Hub       // where those who read 1-Wire sensors meet; see Shared
	Boxes      []snmp.Target // what snmp:box/… refers to
	Blaster    lirc.Open     // opens /dev/lirc0…; nil for this machine's, another in tests
}

// Thermometer opens a sensor. It does not read it: a sensor that is not plugged in is no error here. Errors are
// ErrInvalid.
func (c Catalog) Thermometer(room string, s spec.Sensor) (device.Thermometer, error) {
	switch kind, _, _ := strings.Cut(s.Source, ":"); kind {
	case "simulated":
		return c.Simulation.Thermometer(room, s)
	case "iio", "w1", "file", "exec":
		return c.local(s)
	case "snmp":
		t, err := snmpdev.NewThermometer(c.Boxes, s.Source)
		if err != nil {
			return nil, fmt.Errorf("sensor %d: %w", s.ID, err)
		}
		return t, nil
	default:
		return nil, unknown("sensor "+strconv.Itoa(s.ID), "source", s.Source, "iio:, w1:, snmp:, file:, exec: or simulated://")
	}
}

// Infrared opens what sends to an air conditioner and what hears it; the receiver is nil when there is none. Errors
// are ErrInvalid.
func (c Catalog) Infrared(room string, ac spec.AirConditioner) (device.Transmitter, device.Receiver, error) {
	switch kind, _, _ := strings.Cut(ac.Transmitter, ":"); {
	case kind == "simulated":
		return c.Simulation.Infrared(room, ac)
	case lirc.IsAddress(ac.Transmitter):
		return c.lirc(ac)
	default:
		return nil, nil, unknown("air conditioner "+ac.Name, "transmitter", ac.Transmitter, "/dev/lirc0, lircd: or simulated://")
	}
}

// Remote finds an infrared profile: one of ours by name, or FILE#REMOTE of an lircd.conf. Errors are ErrInvalid.
func (c Catalog) Remote(name string) (infrared.Profile, error) {
	if strings.Contains(name, "#") {
		return lirc.Remote(name)
	}
	return infrared.ByName(name)
}

// Meter opens a power meter; nil for an empty address. Errors are ErrInvalid.
func (c Catalog) Meter(room string, ac spec.AirConditioner) (device.Meter, error) {
	if ac.Meter == "" {
		return nil, nil //nolint:nilnil // no meter is no fault
	}
	if device.IsSimulated(ac.Meter) {
		return c.Simulation.Meter(room, ac)
	}
	if kind, _, _ := strings.Cut(ac.Meter, ":"); kind == "file" || kind == "exec" {
		return localMeter(ac)
	}
	if strings.HasPrefix(ac.Meter, snmpdev.Kind) {
		m, err := snmpdev.NewMeter(c.Boxes, ac.Meter)
		if err != nil {
			return nil, fmt.Errorf("air conditioner %s: %w", ac.Name, err)
		}
		return m, nil
	}
	return nil, unknown("air conditioner "+ac.Name, "meter", ac.Meter, "file:, exec: or snmp:")
}

func unknown(what, field, address, known string) error {
	return fmt.Errorf("%s: %s %q is no device (write %s): %w", what, field, address, known, fault.ErrInvalid)
}
