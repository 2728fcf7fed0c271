package lirc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// The kernel's numbers, from include/uapi/linux/lirc.h. An ioctl is direction (_IOR 2, _IOW 1) << 30 | 4 bytes << 16 |
// 'i' << 8 | number; it is so on x86, ARM and RISC-V.
const (
	ioctlGetFeatures    = 0x80046900 // LIRC_GET_FEATURES      _IOR('i', 0x00, __u32)
	ioctlSetSendMode    = 0x40046911 // LIRC_SET_SEND_MODE     _IOW('i', 0x11, __u32)
	ioctlSetRecMode     = 0x40046912 // LIRC_SET_REC_MODE      _IOW('i', 0x12, __u32)
	ioctlSetCarrier     = 0x40046913 // LIRC_SET_SEND_CARRIER  _IOW('i', 0x13, __u32), Hz
	ioctlSetDuty        = 0x40046915 // LIRC_SET_SEND_DUTY_CYCLE  _IOW('i', 0x15, __u32), 1 to 99 %
	ioctlTimeoutReports = 0x40046919 // LIRC_SET_REC_TIMEOUT_REPORTS  _IOW('i', 0x19, __u32)

	modePulse = 0x2 // LIRC_MODE_PULSE
	modeMode2 = 0x4 // LIRC_MODE_MODE2
)

// Features are what a device says it can (LIRC_GET_FEATURES).
type Features uint32

// The features that matter here, from include/uapi/linux/lirc.h.
const (
	CanSendPulse  Features = 0x00000002 // LIRC_CAN_SEND_PULSE
	CanSetCarrier Features = 0x00000100 // LIRC_CAN_SET_SEND_CARRIER
	CanSetDuty    Features = 0x00000200 // LIRC_CAN_SET_SEND_DUTY_CYCLE
	CanHear       Features = 0x00040000 // LIRC_CAN_REC_MODE2
)

// Has says whether all of the wanted are there.
func (f Features) Has(wanted Features) bool { return f&wanted == wanted }

// String says in words what the device can.
func (f Features) String() string {
	words := ""
	for _, one := range []struct {
		bit  Features
		word string
	}{{CanSendPulse, "sends"}, {CanSetCarrier, "sets the carrier"}, {CanSetDuty, "sets the duty cycle"}, {CanHear, "hears"}} {
		if f.Has(one.bit) {
			if words != "" {
				words += ", "
			}
			words += one.word
		}
	}
	if words == "" {
		return "neither sends nor hears pulses"
	}
	return words
}

// Port is an open /dev/lirc device: the seam between this package and the kernel. Errors are those of the system
// calls. Tests put a stand-in here that answers as drivers/media/rc/lirc_dev.c does.
type Port interface {
	// Ioctl makes the request with the address of value.
	Ioctl(request uint, value *uint32) error
	// Write sends native-endian uint32 µs, a mark first, and returns when they were sent.
	Write(data []byte) (int, error)
	// Read gives native-endian mode2 words.
	Read(data []byte) (int, error)
	// Closer ends a Read under way.
	io.Closer
}

// Open opens a device for sending or hearing. The error is a sentence: fault.ErrUnreachable when there is no such
// device, fault.ErrUnauthorised when this user may not, fault.ErrInvalid when the path is something else.
type Open func(path string) (Port, error)

// assumedCarrier is what drivers send when nobody sets it (gpio-ir-tx, pwm-ir-tx: 38 kHz), and how far from it a
// receiver's filter still lets a frame through.
const (
	assumedCarrier = 38_000
	carrierSlack   = 2_000
)

// Transmitter sends frames through a /dev/lirc device. It opens the device for each frame, so that a device that was
// pulled out and put back works again, and others may use it meanwhile.
type Transmitter struct {
	Path string
	Duty int // % of the carrier's period that the light is on; 0 leaves the driver's
	Open Open
	// Sleep waits between the parts of a long frame; nil for the clock's.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Send sends a frame whole: parts that the kernel takes, and between them the pauses. A context that ends stops it
// between two parts; a machine ignores half a frame. Errors are fault.ErrInvalid for a frame that cannot be sent so,
// ErrCannotSend (also fault.ErrRejected) when the device only hears, fault.ErrRejected when the kernel refuses, and
// those of Open.
func (t Transmitter) Send(ctx context.Context, frame infrared.Frame) error {
	parts, err := frame.Parts()
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return fmt.Errorf("%s: the frame has no pulses, only names for lircd: %w", t.Path, fault.ErrInvalid)
	}
	port, err := t.Open(t.Path)
	if err != nil {
		return err
	}
	defer port.Close()
	if err := t.lock(ctx, port); err != nil {
		return fmt.Errorf("%s: %w", t.Path, err)
	}
	if err := t.prepare(port, frame.CarrierHz); err != nil {
		return fmt.Errorf("%s: %w", t.Path, err)
	}
	for i, part := range parts {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: stopped before part %d of %d: %w", t.Path, i+1, len(parts), err)
		}
		if err := t.part(ctx, port, part); err != nil {
			return fmt.Errorf("%s: part %d of %d: %w", t.Path, i+1, len(parts), err)
		}
	}
	return nil
}

// locker is a port that can be had by one sender at a time. Without that the parts of two long frames could mix.
type locker interface {
	TryLock() (bool, error)
}

// lockEvery is how often a port that another sends through is tried.
const lockEvery = 20 * time.Millisecond

func (t Transmitter) lock(ctx context.Context, port Port) error {
	l, ok := port.(locker)
	for ok {
		free, err := l.TryLock()
		if err != nil {
			return Sentence(err, "take the device")
		}
		if free {
			return nil
		}
		if err := t.sleep(ctx, lockEvery); err != nil {
			return fmt.Errorf("wait for another sender: %w: %w: %w", ErrBusy, fault.ErrRejected, err)
		}
	}
	return nil
}

// prepare says to the device how frames are meant.
func (t Transmitter) prepare(port Port, carrierHz int) error {
	features, err := GetFeatures(port)
	if err != nil {
		return err
	}
	if !features.Has(CanSendPulse) {
		return fmt.Errorf("the device %s: %w: %w", features, ErrCannotSend, fault.ErrRejected)
	}
	if err := set(port, ioctlSetSendMode, modePulse, "the sending of pulses"); err != nil {
		return err
	}
	off := max(carrierHz-assumedCarrier, assumedCarrier-carrierHz)
	switch {
	case features.Has(CanSetCarrier):
		if err := set(port, ioctlSetCarrier, carrierHz, "the carrier"); err != nil {
			return err
		}
	case off > carrierSlack:
		return fmt.Errorf("the frame needs a carrier of %d Hz and the device cannot set it: %w", carrierHz, fault.ErrRejected)
	}
	if t.Duty > 0 && features.Has(CanSetDuty) {
		return set(port, ioctlSetDuty, t.Duty, "the duty cycle")
	}
	return nil
}

// part writes one part and sleeps its pause. The write returns when the light went out, or a little later, or, on a
// signal, earlier; so the pause counts from when the last mark should have ended. At least half of it is kept
// whatever the write took, as two parts must not melt together.
func (t Transmitter) part(ctx context.Context, port Port, part infrared.Part) error {
	lasts := infrared.Frame{Pulses: part.Pulses}.Duration()
	began := time.Now()
	if _, err := port.Write(words(part.Pulses)); err != nil {
		return Sentence(err, fmt.Sprintf("send %d lengths, %s", len(part.Pulses), lasts))
	}
	if part.Pause == 0 {
		return nil
	}
	return t.sleep(ctx, max(lasts+part.Pause-time.Since(began), part.Pause/2))
}

func (t Transmitter) sleep(ctx context.Context, d time.Duration) error {
	if t.Sleep != nil {
		return t.Sleep(ctx, d)
	}
	return Pause(ctx, d)
}

// Pause waits for d, or until the context ends, whose error it returns then.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// words is a write's bytes.
func words(pulses []int) []byte {
	out := make([]byte, 0, 4*len(pulses))
	for _, us := range pulses {
		out = binary.NativeEndian.AppendUint32(out, uint32(us))
	}
	return out
}

// GetFeatures asks an open device what it can.
func GetFeatures(port Port) (Features, error) {
	var value uint32
	if err := port.Ioctl(ioctlGetFeatures, &value); err != nil {
		return 0, Sentence(err, "ask what the device can")
	}
	return Features(value), nil
}

func set(port Port, request uint, value int, what string) error {
	v := uint32(value)
	if err := port.Ioctl(request, &v); err != nil {
		return Sentence(err, fmt.Sprintf("set %s to %d", what, value))
	}
	return nil
}

// Sentence says what an error of the kernel means here.
func Sentence(err error, doing string) error {
	switch {
	case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: the device is gone: %w: %w", doing, fault.ErrUnreachable, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not (its group is usually video): %w: %w", doing, fault.ErrUnauthorised, err)
	case errors.Is(err, syscall.ENOTTY), errors.Is(err, syscall.ENOSYS): // the latter under qemu-user
		return fmt.Errorf("%s: it is no infrared device, or cannot do that: %w: %w", doing, fault.ErrInvalid, err)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%s: another program has it: %w: %w: %w", doing, ErrBusy, fault.ErrRejected, err)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%s: the kernel refuses it: %w: %w", doing, fault.ErrRejected, err)
	default:
		return fmt.Errorf("%s: %w: %w", doing, fault.ErrRejected, err)
	}
}
