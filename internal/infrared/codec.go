package infrared

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// codec is a pulse-distance protocol of bytes: a bit is a mark of fixed length and a space whose length is the
// bit. All lengths are microseconds. A profile describes its protocol once,
//
//	func greeCodec() codec {
//		return codec{
//			carrierHz: 38_000, bitMark: 620, oneSpace: 1600, zeroSpace: 540,
//			sections: []section{
//				{header: []int{9000, 4500}, bits: 32 + 3, gap: 19_980},
//				{bits: 32},
//			},
//		}
//	}
//
// and has
//
//	frame(data) (Frame, error)           bytes to a valid frame with its Code
//	decode(pulses) ([]byte, error)       what a receiver heard to bytes
//	bytes()                              how many bytes data has
//	entries()                            how many marks and spaces one copy has
//
// Data is the sections' bytes one after another; each section begins a byte of its own. A section whose bits do
// not fill its last byte has them in that byte's low bits (Gree's section above is 5 bytes, the fifth 0 to 7), in
// both orders. Protocols with frames of several lengths have a codec for each and try them in turn. The state's
// words are said and heard with choices; checkSetpoint refuses what is out of range.
type codec struct {
	carrierHz           int
	bitMark             int
	oneSpace, zeroSpace int
	footMark            int  // closes each section; bitMark when zero
	msbFirst            bool // bytes are sent from their high bit; the low bit comes first when false
	sections            []section
	copies              int // how often the whole is sent; once when zero
	copyGap             int // space between two copies
}

// section is a run of bits between gaps.
type section struct {
	header []int // mark, space pairs before the first bit; may be empty
	bits   int
	gap    int // space after the closing mark; not sent after the last section of all
}

func (s section) bytes() int { return (s.bits + 7) / 8 }

// bytes counts the bytes of all sections.
func (c codec) bytes() int {
	n := 0
	for _, s := range c.sections {
		n += s.bytes()
	}
	return n
}

// entries counts the marks and spaces of one copy, which ends with a mark.
func (c codec) entries() int {
	n := 0
	for _, s := range c.sections {
		n += len(s.header) + 2*s.bits + 2
	}
	return n - 1
}

// frame encodes the bytes, whose number must be bytes().
func (c codec) frame(data []byte) (Frame, error) {
	if len(data) != c.bytes() {
		return Frame{}, fmt.Errorf("infrared frame: %d bytes, the protocol has %d: %w", len(data), c.bytes(), fault.ErrInvalid)
	}
	frame := Frame{CarrierHz: c.carrierHz, Pulses: c.encode(data), Code: hexCode(data)}
	return frame, frame.Validate()
}

// hexCode writes bytes in the order of sending.
func hexCode(data []byte) Code { return Code(fmt.Sprintf("0x%X", data)) }

func (c codec) encode(data []byte) []int {
	var once []int
	for i, s := range c.sections {
		once = append(once, s.header...)
		for bit := range s.bits {
			space := c.zeroSpace
			if data[bit/8]>>c.shift(s, bit)&1 == 1 {
				space = c.oneSpace
			}
			once = append(once, c.bitMark, space)
		}
		data = data[s.bytes():]
		once = append(once, c.foot())
		if i < len(c.sections)-1 {
			once = append(once, s.gap)
		}
	}
	pulses := once
	for copied := 1; copied < c.copies; copied++ {
		pulses = append(append(pulses[:len(pulses):len(pulses)], c.copyGap), once...)
	}
	return pulses
}

// shift is where the bit that is sent at this place of the section stands in its byte.
func (c codec) shift(s section, bit int) int {
	if !c.msbFirst {
		return bit % 8
	}
	inByte := min(8, s.bits-bit/8*8)
	return inByte - 1 - bit%8
}

func (c codec) foot() int {
	if c.footMark > 0 {
		return c.footMark
	}
	return c.bitMark
}

// decode reads the bytes back. Of a transmission that is sent several times one whole copy suffices, but two whole
// ones must agree. The end may be the closing mark or any space that is longer than a bit's.
func (c codec) decode(pulses []int) ([]byte, error) {
	var data []byte
	var why error
	for _, start := range c.starts(pulses) {
		heard, err := c.read(pulses[start:])
		switch {
		case err != nil && why == nil:
			why = err
		case err != nil:
		case data == nil:
			data = heard
		case !bytes.Equal(data, heard):
			return nil, fmt.Errorf("infrared frame: its copies %s and %s differ: %w", hexCode(data), hexCode(heard), fault.ErrInvalid)
		}
	}
	if data == nil {
		return nil, why
	}
	return data, nil
}

// starts are the places where a copy may begin: after any space that is clearly longer than a bit's, since remotes
// keep to the pause between copies loosely.
func (c codec) starts(pulses []int) []int {
	starts := []int{0}
	if c.copies < 2 {
		return starts
	}
	for i := 1; i < len(pulses); i += 2 {
		if pulses[i] >= c.copyGap/2 {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// read reads one copy from the beginning of the pulses.
func (c codec) read(pulses []int) ([]byte, error) {
	data := make([]byte, 0, c.bytes())
	at := 0
	for i, s := range c.sections {
		need := at + len(s.header) + 2*s.bits + 1
		if len(pulses) < need {
			return nil, fmt.Errorf("infrared frame: %d entries, %d are needed: %w", len(pulses), need, fault.ErrInvalid)
		}
		bits, err := c.readSection(s, pulses[at:need])
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", i+1, err)
		}
		data = append(data, bits...)
		at = need
		if i == len(c.sections)-1 {
			break
		}
		if len(pulses) == at || !nearSpace(pulses[at], s.gap) {
			return nil, fmt.Errorf("infrared frame: no gap of %d µs after section %d: %w", s.gap, i+1, fault.ErrInvalid)
		}
		at++
	}
	if at < len(pulses) && pulses[at] <= most(c.oneSpace) {
		return nil, fmt.Errorf("infrared frame: goes on after its %d entries: %w", at, fault.ErrInvalid)
	}
	return data, nil
}

// readSection reads exactly the section's header, bits and closing mark.
func (c codec) readSection(s section, pulses []int) ([]byte, error) {
	for i, nominal := range s.header {
		if (i%2 == 0 && !near(pulses[i], nominal)) || (i%2 == 1 && !nearSpace(pulses[i], nominal)) {
			return nil, fmt.Errorf("infrared frame: header entry %d of %d µs is not %d: %w", i, pulses[i], nominal, fault.ErrInvalid)
		}
	}
	pulses = pulses[len(s.header):]
	data := make([]byte, s.bytes())
	for bit := range s.bits {
		mark, space := pulses[2*bit], pulses[2*bit+1]
		switch {
		case !near(mark, c.bitMark):
			return nil, fmt.Errorf("infrared frame: mark of bit %d lasts %d µs: %w", bit, mark, fault.ErrInvalid)
		case near(space, c.oneSpace):
			data[bit/8] |= 1 << c.shift(s, bit)
		case near(space, c.zeroSpace):
		default:
			return nil, fmt.Errorf("infrared frame: space of bit %d lasts %d µs: %w", bit, space, fault.ErrInvalid)
		}
	}
	if last := pulses[2*s.bits]; !near(last, c.foot()) {
		return nil, fmt.Errorf("infrared frame: closing mark of %d µs: %w", last, fault.ErrInvalid)
	}
	return data, nil
}

// least and most bound what a receiver makes of a nominal length. A demodulating receiver lengthens marks and
// shortens spaces by up to about 100 µs, so the tolerance is a quarter and 50 µs.
func least(nominal int) int { return nominal - nominal/4 - 50 }
func most(nominal int) int  { return nominal + nominal/4 + 50 }

// near says that a heard length is the nominal one.
func near(heard, nominal int) bool { return heard >= least(nominal) && heard <= most(nominal) }

// nearSpace is near for gaps too: where a sender splits its frame (Frame.Parts) the pause is slept by a program,
// which may oversleep by some milliseconds.
func nearSpace(heard, nominal int) bool {
	const overslept = 20_000
	if nominal < splitSpace {
		return near(heard, nominal)
	}
	return heard >= least(nominal) && heard <= most(nominal)+overslept
}

// choices are the words that a remote has for a mode or a fan speed, and the bits that say them. Where several bits
// are heard as one word, the first of them say it.
type choices []choice

type choice struct {
	word string
	bits byte
}

// say finds the bits of a word. The error says which words there are: `samsung remote: mode "dry" is none of …`.
func (c choices) say(remote, what, word string) (byte, error) {
	var words []string
	for _, choice := range c {
		if choice.word == word {
			return choice.bits, nil
		}
		if !slices.Contains(words, choice.word) {
			words = append(words, choice.word)
		}
	}
	return 0, fmt.Errorf("%s remote: %s %q is none of %s: %w", remote, what, word, strings.Join(words, ", "), fault.ErrInvalid)
}

// hear finds the word of heard bits.
func (c choices) hear(remote, what string, bits byte) (string, error) {
	for _, choice := range c {
		if choice.bits == bits {
			return choice.word, nil
		}
	}
	return "", fmt.Errorf("%s remote: %d is no %s that it has: %w", remote, bits, what, fault.ErrInvalid)
}

// checkSetpoint refuses a setpoint that the remote cannot say, °C.
func checkSetpoint(remote string, setpoint, lowest, highest int) error {
	if setpoint < lowest || setpoint > highest {
		return fmt.Errorf("%s remote: %d °C is outside its %d to %d °C: %w", remote, setpoint, lowest, highest, fault.ErrInvalid)
	}
	return nil
}

// sumOf is the low byte of the bytes' sum.
func sumOf(data []byte) byte {
	var sum byte
	for _, b := range data {
		sum += b
	}
	return sum
}
