// Package w1 owns DS18B20 and its relatives behind the kernel's 1-Wire files: /sys/bus/w1/devices/28-…/temperature, or
// w1_slave where the kernel is older than that. A conversion takes 750 ms at 12 bits, and one command makes every sensor
// of a bus convert at once; a Hub shares that among all who ask.
//
// Facts are from the kernel's drivers/w1/slaves/w1_therm.c and Documentation/w1/slaves/w1_therm.rst. What follows from
// them: a read that fails gives no error but nothing at all; a sensor that was told to convert in bulk gives that value
// at its next read, however old it is by then; the driver's own check of the result (features) does not see values
// read in bulk; "trigger" has to be written with a newline; only the first bus of a machine has therm_bulk_read.
package w1

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
)

const devices = "bus/w1/devices"

// Thermometer is one sensor by the number burnt into it.
type Thermometer struct {
	hub *Hub
	id  string
}

// New makes the thermometer of a source w1:28-0000075f1c2d. Nothing is read yet. Errors are ErrInvalid.
func New(hub *Hub, address string) (*Thermometer, error) {
	id := strings.ToLower(address)
	if !isSensor(id) {
		return nil, fmt.Errorf("source w1:%s names no sensor (write w1:28-0000075f1c2d, a folder of %s under /sys; DS18B20 begin with 28-): %w",
			address, devices, fault.ErrInvalid)
	}
	return &Thermometer{hub: hub, id: id}, nil
}

// isSensor knows the families of w1_therm: DS18S20, DS1822, DS18B20, DS1825, DS28EA00.
func isSensor(id string) bool {
	ok, err := regexp.MatchString(`^(10|22|28|3b|42)-[0-9a-f]{12}$`, id)
	return ok && err == nil
}

// Tries is one: what helps against a passing fault is done within a read.
func (t *Thermometer) Tries() (int, time.Duration) { return 1, 0 }

// Read waits for the next conversion of the sensor's bus, 0.8 s at 12 bits. Errors: ErrNotFound for a sensor that is not
// on any bus, ErrUnreachable for one that gives nothing, ErrRejected for a damaged answer, and a NotMeasuredError for the
// numbers that stand for a fault.
func (t *Thermometer) Read(ctx context.Context) (device.Measurement, error) {
	b, err := t.hub.find(t.id)
	if err == nil {
		var milli int
		if milli, err = b.read(ctx, t.id); err == nil {
			return device.Measurement{Celsius: float64(milli) / 1000}, nil
		}
	}
	return device.Measurement{}, fmt.Errorf("read w1:%s: %w", t.id, err)
}

// Describe says on which bus it was last, and how it is read.
func (t *Thermometer) Describe() string { return t.hub.describe(t.id) }

// lost is the error of a sensor that no bus has.
func (h *Hub) lost(id string) error {
	names, err := h.tree.List(devices)
	if err != nil {
		return fmt.Errorf("look for sensors: %w", err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !isSensor(n) })
	there := strings.Join(names, ", ")
	if there == "" {
		there = "none at all: are the overlay w1-gpio, the wiring and the pull-up resistor right?"
	}
	return fmt.Errorf("%w: %s is on no 1-Wire bus (there is %s)", fault.ErrNotFound, id, there)
}

// Numbers that stand for a fault, in thousandths of a °C.
const (
	powerUp  = 85_000
	noPower  = 127_937
	coldest  = -55_000
	hottest  = 125_000
	believed = 80_000 // neighbours above this make 85 °C believable
)

// judge tells a measurement from a number that stands for a fault. Hot says that another sensor is above 80 °C; held
// that every byte of the chip's memory was read as zero.
func judge(milli int, hot, held bool) error {
	reason := ""
	switch {
	case milli == powerUp && !hot:
		reason = "85.000 °C is what it says after power-up: it lost power before or while it measured"
	case milli == noPower:
		reason = "127.937 °C is what it says when it has too little power to measure"
	case milli < coldest || milli > hottest:
		reason = fmt.Sprintf("%.3f °C is outside of what it can measure, -55 to 125 °C", float64(milli)/1000)
	case held:
		reason = "every byte is zero: the data line is held low"
	default:
		return nil
	}
	return &device.NotMeasuredError{Said: device.Measurement{Celsius: float64(milli) / 1000}, Reason: reason}
}
