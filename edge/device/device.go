// Package device owns what an edge touches: thermometers, infrared transmitters and receivers, power meters. Each
// is a small interface; its sub-packages are the kinds of hardware, and package catalog opens the kind that an
// address names.
package device

import (
	"context"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
)

// Measurement is what a thermometer says.
type Measurement struct {
	Celsius     float64
	Humidity    float64 // % relative; meaningless unless HasHumidity
	HasHumidity bool
}

// Thermometer is one sensor. Read may block for a second; it returns an error rather than an old value. A number
// that the hardware gives instead of an answer (85.000 °C of a DS18B20 after power-up) is an error, with the reason.
type Thermometer interface {
	Read(ctx context.Context) (Measurement, error)
}

// Patient is a thermometer that says how a sample is made of several tries. One that does not say so is tried three
// times, 2 s apart at the most.
type Patient interface {
	// Tries is how often a sample tries it at the most, and the least pause after a try that brought nothing. The
	// pause holds between samples too.
	Tries() (most int, pause time.Duration)
}

// NotMeasuredError is a number that the hardware gave instead of a measurement. It is told on, marked bad with the reason.
type NotMeasuredError struct {
	Said   Measurement
	Reason string // "85.000 °C is what a DS18B20 says after power-up"
}

// Error is the reason.
func (n *NotMeasuredError) Error() string { return n.Reason }

// Transmitter sends infrared. A nil error means that the frame left it, not that anything heard it.
type Transmitter interface {
	Send(ctx context.Context, frame infrared.Frame) error
}

// Meter reads the electric power of one machine.
type Meter interface {
	// Watts is the power now.
	Watts(ctx context.Context) (float64, error)
}

// Receiver is an infrared receiver near an air conditioner.
type Receiver interface {
	// Heard returns the frames that came after the cursor, oldest first, and the new cursor. The cursor -1
	// asks for none of the past.
	Heard(ctx context.Context, cursor int64) (frames []infrared.Frame, next int64, err error)
}

// Describer is a device that can say in a few words what stands behind its address: "dht11@4, iio:device0". The
// table of `edge check` shows it.
type Describer interface{ Describe() string }

// Checker is a transmitter or receiver that can be tried without anything being sent: is the device there, what can it
// do, does lircd know the remote? Found says so in a few words: "lircd 0.10.2, knows ServerRoom_AC1". Errors say what is
// missing.
type Checker interface {
	Check(ctx context.Context) (found string, err error)
}

// Simulated is how specifications mark simulated devices.
const Simulated = "simulated://"

// IsSimulated says whether a source or transmitter is simulated.
func IsSimulated(address string) bool { return strings.HasPrefix(address, Simulated) }
