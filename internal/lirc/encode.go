package lirc

import (
	"slices"
	"strings"
)

// finish gives each key its pulses, or the reason why only lircd can send it.
func (f *fields) finish(r *Remote) {
	why := f.unsendable(r.Flags)
	for i := range r.Keys {
		k := &r.Keys[i]
		switch {
		case why != "":
			k.Pulses, k.Why = nil, why
		case f.raw:
			k.Pulses, k.Why = f.repeated(r, func(*train, bool) {}, k.Pulses)
		case len(f.codes[i]) > 1:
			k.Why = "the key is a sequence of codes"
		default:
			code := f.codes[i][0]
			k.Pulses, k.Why = f.repeated(r, func(t *train, again bool) { f.frame(t, r.Flags, code, again) }, nil)
		}
	}
}

// unsendable says why only lircd can send a remote's keys; empty when they are marks and spaces that the head tells.
func (f *fields) unsendable(flags []string) string {
	for _, other := range []string{"RC5", "SHIFT_ENC", "RC6", "RCMM", "GRUNDIG", "BO", "SERIAL", "XMP", "SPACE_FIRST"} {
		if slices.Contains(flags, other) {
			return "the encoding " + other + " is lircd's alone"
		}
	}
	switch {
	case f.raw:
		return ""
	case f.toggleBit != 0 || f.toggleMask != 0 || f.toggleBits != 0:
		return "the remote toggles a bit with each key press"
	case f.rc6Mask != 0 || (f.repeatMask != 0 && f.minRepeat > 0):
		return "its masks are lircd's alone"
	case f.bits == 0 || f.one == (pair{}) || f.zero == (pair{}):
		return "the head lacks bits, one or zero"
	}
	return ""
}

// repeated puts one transmission together: the frame, and min_repeat times the gap and the frame again. What it knows
// of the order is from lirc's documentation and from comparing with what a real lircd sends.
func (f *fields) repeated(r *Remote, frame func(t *train, again bool), raw []int) ([]int, string) {
	constant := slices.Contains(r.Flags, "CONST_LENGTH")
	var out []int
	gap := 0
	for i := range f.minRepeat + 1 {
		one := raw
		if !f.raw {
			t := &train{}
			frame(t, i > 0)
			one = t.marks()
		}
		if len(one)%2 == 0 || slices.Contains(one, 0) {
			return nil, "the head's lengths make no pulses"
		}
		if i > 0 {
			out = append(out, gap)
		}
		out = append(out, one...)
		gap = r.Gap
		if constant {
			gap -= sum(one)
			if i == 0 && !f.raw && slices.Contains(r.Flags, "NO_HEAD_REP") {
				gap += f.header.pulse + f.header.space // lircd counts without what the repeats lack
			}
		} else if i > 0 && f.repeatGap > 0 && f.repeat != (pair{}) {
			gap = f.repeatGap
		}
		if gap <= 0 && i < f.minRepeat {
			return nil, "there is no gap between its repeats"
		}
	}
	return out, ""
}

// frame is |header|plead|pre data|pre|data|post|post data|ptrail|foot| as lircd.conf(5) draws it; a repeated one may be
// a code of its own, or lack the header or foot.
func (f *fields) frame(t *train, flags []string, code uint64, again bool) {
	has := func(flag string) bool { return slices.Contains(flags, flag) }
	if again && f.repeat != (pair{}) {
		if has("REPEAT_HEADER") {
			t.pair(f.header)
		}
		t.mark(f.plead)
		t.pair(f.repeat)
		t.mark(f.ptrail)
		return
	}
	if !again || !has("NO_HEAD_REP") {
		t.pair(f.header)
	}
	reverse := has("REVERSE")
	t.mark(f.plead)
	f.send(t, f.preData, reverse)
	if f.preData.bits > 0 && f.pre.pulse > 0 && f.pre.space > 0 {
		t.pair(f.pre)
	}
	f.send(t, data{code, f.bits}, reverse)
	if f.postData.bits > 0 && f.post.pulse > 0 && f.post.space > 0 {
		t.pair(f.post)
	}
	f.send(t, f.postData, reverse)
	t.mark(f.ptrail)
	if f.foot != (pair{}) && (!again || !has("NO_FOOT_REP")) {
		t.space(f.foot.space)
		t.mark(f.foot.pulse)
	}
}

// send sends a number's bits, the highest first unless the remote reverses them.
func (f *fields) send(t *train, d data, reverse bool) {
	for i := range d.bits {
		at := d.bits - 1 - i
		if reverse {
			at = i
		}
		if d.value>>at&1 == 1 {
			t.pair(f.one)
		} else {
			t.pair(f.zero)
		}
	}
}

// train is a row of marks and spaces in the making. Neighbours of one kind become one.
type train struct{ lengths []int }

func (t *train) pair(p pair) {
	t.mark(p.pulse)
	t.space(p.space)
}

func (t *train) mark(us int) { t.add(us, 0) }

func (t *train) space(us int) {
	if len(t.lengths) > 0 { // none can come first
		t.add(us, 1)
	}
}

func (t *train) add(us, kind int) {
	switch n := len(t.lengths); {
	case us == 0:
	case n > 0 && n%2 != kind:
		t.lengths[n-1] += us
	default:
		t.lengths = append(t.lengths, us)
	}
}

// marks is the row without a space at its end.
func (t *train) marks() []int {
	if n := len(t.lengths); n > 0 && n%2 == 0 {
		return t.lengths[:n-1]
	}
	return t.lengths
}

func sum(lengths []int) int {
	total := 0
	for _, us := range lengths {
		total += us
	}
	return total
}

// printable says whether a word can be a name in an lircd.conf and in a command: no blanks, nothing that begins a
// comment, at most 64 bytes.
func printable(name string) bool {
	return name != "" && len(name) <= 64 && name[0] != '#' &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
