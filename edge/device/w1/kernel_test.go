package w1_test

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is what w1_therm does with one bus, after its source: a conversion takes 750 ms, in which the bus is free
// unless a sensor lives on the line's power; a bulk conversion marks every sensor, and the next read of a marked one gives
// what is in its memory, whatever it is.
type kernel struct {
	mu      sync.Mutex
	bus     chan struct{} // full while somebody talks on the line; a mutex would stop virtual time
	began   time.Time
	sensors map[string]*chip

	conversions int           // in bulk
	own         int           // of single sensors
	signal      time.Duration // the next bulk conversion is interrupted after that long
	hang        chan struct{} // reads wait for it; nil for none
	inside      int           // reads that wait
	most        int
}

type chip struct {
	memory   float64 // what the last conversion measured
	done     time.Time
	next     float64 // what the conversion that goes on will give
	flag     int     // the driver's: -1 converting, 1 to be read, 0 none
	features string
	parasite bool
}

const conversion = 750 * time.Millisecond

func newKernel(ids ...string) *kernel {
	k := &kernel{began: time.Now(), bus: make(chan struct{}, 1), sensors: map[string]*chip{}}
	for _, id := range ids {
		k.plug(id)
	}
	return k
}

func (k *kernel) plug(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sensors[id] = &chip{memory: 85, features: "0"}
}

func (k *kernel) unplug(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sensors, id)
}

// air is the temperature at a sensor: it says the time, in steps of the sensor.
func (k *kernel) air(at time.Time) float64 {
	return 20 + float64(int(at.Sub(k.began).Seconds()*16))/16/100
}

func (k *kernel) settle(c *chip) {
	if !c.done.IsZero() && !time.Now().Before(c.done) {
		c.memory, c.done = c.next, time.Time{}
	}
}

func (k *kernel) start(c *chip) {
	k.settle(c)
	c.next, c.done = k.air(time.Now()), time.Now().Add(conversion)
}

func (k *kernel) find(name string) (c *chip, file string) {
	dir, file := path.Split(name)
	return k.sensors[path.Base(dir)], file
}

// Read answers as sysfs does.
func (k *kernel) Read(name string) (string, error) {
	if file := path.Base(name); file == "therm_bulk_read" {
		return k.state(), nil
	}
	k.mu.Lock()
	c, file := k.find(name)
	if c == nil {
		k.mu.Unlock()
		return "", &fs.PathError{Op: "open", Path: name, Err: unix.ENOENT}
	}
	features, power := c.features, "1"
	if c.parasite {
		power = "0"
	}
	k.mu.Unlock()
	switch file {
	case "features":
		return features, nil
	case "ext_power":
		return power, nil
	case "resolution":
		return "12", nil
	case "conv_time":
		return "750", nil
	case "temperature":
		return k.temperature(c), nil
	}
	return "", &fs.PathError{Op: "open", Path: name, Err: unix.ENOENT}
}

func (k *kernel) temperature(c *chip) string {
	k.mu.Lock()
	hang := k.hang
	k.inside++
	k.most = max(k.most, k.inside)
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.inside--
		k.mu.Unlock()
	}()
	if hang != nil {
		<-hang
	}
	k.mu.Lock()
	flag := c.flag
	k.mu.Unlock()
	switch {
	case flag < 0:
		return ""
	case flag == 0:
		k.convert(c)
	}
	k.bus <- struct{}{}
	time.Sleep(12 * time.Millisecond) // nine bytes at the speed of the line
	<-k.bus
	k.mu.Lock()
	defer k.mu.Unlock()
	if flag > 0 {
		c.flag = 0
	}
	k.settle(c)
	return fmt.Sprintf("%.0f", c.memory*1000)
}

func (k *kernel) convert(c *chip) {
	k.bus <- struct{}{}
	k.mu.Lock()
	k.own++
	k.start(c)
	strong := c.parasite
	k.mu.Unlock()
	if !strong {
		<-k.bus
	}
	time.Sleep(conversion)
	if strong {
		<-k.bus
	}
}

func (k *kernel) state() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := "0"
	for _, c := range k.sensors {
		if c.flag == -1 {
			return "-1"
		}
		if c.flag == 1 {
			out = "1"
		}
	}
	return out
}

// Write takes a trigger, and features.
func (k *kernel) Write(name, text string) error {
	if path.Base(name) != "therm_bulk_read" {
		k.mu.Lock()
		defer k.mu.Unlock()
		c, _ := k.find(name)
		c.features = strings.TrimSpace(text)
		return nil
	}
	if text != "trigger\n" {
		return nil // ignored without an error, as the driver does
	}
	k.mu.Lock()
	k.conversions++
	takes := conversion
	if k.signal > 0 {
		takes, k.signal = k.signal, 0
	}
	for _, c := range k.sensors {
		k.start(c)
		c.flag = -1
	}
	k.mu.Unlock()
	time.Sleep(takes)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.sensors {
		c.flag = 1
	}
	return nil
}

// List names the sensors and their master.
func (k *kernel) List(dir string) ([]string, error) {
	if dir != "bus/w1/devices" {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	out := []string{"w1_bus_master1"}
	for id := range k.sensors {
		out = append(out, id)
	}
	slices.Sort(out)
	return out, nil
}

// Real puts every sensor on the one master.
func (k *kernel) Real(name string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sensors[path.Base(name)] == nil {
		return "", &fs.PathError{Op: "lstat", Path: name, Err: unix.ENOENT}
	}
	return "devices/w1_bus_master1/" + path.Base(name), nil
}
