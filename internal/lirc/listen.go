package lirc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// silence is how long nothing has to come until a frame under way has ended, for kernels that report no timeouts.
const silence = 200 * time.Millisecond

// Listen hears frames through a /dev/lirc device and hands each to heard, until the context ends or the device fails;
// ready is called when it begins to hear. Errors are those of Open, fault.ErrInvalid for a device that cannot hear, fault.ErrUnreachable when it was pulled
// out; nil when the context ended.
func Listen(ctx context.Context, open Open, path string, ready func(), heard func(infrared.Frame)) error {
	port, err := open(path)
	if err != nil {
		return err
	}
	if err := hear(port); err != nil {
		port.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	ready()
	words, failed := make(chan []Word), make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { port.Close() })
	defer stop()
	defer port.Close()
	go func() { failed <- pump(ctx, port, words) }()
	err = assemble(ctx, words, failed, heard)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}

// hear tells the device that mode2 words are wanted, with a report of the silence after a transmission.
func hear(port Port) error {
	features, err := GetFeatures(port)
	if err != nil {
		return err
	}
	if !features.Has(CanHear) {
		return fmt.Errorf("the device %s: it cannot be a receiver: %w", features, fault.ErrInvalid)
	}
	if err := set(port, ioctlSetRecMode, modeMode2, "the hearing of pulses"); err != nil {
		return err
	}
	on := uint32(1)
	// Old kernels report no timeouts; then the next pulse, or silence here, ends a frame.
	if err := port.Ioctl(ioctlTimeoutReports, &on); err != nil && gone(err) {
		return Sentence(err, "ask for reports of silence")
	}
	return nil
}

func gone(err error) bool {
	return errors.Is(Sentence(err, ""), fault.ErrUnreachable)
}

// pump reads the device until it fails; Close makes it fail.
func pump(ctx context.Context, port Port, out chan<- []Word) error {
	data := make([]byte, 4*256)
	for {
		n, err := port.Read(data)
		if err != nil {
			return Sentence(err, "hear")
		}
		if n == 0 {
			return fmt.Errorf("hear: the device is gone: %w", fault.ErrUnreachable)
		}
		select {
		case out <- Words(data[:n]):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func assemble(ctx context.Context, words <-chan []Word, failed <-chan error, heard func(infrared.Frame)) error {
	var a Assembler
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case batch := <-words:
			for _, w := range batch {
				if f, ended := a.Add(w); ended {
					heard(f)
				}
			}
			if a.Unfinished() {
				quiet.Reset(silence)
			}
		case <-quiet.C:
			if f, ended := a.End(); ended {
				heard(f)
			}
		}
	}
}
