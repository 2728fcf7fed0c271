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

// Meter opens the power meter of an air conditioner; nil when it has none. Errors are ErrInvalid.
func (c Catalog) Meter(room string, ac spec.AirConditioner) (device.Meter, error) {
	return c.meter(room, "air conditioner "+ac.Name, ac.Meter)
}

// LoadMeter opens the meter of what a room's boxes draw; nil when it has none. Errors are ErrInvalid.
func (c Catalog) LoadMeter(room spec.Room) (device.Meter, error) {
	if room.LoadMeter == nil {
		return nil, nil //nolint:nilnil // no meter is no fault
	}
	return c.meter(room.Name, "load of room "+room.Name, room.LoadMeter.Source)
}

// meter opens the meter at an address; nil for an empty one. What names whose meter it is.
func (c Catalog) meter(room, what, address string) (device.Meter, error) {
	var m device.Meter
	var err error
	switch kind, _, _ := strings.Cut(address, ":"); {
	case address == "":
		return nil, nil //nolint:nilnil // no meter is no fault
	case device.IsSimulated(address):
		m, err = c.Simulation.Meter(room, address)
	case kind == "file" || kind == "exec":
		m, err = localMeter(address)
	case strings.HasPrefix(address, snmpdev.Kind):
		m, err = snmpdev.NewMeter(c.Boxes, address)
	default:
		return nil, unknown(what, "meter", address, "file:, exec: or snmp:")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return m, nil
}

func unknown(what, field, address, known string) error {
	return fmt.Errorf("%s: %s %q is no device (write %s): %w", what, field, address, known, fault.ErrInvalid)
}
