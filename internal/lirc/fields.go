package lirc

import (
	"slices"
	"strconv"
	"strings"
)

// pair is a pulse and the space after it, µs.
type pair struct{ pulse, space int }

// data is a number that is sent bit by bit.
type data struct {
	value uint64
	bits  int
}

// fields are what a remote's head says about its frames, named as in lircd.conf(5).
type fields struct {
	raw                               bool
	codes                             [][]uint64 // of the keys of a codes section
	header, one, zero                 pair
	pre, post, foot, repeat           pair
	plead, ptrail                     int
	preData, postData                 data
	bits                              int
	repeatGap, minRepeat              int
	toggleBit, toggleMask, toggleBits uint64
	repeatMask, rc6Mask               uint64
}

// field reads one line of a remote's head.
func (p *parser) field(word string, values []string) {
	if p.text(word, values) {
		return
	}
	want := 1
	_, two := p.fields.pair(word)
	if two {
		want = 2
	} else if to, _ := p.length(word); to == nil && p.fields.mask(word) == nil {
		p.mistake(p.line, "%q is unknown", word)
		return
	}
	if len(values) < want {
		p.mistake(p.line, "%s needs %d value(s)", word, want)
		return
	}
	numbers := make([]uint64, want)
	for i := range want {
		n, err := strconv.ParseUint(values[i], 0, 64)
		if err != nil {
			p.mistake(p.line, "%q of %s is no number", values[i], word)
			return
		}
		numbers[i] = n
	}
	if !p.number(word, numbers) {
		p.mistake(p.line, "%s %s is too large", word, strings.Join(values, " "))
	}
}

// text reads the lines whose values are words.
func (p *parser) text(word string, values []string) bool {
	switch word {
	case "name":
		if len(values) != 1 {
			p.mistake(p.line, "name needs one word")
			return true
		}
		p.remote.Name = values[0]
	case "flags":
		for flag := range strings.SplitSeq(strings.Join(values, ""), "|") {
			flag = strings.ToUpper(flag)
			if !slices.Contains(knownFlags(), flag) {
				p.mistake(p.line, "flag %q is unknown", flag)
			}
			p.remote.Flags = append(p.remote.Flags, flag)
		}
	case "driver", "serial_mode", "baud", "eps", "aeps", "manual_sort", "suppress_repeat", "ignore_mask",
		"min_code_repeat", "three", "two", "dyncodes_name":
		// These concern hearing, or protocols that are not sent here.
	default:
		return false
	}
	return true
}

// knownFlags are those of lirc 0.10.1 (lib/config_file.c).
func knownFlags() []string {
	return []string{
		"RAW_CODES", "RC5", "SHIFT_ENC", "RC6", "RCMM", "SPACE_ENC", "SPACE_FIRST", "GRUNDIG", "BO", "SERIAL", "XMP",
		"REVERSE", "NO_HEAD_REP", "NO_FOOT_REP", "CONST_LENGTH", "REPEAT_HEADER",
	}
}

// pair finds the field that takes a pulse and a space.
func (f *fields) pair(word string) (*pair, bool) {
	switch word {
	case "header":
		return &f.header, true
	case "one":
		return &f.one, true
	case "zero":
		return &f.zero, true
	case "pre":
		return &f.pre, true
	case "post":
		return &f.post, true
	case "foot":
		return &f.foot, true
	case "repeat":
		return &f.repeat, true
	}
	return nil, false
}

// The largest values that are believed. A length has 24 bits in the kernel's words; the gap of a slow remote may be
// seconds.
const (
	longestPulse = 1<<24 - 1
	longestGap   = 60_000_000
	mostBits     = 64
	mostRepeats  = 16
)

// number sets a field and says whether there is one of that word and the numbers are inside its bounds.
func (p *parser) number(word string, n []uint64) bool {
	f := &p.fields
	if to, ok := f.pair(word); ok {
		*to = pair{pulse: int(min(n[0], longestPulse)), space: int(min(n[1], longestPulse))}
		return n[0] <= longestPulse && n[1] <= longestPulse
	}
	if to := f.mask(word); to != nil {
		*to = n[0]
		return true
	}
	to, most := p.length(word)
	if to == nil || n[0] > most {
		return false
	}
	*to = int(n[0])
	return true
}

// mask finds the field of a word that takes 64 bits.
func (f *fields) mask(word string) *uint64 {
	switch word {
	case "pre_data":
		return &f.preData.value
	case "post_data":
		return &f.postData.value
	case "toggle_bit", "repeat_bit":
		return &f.toggleBit
	case "toggle_mask":
		return &f.toggleMask
	case "toggle_bit_mask":
		return &f.toggleBits
	case "repeat_mask":
		return &f.repeatMask
	case "rc6_mask":
		return &f.rc6Mask
	}
	return nil
}

// length finds the field of a word that takes one small number, and its bound.
func (p *parser) length(word string) (*int, uint64) {
	f := &p.fields
	switch word {
	case "plead":
		return &f.plead, longestPulse
	case "ptrail":
		return &f.ptrail, longestPulse
	case "pre_data_bits":
		return &f.preData.bits, mostBits
	case "post_data_bits":
		return &f.postData.bits, mostBits
	case "bits":
		return &f.bits, mostBits
	case "gap":
		return &p.remote.Gap, longestGap
	case "repeat_gap":
		return &f.repeatGap, longestGap
	case "min_repeat":
		return &f.minRepeat, mostRepeats
	case "frequency":
		return &p.remote.CarrierHz, 10_000_000
	case "duty_cycle":
		return &p.remote.Duty, 100
	}
	return nil, 0
}
