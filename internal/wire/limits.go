package wire

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/overcloud/overcloud/internal/fault"
)

// The bounds of what a record may say. They are wide: they keep out nonsense, not surprises.
const (
	MaxReadingBytes = 256       // of a temp value; ours are about 30
	MaxRecordBytes  = 256 << 10 // of a JSON value; a box with 1,000 interfaces needs about 200 KiB

	// MinCelsius is below every sensor's range: a DS18B20 reports -55 to 125 °C; its fault code is 127.9: that must get through, marked bad.
	MinCelsius = -60.0
	// MaxCelsius is above every sensor's range.
	MaxCelsius = 130.0
	// MinSetpoint is below every remote's; real ones know 16 to 30.
	MinSetpoint = 10
	// MaxSetpoint is above every remote's.
	MaxSetpoint = 35

	maxNameBytes  = 128
	maxTextBytes  = 4 << 10
	maxTTLMillis  = 7 * 24 * 3600 * 1000
	maxDisks      = 512
	maxInterfaces = 2048
	// Clocks are set wrongly by time zones and by people; a day covers the first.
	maxAheadMillis = 24 * 3600 * 1000
	// 2000-01-01 and 2100-01-01: outside, a number is no time in Unix milliseconds.
	minTimeMillis, maxTimeMillis = 946_684_800_000, 4_102_444_800_000
)

// refused is an ErrInvalid about one field.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
}

func isTime(millis int64) bool { return millis >= minTimeMillis && millis < maxTimeMillis }

func checkTime(field string, millis int64) error {
	if !isTime(millis) {
		return refused("%s %d is no time in Unix milliseconds", field, millis)
	}
	return nil
}

func checkAhead(field string, millis int64, broker time.Time) error {
	if !broker.IsZero() && millis > broker.UnixMilli()+maxAheadMillis {
		return refused("%s %s is more than a day ahead of its arrival", field, time.UnixMilli(millis).UTC().Format(time.RFC3339))
	}
	return nil
}

// checkName holds for rooms, air conditioners, boxes and what else becomes a key or a tag.
func checkName(field, name string) error {
	switch {
	case name == "":
		return refused("%s is missing", field)
	case len(name) > maxNameBytes:
		return refused("%s is longer than %d bytes", field, maxNameBytes)
	}
	return checkPrintable(field, name)
}

func checkPrintable(field, text string) error {
	if !utf8.ValidString(text) {
		return refused("%s is not UTF-8", field)
	}
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return refused("%s holds control characters", field)
	}
	return nil
}

// checkText holds for what people read: it may be empty and may have several lines.
func checkText(field, text string) error {
	if len(text) > maxTextBytes {
		return refused("%s is longer than %d bytes", field, maxTextBytes)
	}
	if !utf8.ValidString(text) {
		return refused("%s is not UTF-8", field)
	}
	return nil
}

func checkSetpoint(field string, celsius int) error {
	if celsius < MinSetpoint || celsius > MaxSetpoint {
		return refused("%s %d °C is outside %d to %d", field, celsius, MinSetpoint, MaxSetpoint)
	}
	return nil
}

func checkOneOf(field, value string, known ...string) error {
	for _, k := range known {
		if value == k {
			return nil
		}
	}
	return refused("%s %q is none of %s", field, value, strings.Join(known, ", "))
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// checkRange passes nil: unknown is no fault.
func checkRange(field string, value *float64, least, most float64) error {
	if value == nil {
		return nil
	}
	if !finite(*value) || *value < least || *value > most {
		return refused("%s %g is outside %g to %g", field, *value, least, most)
	}
	return nil
}

// CheckAhead refuses a time, Unix ms, that lies more than a day after the record's arrival: a clock that is wrong would
// be stored where nobody looks.
func CheckAhead(field string, millis int64, broker time.Time) error {
	return checkAhead(field, millis, broker)
}
