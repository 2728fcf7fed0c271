package wire

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// AppendReading appends the CSV value of a reading to dst: time_ms,sensor,humidity,temperature.
// Room travels as the record's key and quality in its headers.
func AppendReading(dst []byte, r Reading) []byte {
	dst = strconv.AppendInt(dst, r.At.UnixMilli(), 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, int64(r.Sensor), 10)
	dst = append(dst, ',')
	if r.HasHumidity {
		dst = strconv.AppendFloat(dst, r.Humidity, 'f', -1, 64)
	}
	dst = append(dst, ',')
	return strconv.AppendFloat(dst, r.Celsius, 'f', -1, 64)
}

// Headers is what the CSV value cannot say: nil for a good reading from a synchronised clock.
func (r Reading) Headers() map[string]string {
	if !r.Bad && !r.Unsynchronised {
		return nil
	}
	headers := make(map[string]string, 3)
	if r.Bad {
		headers[HeaderQuality] = QualityBad
		if r.Reason != "" {
			headers[HeaderReason] = r.Reason
		}
	}
	if r.Unsynchronised {
		headers[HeaderClock] = ClockUnsynchronised
	}
	return headers
}

// ParseReading reads a temp record: ours, or a 2017 one. room is the record's key; a 2017 record has none
// and leaves Room empty, for the caller to find by the sensor (SensorRooms). A first field that is no time
// in Unix milliseconds makes At the broker's time and sets ArrivalTime. Errors are ErrInvalid and quote
// nothing but the faulty field.
func ParseReading(room string, value []byte, broker time.Time, headers map[string]string) (Reading, error) {
	r, _, err := ParseReadingText(room, value, broker, headers)
	return r, err
}

// ReadingText is a reading's numbers as they were written: slices of the record's value. A number that was written in
// a way that other programs may not read (+5, 1e3) is nil.
type ReadingText struct{ Humidity, Celsius []byte }

// ParseReadingText is ParseReading for who writes the numbers down again: copying digits is some ten times cheaper
// than formatting a float.
func ParseReadingText(room string, value []byte, broker time.Time, headers map[string]string) (Reading, ReadingText, error) {
	var fields [4][]byte
	if len(value) > MaxReadingBytes {
		return Reading{}, ReadingText{}, refused("a reading of %d bytes is longer than %d", len(value), MaxReadingBytes)
	}
	if !split(bytes.TrimSpace(value), &fields) {
		return Reading{}, ReadingText{}, refused("a reading has 4 fields, time,sensor,humidity,temperature; this one does not")
	}
	r, err := parseFields(room, fields, broker, headers)
	if err != nil {
		return Reading{}, ReadingText{}, err
	}
	var text ReadingText
	if _, plain := plainNumber(fields[2]); plain {
		text.Humidity = fields[2]
	}
	if _, plain := plainNumber(fields[3]); plain {
		text.Celsius = fields[3]
	}
	return r, text, nil
}

func parseFields(room string, fields [4][]byte, broker time.Time, headers map[string]string) (Reading, error) {
	r := Reading{Room: room}
	if room != "" {
		if err := checkName("room", room); err != nil {
			return Reading{}, err
		}
	}
	sensor, err := parseSensor(fields[1])
	if err != nil {
		return Reading{}, err
	}
	r.Sensor = sensor
	if len(fields[2]) > 0 {
		r.HasHumidity = true
		if r.Humidity, err = parseNumber("humidity", fields[2], 0, 100); err != nil {
			return Reading{}, err
		}
	}
	if r.Celsius, err = parseNumber("temperature", fields[3], MinCelsius, MaxCelsius); err != nil {
		return Reading{}, err
	}
	if err := r.takeTime(fields[0], broker); err != nil {
		return Reading{}, err
	}
	r.takeHeaders(headers)
	return r, nil
}

// Validate refuses what ParseReading would, so that an edge hears of it before it is sent.
func (r Reading) Validate() error {
	if !r.HasHumidity {
		r.Humidity = 0
	}
	return errors.Join(
		checkName("room", r.Room),
		checkTime("time", r.At.UnixMilli()),
		checkRange("temperature", &r.Celsius, MinCelsius, MaxCelsius),
		checkRange("humidity", &r.Humidity, 0, 100),
		checkSensor(r.Sensor),
	)
}

// SensorRooms maps each sensor of a specification to its room: how 2017 records, which have no key, find theirs.
func SensorRooms(rooms []spec.Room) map[int]string {
	byID := make(map[int]string)
	for _, room := range rooms {
		for _, sensor := range room.Sensors {
			byID[sensor.ID] = room.Name
		}
	}
	return byID
}

func (r *Reading) takeTime(field []byte, broker time.Time) error {
	millis, ok := parseDigits(field)
	if ok && isTime(millis) {
		r.At = time.UnixMilli(millis)
		return checkAhead("time", millis, broker)
	}
	if broker.IsZero() {
		return refused("the first field is no time, and the time of arrival is unknown")
	}
	r.At, r.ArrivalTime = time.UnixMilli(broker.UnixMilli()), true
	return nil
}

func (r *Reading) takeHeaders(headers map[string]string) {
	if len(headers) == 0 {
		return
	}
	// An unknown quality is not good: an edge newer than we are may know more kinds of bad.
	if quality := headers[HeaderQuality]; quality != "" && quality != "good" {
		r.Bad, r.Reason = true, headers[HeaderReason]
	}
	r.Unsynchronised = headers[HeaderClock] == ClockUnsynchronised
}

// split cuts value at its commas into exactly the four fields, each without surrounding blanks.
func split(value []byte, fields *[4][]byte) bool {
	for i := range 3 {
		comma := bytes.IndexByte(value, ',')
		if comma < 0 {
			return false
		}
		fields[i], value = bytes.TrimSpace(value[:comma]), value[comma+1:]
	}
	fields[3] = bytes.TrimSpace(value)
	return bytes.IndexByte(value, ',') < 0
}

func parseSensor(field []byte) (int, error) {
	id, ok := parseDigits(field)
	if !ok {
		return 0, refused("sensor %.40q is no number", field)
	}
	return int(id), checkSensor(int(id))
}

func checkSensor(id int) error {
	if id < 0 || id > 1<<31-1 {
		return refused("sensor %d is no sensor's number", id)
	}
	return nil
}

// parseDigits reads up to 18 digits, which an int64 holds.
func parseDigits(field []byte) (int64, bool) {
	if len(field) == 0 || len(field) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range field {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// parseNumber reads a plain decimal number: none of the hexadecimal, "inf" and "nan" that ParseFloat knows.
func parseNumber(name string, field []byte, least, most float64) (float64, error) {
	if n, plain := plainNumber(field); plain && n >= least && n <= most {
		return n, nil
	}
	for _, c := range field {
		plain := c >= '0' && c <= '9' || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'
		if !plain {
			return 0, refused("%s %.40q is no number", name, field)
		}
	}
	n, err := strconv.ParseFloat(string(field), 64)
	if err != nil {
		return 0, refused("%s %.40q is no number", name, field)
	}
	if n < least || n > most {
		return 0, refused("%s %g is outside %g to %g", name, n, least, most)
	}
	return n, nil
}

// plainNumber reads digits with at most one dot between them and perhaps a minus: what sensors write. Up to 15 digits
// and a power of ten are exact as floats, so their quotient is the nearest float, as strconv's would be.
func plainNumber(field []byte) (float64, bool) {
	digits := field
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	const most = 16 // 15 digits and the dot
	if len(digits) == 0 || len(digits) > most || digits[0] == '.' || digits[len(digits)-1] == '.' {
		return 0, false
	}
	mantissa, scale, dot := int64(0), 1.0, false
	for _, c := range digits {
		switch {
		case c == '.' && !dot:
			dot = true
		case c < '0' || c > '9':
			return 0, false
		default:
			mantissa = mantissa*10 + int64(c-'0')
			if dot {
				scale *= 10
			}
		}
	}
	n := float64(mantissa) / scale
	if len(digits) == most && !dot {
		return 0, false
	}
	if field[0] == '-' {
		n = -n
	}
	return n, true
}
