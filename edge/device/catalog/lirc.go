package catalog

import (
	"fmt"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/lirc"
	"github.com/overcloud/overcloud/internal/spec"
)

// lirc opens what sends through a lircd or a /dev/lirc device, and the receiver if one is named.
func (c Catalog) lirc(ac spec.AirConditioner) (device.Transmitter, device.Receiver, error) {
	open := c.Blaster
	if open == nil {
		open = lirc.OpenDevice
	}
	profile, err := c.Remote(ac.Remote)
	if err != nil {
		return nil, nil, fmt.Errorf("air conditioner %s: %w", ac.Name, err)
	}
	transmitter, err := lirc.Transmitter(ac.Transmitter, profile, open)
	if err != nil {
		return nil, nil, fmt.Errorf("air conditioner %s: transmitter: %w", ac.Name, err)
	}
	if ac.Receiver == "" {
		return transmitter, nil, nil
	}
	receiver, err := lirc.Receiver(ac.Receiver, open)
	if err != nil {
		return nil, nil, fmt.Errorf("air conditioner %s: receiver: %w", ac.Name, err)
	}
	return transmitter, receiver, nil
}
