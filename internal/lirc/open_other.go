//go:build !linux

package lirc

import (
	"fmt"

	"github.com/overcloud/overcloud/internal/fault"
)

// OpenDevice says that only Linux has these devices.
func OpenDevice(path string) (Port, error) {
	return nil, fmt.Errorf("open %s: infrared devices are Linux's: %w", path, fault.ErrInvalid)
}
