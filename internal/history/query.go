package history

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Source is one measurement and what becomes of it.
type Source struct {
	Measurement string
	// Fields are rolled up; of an event, which has none here, all are copied as they are.
	Fields []string
	// Good says that records may be bad, and that only good ones count. Their tag goes.
	Good bool
}

// Sources are the measurements that outlive raw retention.
func Sources() []Source {
	return []Source{
		{Measurement: "temp", Fields: []string{"temperature", "humidity"}, Good: true},
		{Measurement: "power", Fields: []string{"watts"}},
		{Measurement: "resource", Fields: []string{
			"load1", "cpu_percent", "cpu_user_percent", "cpu_system_percent", "cpu_idle_percent", "mem_total_bytes", "mem_available_bytes",
		}},
		{Measurement: "disk", Fields: []string{"used_percent"}},
		{Measurement: "interface", Fields: []string{
			"in_bytes_s", "out_bytes_s", "in_errors_s", "out_errors_s", "in_discards_s", "out_discards_s",
		}},
		{Measurement: "command"},
		{Measurement: "ack"},
		{Measurement: "alert"},
		{Measurement: "answer"},
	}
}

// Event says that the source is copied, not rolled up.
func (s Source) Event() bool { return len(s.Fields) == 0 }

// The tag of a reading's quality.
const (
	tagQuality  = "quality"
	qualityGood = "good"
)

// The parts of a window that are stored, in the order of people: temperature_mean, …
const (
	PartMean  = "mean"
	PartMin   = "min"
	PartMax   = "max"
	PartCount = "count"
)

// Scan is the query for the records of all sources between from and to, of a bucket of raw readings. It sorts and groups
// nothing: InfluxDB hands series out one after another, each oldest first, as it reads them, at some 10 times the speed
// of its own windows (measured with 1.8: 400,000 values a second against 40,000) and with no memory of its own.
func Scan(bucket string, from, to time.Time) string {
	var parts []string
	for _, s := range Sources() {
		where := []Tag(nil)
		if s.Good {
			where = []Tag{{tagQuality, qualityGood}}
		}
		parts = append(parts, "("+condition(s.Measurement, s.Fields, where)+")")
	}
	return between(bucket, from, to) + strings.Join(parts, " or ") + ")"
}

// Oldest is the query for the first value of every series of a bucket of raw readings.
func Oldest(bucket string, now time.Time) string {
	return Scan(bucket, time.Unix(0, 0), now) + ` |> first()`
}

// Select is the query for some fields (none: all) of a measurement, with the tags of where.
func Select(bucket, measurement string, fields []string, where []Tag, from, to time.Time) string {
	return between(bucket, from, to) + condition(measurement, fields, where) + ")"
}

// between is a query up to its condition.
func between(bucket string, from, to time.Time) string {
	return fmt.Sprintf(`from(bucket: %s) |> range(start: %s, stop: %s) |> filter(fn: (r) => `, Quote(bucket), Time(from), Time(to))
}

func condition(measurement string, fields []string, where []Tag) string {
	all := []string{`r._measurement == ` + Quote(measurement)}
	for _, tag := range where {
		all = append(all, `r[`+Quote(tag.Name)+`] == `+Quote(tag.Value))
	}
	if len(fields) > 0 {
		var any []string
		for _, field := range fields {
			any = append(any, `r._field == `+Quote(field))
		}
		all = append(all, "("+strings.Join(any, " or ")+")")
	}
	return strings.Join(all, " and ")
}

// Time writes a time as Flux does.
func Time(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Quote writes a Flux string; strconv's escapes for control characters are not Flux's, so those become ?.
func Quote(text string) string {
	clean := strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `${`, `\${`).Replace(clean) + `"`
}
