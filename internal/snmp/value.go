package snmp

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/resource"
)

// whole is a value that is a number of zero or more.
func whole(v gosnmp.SnmpPDU) (uint64, bool) {
	switch n := v.Value.(type) {
	case int:
		return uint64(n), n >= 0
	case uint:
		return uint64(n), true
	case uint32:
		return uint64(n), true
	case uint64:
		return n, true
	default: // text, or nothing
		return 0, false
	}
}

// gauge is a value times a scale; nil for what is no number of zero or more.
func gauge(v gosnmp.SnmpPDU, scale float64) *float64 {
	n, ok := whole(v)
	if !ok {
		return nil
	}
	return new(float64(n) * scale)
}

// counter is a value that rises. Agents that give a 64-bit counter as another type, or a 32-bit one, are told apart by
// the type alone.
func counter(v gosnmp.SnmpPDU) *resource.Counter {
	n, ok := whole(v)
	if !ok {
		return nil
	}
	bits := 32
	if v.Type == gosnmp.Counter64 {
		bits = 64
	}
	return &resource.Counter{Value: n, Bits: bits}
}

// sum adds those of some 32-bit counters that are there; their sum wraps as they do.
func sum(counters ...*resource.Counter) *resource.Counter {
	var out *resource.Counter
	for _, c := range counters {
		switch {
		case c == nil:
		case out == nil:
			out = &resource.Counter{Value: c.Value, Bits: 32}
		default:
			out.Value = (out.Value + c.Value) & math.MaxUint32
		}
	}
	return out
}

// number is any value that is a number, also below zero, with a fraction, or written as text.
func number(v gosnmp.SnmpPDU) (float64, bool) {
	switch n := v.Value.(type) {
	case int:
		return float64(n), true
	case float32:
		return float64(n), finite(float64(n))
	case float64:
		return n, finite(n)
	case []byte:
		f, err := strconv.ParseFloat(strings.TrimSpace(string(n)), 64)
		return f, err == nil && finite(f)
	default:
		n64, ok := whole(v)
		return float64(n64), ok
	}
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// text is a value as a name. Agents pad names with zero bytes and blanks.
func text(v gosnmp.SnmpPDU) string {
	b, ok := v.Value.([]byte)
	if !ok || !utf8.Valid(b) {
		return ""
	}
	return strings.Trim(string(b), "\x00 \t\r\n")
}
