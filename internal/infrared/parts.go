package infrared

import (
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// What one write to the kernel's infrared transmitter takes (linux: drivers/media/rc/lirc_dev.c).
const (
	maxDuration = 500 * time.Millisecond
	maxEntries  = 1024
)

const (
	// splitSpace is the shortest space, µs, at which a transmission may be cut in two writes: a program that
	// sleeps it oversleeps by a millisecond or so, which a receiver forgives in a gap but not in a bit.
	splitSpace = 5_000
	// maxParts bounds what a frame may ask of a transmitter: two frames of three writes each and a pause.
	maxParts = 8
)

// Part is what one write to the kernel's transmitter sends, and the pause before the next part, measured from
// the part's last mark; zero after the last one.
type Part struct {
	Pulses []int // µs of mark, space, mark, …
	Pause  time.Duration
}

// Parts splits the frame into writes that the kernel takes: an odd number of entries, at most 1024, none of them
// zero, at most 500 ms. It cuts as seldom as it can, at the longest spaces first and never in one shorter than 5 ms.
// A frame that cannot be cut so is ErrInvalid. A frame of Keys without Pulses has no parts.
func (f Frame) Parts() ([]Part, error) {
	n := len(f.Pulses)
	if n == 0 {
		return nil, nil
	}
	if n%2 == 0 {
		return nil, fmt.Errorf("infrared frame: %d entries; it must begin and end with a mark: %w", n, fault.ErrInvalid)
	}
	if n > maxParts*maxEntries {
		return nil, fmt.Errorf("infrared frame: %d entries are more than %d: %w", n, maxParts*maxEntries, fault.ErrInvalid)
	}
	for i, us := range f.Pulses {
		// The upper bound of one entry keeps the sum from overflowing.
		if us <= 0 || us > int(maxDuration.Microseconds()) {
			return nil, fmt.Errorf("infrared frame: entry %d lasts %d µs: %w", i, us, fault.ErrInvalid)
		}
	}
	parts, err := split(nil, f.Pulses, 0)
	if err != nil {
		return nil, err
	}
	if len(parts) > maxParts {
		return nil, fmt.Errorf("infrared frame: %d writes are more than %d: %w", len(parts), maxParts, fault.ErrInvalid)
	}
	return parts, nil
}

// split appends the parts of the pulses; pause follows the last of them.
func split(parts []Part, pulses []int, pause time.Duration) ([]Part, error) {
	lasts := Frame{Pulses: pulses}.Duration()
	if lasts <= maxDuration && len(pulses) <= maxEntries {
		return append(parts, Part{Pulses: pulses, Pause: pause}), nil
	}
	longest, at := longestSpace(pulses)
	if longest < splitSpace {
		return nil, fmt.Errorf("infrared frame: %d entries of %s have no space of %d µs to split at, but the kernel sends at most %d entries of %s at once; it needs another blaster: %w",
			len(pulses), lasts, splitSpace, maxEntries, maxDuration, fault.ErrInvalid)
	}
	parts, err := split(parts, pulses[:at], time.Duration(longest)*time.Microsecond)
	if err != nil {
		return nil, err
	}
	return split(parts, pulses[at+1:], pause)
}

// longestSpace finds where to cut: of several longest spaces the one nearest to the middle, so that there are few
// parts.
func longestSpace(pulses []int) (longest, at int) {
	whole := Frame{Pulses: pulses}.Duration()
	before, nearest := time.Duration(0), whole
	for i, us := range pulses {
		off := (whole - 2*before - time.Duration(us)*time.Microsecond).Abs()
		if i%2 == 1 && (us > longest || us == longest && off < nearest) {
			longest, at, nearest = us, i, off
		}
		before += time.Duration(us) * time.Microsecond
	}
	return longest, at
}
