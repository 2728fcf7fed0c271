package spec

import (
	"fmt"
	"time"
)

// Duration is a time.Duration that is written as people write it ("30s", "15m") in JSON and YAML.
type Duration time.Duration

// D is the standard library's view of it.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String is the standard library's spelling.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the standard library's spelling; zero is "0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration (write 30s, 15m or 2h)", text)
	}
	*d = Duration(parsed)
	return nil
}
