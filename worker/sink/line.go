package sink

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// line appends one line of line protocol to a buffer: measurement, tags, fields, time in ms.
// https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
type line struct {
	buf    []byte
	fields int // of the line that has begun
	lines  int // that have ended
}

func (l *line) begin(measurement string) { l.buf, l.fields = append(l.buf, measurement...), 0 }

// tag appends a tag. An empty value is left out: the protocol has none.
func (l *line) tag(key, value string) {
	if value == "" {
		return
	}
	l.buf = append(l.buf, ',')
	l.buf = append(l.buf, key...)
	l.buf = append(l.buf, '=')
	for i := range len(value) {
		switch c := value[i]; c {
		case ',', '=', ' ':
			l.buf = append(l.buf, '\\', c)
		case '\\':
			// A backslash at the end would escape what follows, and there is no way to escape it itself.
			l.buf = append(l.buf, '/')
		default:
			l.buf = append(l.buf, c)
		}
	}
}

func (l *line) tagInt(key string, value int) {
	l.buf = append(append(append(l.buf, ','), key...), '=')
	l.buf = strconv.AppendInt(l.buf, int64(value), 10)
}

func (l *line) field(key string) {
	separator := byte(',')
	if l.fields == 0 {
		separator = ' '
	}
	l.fields++
	l.buf = append(append(append(l.buf, separator), key...), '=')
}

func (l *line) float(key string, value float64) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return
	}
	l.field(key)
	l.buf = strconv.AppendFloat(l.buf, value, 'f', -1, 64)
}

// number appends a float that was once written as text; nil text formats it anew.
func (l *line) number(key string, value float64, text []byte) {
	if text == nil {
		l.float(key, value)
		return
	}
	l.field(key)
	l.buf = append(l.buf, text...)
}

// known appends a float that is known.
func (l *line) known(key string, value *float64) {
	if value != nil {
		l.float(key, *value)
	}
}

func (l *line) int(key string, value int64) {
	l.field(key)
	l.buf = append(strconv.AppendInt(l.buf, value, 10), 'i')
}

func (l *line) bool(key string, value bool) {
	l.field(key)
	l.buf = strconv.AppendBool(l.buf, value)
}

// textMost bounds a text field; InfluxDB takes 64 KiB, people read less.
const textMost = 1000

// text appends a text field, without control characters; an empty one is left out.
func (l *line) text(key, value string) {
	if value == "" {
		return
	}
	if len(value) > textMost {
		value = value[:textMost]
	}
	l.field(key)
	l.buf = append(l.buf, '"')
	for _, r := range strings.ToValidUTF8(value, "?") {
		switch {
		case r == '"' || r == '\\':
			l.buf = append(l.buf, '\\', byte(r))
		case unicode.IsControl(r):
			l.buf = append(l.buf, ' ')
		default:
			l.buf = append(l.buf, string(r)...)
		}
	}
	l.buf = append(l.buf, '"')
}

func (l *line) end(millis int64) {
	l.buf = append(l.buf, ' ')
	l.buf = append(strconv.AppendInt(l.buf, millis, 10), '\n')
	l.lines++
}
