package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// Size is an amount of bytes, written 64MiB, 512KiB, 1GiB or 1000000.
type Size int64

// units are the suffixes of a Size, the largest first.
func units() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}
}

// String writes the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units() {
		if s != 0 && int64(s)%u.bytes == 0 && u.bytes > 1 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// UnmarshalText reads what String writes.
func (s *Size) UnmarshalText(text []byte) error {
	number, scale := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units() {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, scale = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/scale {
		return fmt.Errorf("%q is no size (write 64MiB)", text)
	}
	*s = Size(n * scale)
	return nil
}

// Secret is where a secret is: file:/path or env:NAME. Where an agent's community may stand in the open, it is the
// value itself.
type Secret string

// Value reads the secret, without the line's end; path says where a file of the container really is. Errors never quote
// what was read.
func (s Secret) Value(getenv func(string) string, path func(string) string) (string, error) {
	kind, rest, _ := strings.Cut(string(s), ":")
	switch kind {
	case "":
		return "", nil
	case "file":
		data, err := os.ReadFile(path(rest))
		if err != nil {
			return "", fmt.Errorf("cannot be read: %w", err)
		}
		if text := strings.TrimRight(string(data), "\r\n"); text != "" {
			return text, nil
		}
		return "", fmt.Errorf("is empty: %s", rest)
	case "env":
		if text := getenv(rest); text != "" {
			return text, nil
		}
		return "", fmt.Errorf("is not there: the environment variable %s is not set", rest)
	}
	return "", errors.New("must be a reference: write file:/path or env:NAME, never the secret itself")
}

// isReference says whether the text says where a secret is, and not what.
func (s Secret) isReference() bool {
	return strings.HasPrefix(string(s), "file:") || strings.HasPrefix(string(s), "env:")
}

// set reads one scalar into a field. The error says what should stand there, never what did where that is a secret.
func set(to reflect.Value, text string) error {
	switch v := to.Addr().Interface().(type) {
	case *Secret:
		*v = Secret(text)
		return nil
	case *Size:
		return v.UnmarshalText([]byte(text))
	case *spec.Duration:
		return v.UnmarshalText([]byte(text))
	}
	var err error
	switch to.Kind() {
	case reflect.String:
		to.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("must be true or false, not %s", quoted(text))
		}
		to.SetBool(b)
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("must be a whole number, not %s", quoted(text))
		}
		to.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("must be a number, not %s", quoted(text))
		}
		to.SetFloat(f)
	default:
		return fmt.Errorf("is a %s, which no single value can be", to.Kind())
	}
	return nil
}

func quoted(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	return strconv.Quote(text)
}
