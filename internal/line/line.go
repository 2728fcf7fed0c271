// Package line writes InfluxDB's line protocol, times in ms. It knows no measurement.
// https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
package line

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Writer appends lines to a buffer: measurement, tags, fields, time. Its zero value is ready.
type Writer struct {
	Buf    []byte
	Fields int // of the line that has begun
	Lines  int // that have ended
}

// Begin begins a line.
func (l *Writer) Begin(measurement string) { l.Buf, l.Fields = append(l.Buf, measurement...), 0 }

// Tag appends a tag. An empty value is left out: the protocol has none.
func (l *Writer) Tag(key, value string) {
	if value == "" {
		return
	}
	l.Buf = append(l.Buf, ',')
	l.Buf = append(l.Buf, key...)
	l.Buf = append(l.Buf, '=')
	for i := range len(value) {
		switch c := value[i]; c {
		case ',', '=', ' ':
			l.Buf = append(l.Buf, '\\', c)
		case '\\':
			// A backslash at the end would escape what follows, and there is no way to escape it itself.
			l.Buf = append(l.Buf, '/')
		default:
			l.Buf = append(l.Buf, c)
		}
	}
}

// TagInt appends a tag that is a whole number.
func (l *Writer) TagInt(key string, value int) {
	l.Buf = append(append(append(l.Buf, ','), key...), '=')
	l.Buf = strconv.AppendInt(l.Buf, int64(value), 10)
}

func (l *Writer) field(key string) {
	separator := byte(',')
	if l.Fields == 0 {
		separator = ' '
	}
	l.Fields++
	l.Buf = append(append(append(l.Buf, separator), key...), '=')
}

// Float appends a float field; one that is no number is left out.
func (l *Writer) Float(key string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	l.field(key)
	l.Buf = strconv.AppendFloat(l.Buf, value, 'f', -1, 64)
}

// Number appends a float that was once written as text; nil text formats it anew.
func (l *Writer) Number(key string, value float64, text []byte) {
	if text == nil {
		l.Float(key, value)
		return
	}
	l.field(key)
	l.Buf = append(l.Buf, text...)
}

// Known appends a float that is known.
func (l *Writer) Known(key string, value *float64) {
	if value != nil {
		l.Float(key, *value)
	}
}

// Int appends a whole number.
func (l *Writer) Int(key string, value int64) {
	l.field(key)
	l.Buf = append(strconv.AppendInt(l.Buf, value, 10), 'i')
}

// Bool appends a truth.
func (l *Writer) Bool(key string, value bool) {
	l.field(key)
	l.Buf = strconv.AppendBool(l.Buf, value)
}

// textMost bounds a text field; InfluxDB takes 64 KiB, people read less.
const textMost = 1000

// Text appends a text field, without control characters; an empty one is left out.
func (l *Writer) Text(key, value string) {
	if value == "" {
		return
	}
	if len(value) > textMost {
		value = value[:textMost]
	}
	l.field(key)
	l.Buf = append(l.Buf, '"')
	for _, r := range strings.ToValidUTF8(value, "?") {
		switch {
		case r == '"' || r == '\\':
			l.Buf = append(l.Buf, '\\', byte(r))
		case unicode.IsControl(r):
			l.Buf = append(l.Buf, ' ')
		default:
			l.Buf = append(l.Buf, string(r)...)
		}
	}
	l.Buf = append(l.Buf, '"')
}

// End ends the line with its time, Unix ms.
func (l *Writer) End(millis int64) {
	l.Buf = append(l.Buf, ' ')
	l.Buf = append(strconv.AppendInt(l.Buf, millis, 10), '\n')
	l.Lines++
}
