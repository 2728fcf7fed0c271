// Package lirctest owns a stand-in for a /dev/lirc device that answers as the kernel's drivers/media/rc/lirc_dev.c
// does. Only tests use it.
package lirctest

import (
	"encoding/binary"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/lirc"
)

// Device is an infrared device. Its zero value has no features; set them before it is opened.
type Device struct {
	Features lirc.Features
	// Old kernels answer LIRC_SET_REC_TIMEOUT_REPORTS with ENOTTY.
	NoTimeoutReports bool
	// WriteTakes is how long a write blocks; nil for no time at all.
	WriteTakes func(duration time.Duration)
	// WriteFails is what the next writes return, in order; nil entries do not fail.
	WriteFails []error

	mu      sync.Mutex
	gone    bool
	locked  *port
	open    map[*port]bool
	Carrier uint32
	Duty    uint32
	writes  [][]int
	at      []time.Time
}

// Open opens it; it is a lirc.Open for any path.
func (d *Device) Open(path string) (lirc.Port, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return nil, lirc.Sentence(&fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}, "open "+path)
	}
	p := &port{device: d, heard: make(chan []byte, 1024), closed: make(chan struct{}), mode: modePulse}
	if d.open == nil {
		d.open = map[*port]bool{}
	}
	d.open[p] = true
	return p, nil
}

// Writes are the transmissions so far, µs, and when each began.
func (d *Device) Writes() ([][]int, []time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([][]int(nil), d.writes...), append([]time.Time(nil), d.at...)
}

// Hear gives words to all who have it open.
func (d *Device) Hear(words ...lirc.Word) {
	data := make([]byte, 0, 4*len(words))
	for _, w := range words {
		data = binary.NativeEndian.AppendUint32(data, uint32(w))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for p := range d.open {
		p.heard <- data
	}
}

// Opened counts those who have it open.
func (d *Device) Opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// Pull pulls the device out; Plug puts it back.
func (d *Device) Pull() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	for p := range d.open {
		close(p.heard)
		delete(d.open, p)
	}
}

// Plug puts a pulled device back.
func (d *Device) Plug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = false
}

type port struct {
	device *Device
	heard  chan []byte
	rest   []byte
	closed chan struct{}
	once   sync.Once
	mode   uint32
}

// The kernel's numbers, written again from include/uapi/linux/lirc.h, so that a slip in one place shows.
const (
	modePulse    = 0x02
	modeMode2    = 0x04
	modeScancode = 0x08

	getFeatures    = 2<<30 | 4<<16 | 'i'<<8
	setSendMode    = 1<<30 | 4<<16 | 'i'<<8 | 0x11
	setRecMode     = 1<<30 | 4<<16 | 'i'<<8 | 0x12
	setSendCarrier = 1<<30 | 4<<16 | 'i'<<8 | 0x13
	setSendDuty    = 1<<30 | 4<<16 | 'i'<<8 | 0x15
	setTimeouts    = 1<<30 | 4<<16 | 'i'<<8 | 0x19

	canSendPulse  = 0x00000002
	canSetCarrier = 0x00000100
	canSetDuty    = 0x00000200
	canRecMode2   = 0x00040000

	maxDuration = 500_000 // µs, IR_MAX_DURATION
	bufferSize  = 1024    // LIRCBUF_SIZE
)

func (p *port) has(bit uint32) bool { return uint32(p.device.Features)&bit != 0 }

// when is ENOTTY unless the device has the feature, and EINVAL unless the value is right.
func (p *port) when(feature uint32, right bool, change func()) error {
	switch {
	case !p.has(feature):
		return syscall.ENOTTY
	case !right:
		return syscall.EINVAL
	}
	change()
	return nil
}

// Ioctl is lirc_ioctl.
func (p *port) Ioctl(request uint, value *uint32) error {
	d := p.device
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return syscall.ENODEV
	}
	switch request {
	case getFeatures:
		*value = uint32(d.Features)
		return nil
	case setSendMode:
		return p.when(canSendPulse, *value == modePulse || *value == modeScancode, func() { p.mode = *value })
	case setRecMode:
		return p.when(canRecMode2, *value == modeMode2 || *value == modeScancode, func() {})
	case setSendCarrier:
		return p.when(canSetCarrier, true, func() { d.Carrier = *value })
	case setSendDuty:
		return p.when(canSetDuty, *value > 0 && *value < 100, func() { d.Duty = *value })
	case setTimeouts:
		if d.NoTimeoutReports {
			return syscall.ENOTTY
		}
		return p.when(canRecMode2, true, func() {})
	}
	return syscall.ENOTTY
}

// Write is lirc_transmit.
func (p *port) Write(data []byte) (int, error) {
	d := p.device
	count := len(data) / 4
	total, err := p.transmit(data, count)
	if err != nil {
		return 0, err
	}
	if d.WriteTakes != nil {
		d.WriteTakes(time.Duration(total) * time.Microsecond)
	}
	return 4 * count, nil
}

// transmit takes the lengths and says how long they last, µs.
func (p *port) transmit(data []byte, count int) (int, error) {
	d := p.device
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.gone:
		return 0, syscall.ENODEV
	case !p.has(canSendPulse), p.mode != modePulse, len(data) == 0, len(data)%4 != 0, count > bufferSize, count%2 == 0:
		return 0, syscall.EINVAL
	}
	var pulses []int
	total := 0
	for ; len(data) > 0; data = data[4:] {
		us := int(binary.NativeEndian.Uint32(data))
		if us == 0 || us > maxDuration-total {
			return 0, syscall.EINVAL
		}
		total += us
		pulses = append(pulses, us)
	}
	if len(d.WriteFails) > 0 {
		err := d.WriteFails[0]
		d.WriteFails = d.WriteFails[1:]
		if err != nil {
			return 0, err
		}
	}
	d.writes, d.at = append(d.writes, pulses), append(d.at, time.Now())
	return total, nil
}

// Read is lirc_read of mode2 words; it blocks.
func (p *port) Read(data []byte) (int, error) {
	if !p.has(canRecMode2) || len(data)%4 != 0 {
		return 0, syscall.EINVAL
	}
	if len(p.rest) == 0 {
		select {
		case <-p.closed:
			return 0, os.ErrClosed
		case heard, ok := <-p.heard:
			if !ok {
				return 0, syscall.ENODEV
			}
			p.rest = heard
		}
	}
	n := copy(data, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// TryLock is flock.
func (p *port) TryLock() (bool, error) {
	d := p.device
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked != nil && d.locked != p {
		return false, nil
	}
	d.locked = p
	return true, nil
}

// Close closes it and ends a Read.
func (p *port) Close() error {
	p.once.Do(func() {
		d := p.device
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.locked == p {
			d.locked = nil
		}
		delete(d.open, p)
		close(p.closed)
	})
	return nil
}
