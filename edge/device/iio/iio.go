// Package iio owns thermometers behind the kernel's industrial I/O files: DHT11 and DHT22 (AM2302) at a GPIO, and any
// sensor on I2C or SPI with a driver of its own. A device is known by the text in its file `name`, never by the number N
// of iio:deviceN, which is given out in the order in which drivers start.
//
// Facts are from the kernel's drivers/iio/humidity/dht11.c and Documentation/ABI/testing/sysfs-bus-iio.
package iio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/internal/fault"
)

const devices = "bus/iio/devices"

// A DHT wants two seconds of peace: its driver keeps what it has measured for as long, and the chip answers no sooner.
const (
	triesMost = 3
	pause     = 2 * time.Second
)

// Thermometer is one device, found again at each read.
type Thermometer struct {
	tree         sysfs.Tree
	name, holder string
	alone        sysfs.Alone[device.Measurement]

	mu sync.Mutex
	at string // the folder in which it was found last
}

// New makes the thermometer of a source iio:NAME, or iio:NAME/HOLDER where several devices have one name: HOLDER is the
// name of the device that the IIO device hangs on, dht11@4 or 1-0076 (I2C bus 1, address 76), which is a matter of
// wiring and does not move. Nothing is read yet. Errors are ErrInvalid.
func New(tree sysfs.Tree, address string) (*Thermometer, error) {
	name, holder, several := strings.Cut(address, "/")
	if name == "" || several && (holder == "" || strings.Contains(holder, "/")) {
		return nil, fmt.Errorf("source iio:%s names no device (write iio:dht11@4, the text of %s/*/name under /sys): %w", address, devices, fault.ErrInvalid)
	}
	if strings.HasPrefix(name, "iio:device") {
		return nil, fmt.Errorf("source iio:%s: the number of an iio:device moves (write the text of its file name, iio:dht11@4): %w", address, fault.ErrInvalid)
	}
	return &Thermometer{tree: tree, name: name, holder: holder}, nil
}

// Tries is three, two seconds apart.
func (t *Thermometer) Tries() (int, time.Duration) { return triesMost, pause }

// Describe says where the device was found last.
func (t *Thermometer) Describe() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == "" {
		return t.name
	}
	return t.name + ", " + t.at
}

// Read asks the driver, which may take a second. Errors: ErrNotFound for a device that is not there, ErrInvalid for a
// name that is several devices', the driver's in words, and a NotMeasuredError for a line that is held low.
func (t *Thermometer) Read(ctx context.Context) (device.Measurement, error) {
	m, err := t.alone.Do(ctx, t.read)
	if err != nil {
		return device.Measurement{}, fmt.Errorf("read iio:%s: %w", t.source(), err)
	}
	return m, nil
}

func (t *Thermometer) source() string {
	if t.holder != "" {
		return t.name + "/" + t.holder
	}
	return t.name
}

func (t *Thermometer) read() (device.Measurement, error) {
	dir, err := t.find()
	if err != nil {
		return device.Measurement{}, err
	}
	milli, err := channel(t.tree, dir, "in_temp")
	if err != nil {
		return device.Measurement{}, words(err)
	}
	m := device.Measurement{Celsius: milli / 1000}
	// The driver has it from the same answer of the chip. One without humidity has no such file.
	if humid, err := channel(t.tree, dir, "in_humidityrelative"); err == nil {
		m.Humidity, m.HasHumidity = humid/1000, true
	}
	if m.HasHumidity && m.Celsius == 0 && m.Humidity == 0 {
		// Forty zero bits carry a right checksum.
		return m, &device.NotMeasuredError{Said: m, Reason: "0 °C and 0 % exactly: the data line is held low (wiring, pull-up resistor)"}
	}
	return m, nil
}

// found is one device of the wanted name.
type found struct{ dir, holder string }

// find looks through all devices each time: where it was last, another one may be now.
func (t *Thermometer) find() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all, err := t.all()
	if err != nil {
		return "", err
	}
	var fits []found
	var others []string
	for _, f := range all {
		switch {
		case f.name != t.name:
			others = append(others, f.name)
		case t.holder == "" || f.holder == t.holder:
			fits = append(fits, f.found)
		default:
			others = append(others, f.name+"/"+f.holder)
		}
	}
	t.at = ""
	switch len(fits) {
	case 1:
		t.at = fits[0].dir
		return devices + "/" + t.at, nil
	case 0:
		return "", fmt.Errorf("%w: no device of that name (there is %s)", fault.ErrNotFound, listed(others))
	}
	return "", fmt.Errorf("%d devices are called %s, which one is unsaid (write %s): %w", len(fits), t.name, choices(t.name, fits), fault.ErrInvalid)
}

type named struct {
	found
	name string
}

// all lists the devices that have a name.
func (t *Thermometer) all() ([]named, error) {
	dirs, err := t.tree.List(devices)
	if err != nil {
		return nil, fmt.Errorf("look for devices in %s: %w", devices, err)
	}
	var out []named
	for _, dir := range dirs {
		name, err := t.tree.Read(devices + "/" + dir + "/name")
		if err != nil || !strings.HasPrefix(dir, "iio:device") {
			continue // a trigger, or a device that went away while we looked
		}
		n := named{name: name, found: found{dir: dir}}
		if real, err := t.tree.Real(devices + "/" + dir); err == nil {
			if parts := strings.Split(real, "/"); len(parts) > 1 {
				n.holder = parts[len(parts)-2]
			}
		}
		out = append(out, n)
	}
	return out, nil
}

func choices(name string, fits []found) string {
	var out []string
	for _, f := range fits {
		out = append(out, fmt.Sprintf("iio:%s/%s for %s", name, f.holder, f.dir))
	}
	return strings.Join(out, ", ")
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none at all: is the overlay loaded?"
	}
	return strings.Join(names, ", ")
}

// channel is a channel's value in milli units: as the driver says it, or worked out of its raw number.
func channel(tree sysfs.Tree, dir, name string) (float64, error) {
	value, err := number(tree, dir+"/"+name+"_input")
	if !errors.Is(err, fs.ErrNotExist) {
		return value, err
	}
	raw, err := number(tree, dir+"/"+name+"_raw")
	if err != nil {
		return 0, err
	}
	scale, err := number(tree, dir+"/"+name+"_scale")
	if err != nil {
		return 0, err
	}
	offset, err := number(tree, dir+"/"+name+"_offset")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	return (raw + offset) * scale, nil
}

func number(tree sysfs.Tree, name string) (float64, error) {
	text, err := tree.Read(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s says %.40q, no number", name[strings.LastIndex(name, "/")+1:], text)
	}
	return n, nil
}

// words says what a driver's error means.
func words(err error) error {
	switch {
	case errors.Is(err, unix.EIO):
		return fmt.Errorf("the answer was damaged (checksum or timing, EIO): %w", fault.ErrRejected)
	case errors.Is(err, unix.ETIMEDOUT):
		return fmt.Errorf("no whole answer within a second (wiring, pull-up resistor, power, ETIMEDOUT): %w", fault.ErrUnreachable)
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("this machine's clock is too coarse for the driver (EAGAIN): %w", fault.ErrRejected)
	case errors.Is(err, unix.ENODEV), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the device went away while it was read, or measures no temperature", fault.ErrNotFound)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("not allowed (the edge's user needs to read the device's files): %w", err)
	}
	return err
}
