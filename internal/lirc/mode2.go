package lirc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// Word is one mode2 word of the kernel: a kind in the top byte and a value, mostly µs, in the other 24 bits
// (include/uapi/linux/lirc.h).
type Word uint32

// The kinds of words.
const (
	KindSpace     = 0 // LIRC_MODE2_SPACE
	KindPulse     = 1 // LIRC_MODE2_PULSE
	KindFrequency = 2 // LIRC_MODE2_FREQUENCY, Hz of the carrier that was measured
	KindTimeout   = 3 // LIRC_MODE2_TIMEOUT, µs of silence so far; the end of a transmission
	KindOverflow  = 4 // LIRC_MODE2_OVERFLOW, something was lost
)

// NewWord makes a word; a value over 24 bits is cut to the largest.
func NewWord(kind, value int) Word {
	return Word(uint32(kind)<<24 | uint32(min(max(value, 0), longestPulse)))
}

// Kind is one of the kinds above, or one that is newer than they are.
func (w Word) Kind() int { return int(w >> 24) }

// Value is µs, or Hz for KindFrequency.
func (w Word) Value() int { return int(w & longestPulse) }

// Words takes a read's bytes apart; those of a word that is not whole are left.
func Words(data []byte) []Word {
	out := make([]Word, 0, len(data)/4)
	for ; len(data) >= 4; data = data[4:] {
		out = append(out, Word(binary.NativeEndian.Uint32(data)))
	}
	return out
}

const (
	// frameGap is a silence, µs, after which a transmission has ended. The longest gap inside one is Daikin's 35 ms,
	// slept by a program that may oversleep; the kernel's own timeout is 125 ms (IR_DEFAULT_TIMEOUT).
	frameGap = 100_000
	// longestFrame bounds the lengths of one transmission; the longest known has some 600, and light that never ends
	// (a tube lamp) must not fill the memory.
	longestFrame = 4096
	// shortestFrame is what is believed: fewer lengths are a flicker of light.
	shortestFrame = 9
)

// Assembler makes frames of mode2 words.
type Assembler struct {
	pulses  []int
	carrier int
	spoilt  bool // something was lost since the last gap
}

// Add takes one word and returns the frame that it ends, if any.
func (a *Assembler) Add(w Word) (infrared.Frame, bool) {
	switch w.Kind() {
	case KindPulse:
		a.add(w.Value(), 0)
	case KindSpace:
		if w.Value() >= frameGap {
			return a.End()
		}
		if len(a.pulses) > 0 {
			a.add(w.Value(), 1)
		}
	case KindFrequency:
		a.carrier = w.Value()
	case KindTimeout:
		// A shorter one may be a gap in a frame; the space that follows it tells the whole silence.
		if w.Value() >= frameGap {
			return a.End()
		}
	case KindOverflow:
		a.spoilt = true
	}
	return infrared.Frame{}, false
}

// add appends a length; a driver may cut a long one in two, which are one again.
func (a *Assembler) add(us, kind int) {
	switch n := len(a.pulses); {
	case n > 0 && n%2 != kind:
		a.pulses[n-1] += us
		a.spoilt = a.spoilt || a.pulses[n-1] > longestPulse
	case n >= longestFrame:
		a.spoilt = true
	default:
		a.pulses = append(a.pulses, us)
	}
}

// End says that nothing came for long and returns the frame that was under way, if any.
func (a *Assembler) End() (infrared.Frame, bool) {
	pulses, carrier, spoilt := a.pulses, a.carrier, a.spoilt
	*a = Assembler{}
	if n := len(pulses); n > 0 && n%2 == 0 {
		pulses = pulses[:n-1] // the space before the silence
	}
	if spoilt || len(pulses) < shortestFrame {
		return infrared.Frame{}, false
	}
	if carrier < 20_000 || carrier > 60_000 {
		carrier = assumedCarrier // most receivers cannot measure it
	}
	return infrared.Frame{CarrierHz: carrier, Pulses: pulses}, true
}

// Unfinished says that a frame is under way.
func (a *Assembler) Unfinished() bool { return len(a.pulses) > 0 }

// ReadMode2 reads the text that the program mode2 prints, one "pulse 560" or "space 1690" a line, and what ir-ctl
// prints, "+560 -1690 …", and returns the frames. Errors name the line and are fault.ErrInvalid, or the reader's.
func ReadMode2(r io.Reader) ([]infrared.Frame, error) {
	var frames []infrared.Frame
	var a Assembler
	keep := func(f infrared.Frame, ended bool) {
		if ended {
			frames = append(frames, f)
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 1<<20)
	number := 0
	for lines.Scan() {
		number++
		found, err := ParseMode2(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		for _, w := range found {
			keep(a.Add(w))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", number+1, err)
	}
	keep(a.End())
	return frames, nil
}

// ParseMode2 reads one line of such a text; what mode2 says about itself has no words. Errors are fault.ErrInvalid.
func ParseMode2(line string) ([]Word, error) {
	f := strings.Fields(line)
	switch {
	case len(f) == 0, f[0][0] == '#', strings.HasPrefix(line, "Using "), strings.HasPrefix(line, "Trying "), strings.HasPrefix(line, "Running "):
		return nil, nil
	case f[0][0] == '+', f[0][0] == '-':
		return signed(f)
	case len(f) < 2:
		return nil, fmt.Errorf("%q is no line of mode2 (pulse 560, space 1690, …): %w", line, fault.ErrInvalid)
	}
	kind, ok := map[string]int{
		"pulse": KindPulse, "space": KindSpace, "timeout": KindTimeout, "overflow": KindOverflow,
		"carrier": KindFrequency, "frequency": KindFrequency,
	}[f[0]]
	value, err := strconv.ParseUint(f[1], 10, 32)
	if !ok || err != nil {
		return nil, fmt.Errorf("%q is no line of mode2 (pulse 560, space 1690, …): %w", line, fault.ErrInvalid)
	}
	return []Word{NewWord(kind, int(min(value, longestPulse)))}, nil
}

// signed reads ir-ctl's +560 -1690; a comment may follow.
func signed(f []string) ([]Word, error) {
	var out []Word
	for _, text := range f {
		if text[0] == '#' {
			break
		}
		value, err := strconv.ParseInt(text, 10, 32)
		switch {
		case err != nil || value == 0:
			return nil, fmt.Errorf("%q is no length in µs: %w", text, fault.ErrInvalid)
		case value > 0:
			out = append(out, NewWord(KindPulse, int(min(value, longestPulse))))
		default:
			out = append(out, NewWord(KindSpace, int(min(-value, longestPulse))))
		}
	}
	return out, nil
}
