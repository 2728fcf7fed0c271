// Package history decides how readings are kept for years: which windows are rolled up next, what a minute and an hour
// come to, which tier answers a question, and how a range is exported page by page. It is pure: queries are texts, and
// whoever runs them hands the answers in.
//
// Three tiers, each a bucket of InfluxDB (database/retention of 1.8):
//
//	raw      overcloud/autogen  every record as the sink wrote it
//	minutes  overcloud/minutes  for each field of a measurement its _mean, _min, _max and _count, at the minute's start
//	hours    overcloud/hours    the same for hours, every event (commands, acks, alerts, answers) as it was, and how far
//	                            the rolling-up has come
package history

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Tier is one resolution.
type Tier string

// The tiers.
const (
	Raw     Tier = "raw"
	Minutes Tier = "minutes"
	Hours   Tier = "hours"
)

// Length is how long a window of the tier is; zero for raw.
func (t Tier) Length() time.Duration {
	switch t {
	case Minutes:
		return time.Minute
	case Hours:
		return time.Hour
	}
	return 0
}

// Place is where a service's readings are kept.
type Place struct {
	URL    string `json:"url"` // http://host:8086, as the worker reaches it
	Org    string `json:"org,omitempty"`
	Bucket string `json:"bucket"` // of the raw readings
	// Token is a reference; without one the worker uses its own, if it has any.
	Token spec.Secret `json:"token,omitzero"`
}

// In is the bucket of a tier, beside the raw one: InfluxDB 2.x takes a slash in a bucket's name, and its own upgrade from
// 1.8 writes them so.
func In(rawBucket string, t Tier) string {
	if t == Raw {
		return rawBucket
	}
	database, _, _ := strings.Cut(rawBucket, "/")
	return database + "/" + string(t)
}

// Keep is how long a tier is kept; zero is for ever.
func Keep(h spec.History, t Tier) time.Duration {
	h = h.WithDefaults()
	keep := map[Tier]spec.Duration{Raw: h.Raw, Minutes: h.Minutes, Hours: h.Hours}[t]
	if keep >= spec.Forever {
		return 0
	}
	return keep.D()
}

// Tag is one tag of a series.
type Tag struct{ Name, Value string }

// Series is one field of one thing. Tags are sorted by name.
type Series struct {
	Measurement string
	Field       string
	Tags        []Tag
}

// Tag is the value of a tag; empty when there is none.
func (s *Series) Tag(name string) string {
	for _, tag := range s.Tags {
		if tag.Name == name {
			return tag.Value
		}
	}
	return ""
}

// Kind is the type of a value.
type Kind uint8

// The kinds. None is a value that is not there.
const (
	None Kind = iota
	Float
	Int
	Bool
	Text
)

// Value is what a field holds.
type Value struct {
	Kind  Kind
	Float float64
	Int   int64 // also Bool: 0 or 1
	Text  string
}

// Number is the value as a number.
func (v Value) Number() (float64, bool) {
	switch v.Kind {
	case Float:
		return v.Float, true
	case Int:
		return float64(v.Int), true
	}
	return 0, false
}

// Sample is one value of a series. Samples of one series come one after another, oldest first, with the same pointer.
type Sample struct {
	Series *Series
	At     int64 // Unix ms
	Value  Value
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
}
