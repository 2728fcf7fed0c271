package catalog

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/file"
	"github.com/overcloud/overcloud/edge/device/iio"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/edge/device/w1"
	"github.com/overcloud/overcloud/internal/spec"
)

// Shared is the catalog of a process that reads its sensors again and again: those of one 1-Wire bus are measured by one
// conversion for all. A process has one; whoever only looks, beside another that samples, uses the catalog as it is.
func (c Catalog) Shared() Catalog {
	if c.OneWire == nil {
		c.OneWire = w1.NewHub(c.kernel())
	}
	return c
}

func (c Catalog) kernel() sysfs.Tree {
	if c.Kernel != nil {
		return c.Kernel
	}
	return sysfs.Dir(cmp.Or(c.Sysfs, "/sys"))
}

// local opens a sensor that is at this box itself.
func (c Catalog) local(s spec.Sensor) (device.Thermometer, error) {
	kind, address, _ := strings.Cut(s.Source, ":")
	var t device.Thermometer
	var err error
	switch kind {
	case "iio":
		t, err = iio.New(c.kernel(), address)
	case "w1":
		hub := c.OneWire
		if hub == nil {
			hub = w1.Single(c.kernel())
		}
		t, err = w1.New(hub, address)
	case "file":
		t, err = file.New(address)
	case "exec":
		t, err = file.NewExec(address)
	}
	if err != nil {
		return nil, fmt.Errorf("sensor %d: %w", s.ID, err)
	}
	return t, nil
}

// localMeter opens a power meter that a file or a program speaks for.
func localMeter(address string) (device.Meter, error) {
	kind, path, _ := strings.Cut(address, ":")
	if kind == "file" {
		return file.New(path)
	}
	return file.NewExec(path)
}
