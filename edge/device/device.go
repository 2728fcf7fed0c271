// Package device owns the things that an edge touches: thermometers, infrared transmitters and infrared
// receivers. Each is a small interface; the specification's sensor source and air conditioner transmitter
// say which kind stands behind it.
package device

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

// Measurement is what a thermometer says.
type Measurement struct {
	Celsius     float64
	Humidity    float64 // % relative; meaningless unless HasHumidity
	HasHumidity bool
}

// Thermometer is one sensor. Read may block for a second; it returns an error rather than an old value.
type Thermometer interface {
	Read(ctx context.Context) (Measurement, error)
}

// Transmitter sends infrared. A nil error means that the frame left it, not that anything heard it.
type Transmitter interface {
	Send(ctx context.Context, frame infrared.Frame) error
}

// Receiver is an infrared receiver near an air conditioner.
type Receiver interface {
	// Heard returns the frames that came after the cursor, oldest first, and the new cursor. The cursor -1
	// asks for none of the past.
	Heard(ctx context.Context, cursor int64) (frames []infrared.Frame, next int64, err error)
}

// Simulation is where simulated devices find their rooms.
type Simulation struct {
	URL    string // base address of the simulated rooms; empty when there are none
	Client *http.Client
}

// scheme is how specifications mark simulated devices.
const scheme = "simulated://"

// IsSimulated says whether a source or transmitter is simulated.
func IsSimulated(address string) bool { return strings.HasPrefix(address, scheme) }

// Thermometer finds the device behind a sensor's source.
func (s Simulation) Thermometer(room string, sensor spec.Sensor) (Thermometer, error) {
	rest, ok := strings.CutPrefix(sensor.Source, scheme)
	if !ok {
		return nil, notBuilt("sensor "+strconv.Itoa(sensor.ID), "source", sensor.Source)
	}
	if s.URL == "" {
		return nil, fmt.Errorf("sensor %d is simulated and SIMULATED_ROOM is not set: %w", sensor.ID, fault.ErrInvalid)
	}
	id := rest[strings.LastIndex(rest, "/")+1:]
	if n, err := strconv.Atoi(id); err != nil || n < 0 {
		return nil, fmt.Errorf("sensor %d: source %q does not end with a sensor number (write simulated://room/1): %w",
			sensor.ID, sensor.Source, fault.ErrInvalid)
	}
	return simulatedThermometer{s.at(room, "sensors", id)}, nil
}

// Infrared finds the devices behind an air conditioner's transmitter.
func (s Simulation) Infrared(room string, ac spec.AirConditioner) (Transmitter, Receiver, error) {
	name, ok := strings.CutPrefix(ac.Transmitter, scheme)
	switch {
	case !ok:
		return nil, nil, notBuilt("air conditioner "+ac.Name, "transmitter", ac.Transmitter)
	case s.URL == "":
		return nil, nil, fmt.Errorf("air conditioner %s is simulated and SIMULATED_ROOM is not set: %w", ac.Name, fault.ErrInvalid)
	case name == "" || strings.Contains(name, "/"):
		return nil, nil, fmt.Errorf("air conditioner %s: transmitter %q names no machine (write simulated://ac1): %w",
			ac.Name, ac.Transmitter, fault.ErrInvalid)
	}
	near := s.at(room, "ir", name)
	return simulatedTransmitter{near}, simulatedReceiver{near}, nil
}

func notBuilt(what, field, address string) error {
	kind, _, found := strings.Cut(address, ":")
	if !found || kind == "" {
		return fmt.Errorf("%s: %s %q is no device (write simulated://…): %w", what, field, address, fault.ErrInvalid)
	}
	return fmt.Errorf("%s: not built yet: %s of kind %q; only simulated:// works in this version: %w", what, field, kind, fault.ErrInvalid)
}

// timeout is for one exchange with a simulated room; a real sensor blocks for up to a second.
const timeout = 2 * time.Second
