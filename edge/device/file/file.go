// Package file owns odd hardware: a thermometer or a power meter that some program writes into a file (file:), or that a
// program says when it is started (exec:).
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/edge/device/sysfs"
	"github.com/overcloud/overcloud/internal/fault"
)

// maxAge is how old a file may be unless its address says so: whoever writes it may be dead.
const maxAge = time.Minute

// File is a file that somebody writes. It is a thermometer and a meter.
type File struct {
	path   string
	scale  float64
	maxAge time.Duration // 0: any age
	alone  sysfs.Alone[string]

	mu   sync.Mutex
	seen unix.Timespec // the time of change that was seen last
	when time.Time     // when it was seen first
}

// New opens a source file:/run/probe?scale=0.001&max-age=60s: nothing is read yet. The scale multiplies every number of
// the file. A max-age of 0 asks for no age; it is the default under /sys and /proc, where the kernel answers. Errors are
// ErrInvalid.
func New(address string) (*File, error) {
	name, query, err := split("file", address, "/run/probe", "scale", "max-age")
	if err != nil {
		return nil, err
	}
	f := &File{path: name, maxAge: maxAge}
	if strings.HasPrefix(name, "/sys/") || strings.HasPrefix(name, "/proc/") {
		f.maxAge = 0
	}
	if f.scale, err = scale("file", address, query); err != nil {
		return nil, err
	}
	if age := query.Get("max-age"); age != "" {
		if f.maxAge, err = time.ParseDuration(age); age == "0" {
			f.maxAge, err = 0, nil
		}
		if err != nil || f.maxAge < 0 {
			return nil, fmt.Errorf("source file:%s: max-age %q is no time (write 60s, or 0 for any age): %w", address, age, fault.ErrInvalid)
		}
	}
	return f, nil
}

// split takes an address apart: an absolute path, with %20 for a blank, and the parameters that are known.
func split(kind, address, example string, known ...string) (name string, query url.Values, err error) {
	refuse := func(format string, args ...any) (string, url.Values, error) {
		return "", nil, fmt.Errorf("source %s:%s: %s: %w", kind, address, fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	raw, parameters, _ := strings.Cut(address, "?")
	if name, err = url.PathUnescape(raw); err != nil || !path.IsAbs(name) || strings.ContainsRune(name, 0) {
		return refuse("the path has to be absolute (write %s:%s)", kind, example)
	}
	if query, err = url.ParseQuery(parameters); err != nil {
		return refuse("what follows the question mark is not understood (write ?%s=…&%s=…)", known[0], known[1])
	}
	for key := range query {
		if !contains(known, key) {
			return refuse("%q is unknown (known: %s)", key, strings.Join(known, ", "))
		}
	}
	return name, query, nil
}

func contains(known []string, key string) bool {
	for _, k := range known {
		if k == key {
			return true
		}
	}
	return false
}

func scale(kind, address string, query url.Values) (float64, error) {
	text := query.Get("scale")
	if text == "" {
		return 1, nil
	}
	n, err := number(text)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("source %s:%s: scale %q is no number but 0 (write 0.001): %w", kind, address, text, fault.ErrInvalid)
	}
	return n, nil
}

// Tries is three, since whoever writes may just be at it.
func (f *File) Tries() (int, time.Duration) { return 3, 300 * time.Millisecond }

// Describe is the path.
func (f *File) Describe() string {
	if f.maxAge == 0 {
		return f.path
	}
	return f.path + ", at the most " + f.maxAge.String() + " old"
}

// Read gives the first number, °C, and the second, % humidity, if there is one. Errors: ErrNotFound, ErrRejected for what
// is no measurement, ErrUnreachable for a file that is too old or does not come.
func (f *File) Read(ctx context.Context) (device.Measurement, error) {
	text, err := f.text(ctx)
	if err != nil {
		return device.Measurement{}, err
	}
	m, err := measurement(text, f.scale)
	if err != nil {
		return m, fmt.Errorf("read %s: %w", f.path, err)
	}
	return m, nil
}

// Watts gives the first number, W.
func (f *File) Watts(ctx context.Context) (float64, error) {
	text, err := f.text(ctx)
	if err != nil {
		return 0, err
	}
	w, err := watts(text, f.scale)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", f.path, err)
	}
	return w, nil
}

func (f *File) text(ctx context.Context) (string, error) {
	text, err := f.alone.Do(ctx, f.look)
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("read %s: %w: there is no such file", f.path, fault.ErrNotFound)
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("read %s: %w: %w", f.path, fault.ErrUnreachable, err)
	}
	return "", fmt.Errorf("read %s: %w", f.path, err)
}

func (f *File) look() (string, error) {
	data, before, err := sysfs.ReadFile(f.path)
	if err != nil {
		if errors.Is(err, unix.EINVAL) && !before.Regular {
			return "", fmt.Errorf("%w: it is no ordinary file", fault.ErrRejected)
		}
		return "", err
	}
	if before.Size > sysfs.ReadMost && f.maxAge > 0 {
		return "", fmt.Errorf("%w: it has %d bytes, more than %d", fault.ErrRejected, before.Size, sysfs.ReadMost)
	}
	return string(data), f.young(before.ModTime, time.Now())
}

// young refuses a file that nobody has written for too long. The wall clock may be wrong, so it is asked only about a
// file that is seen for the first time; after that, what counts is how long it has stayed the same.
func (f *File) young(changed unix.Timespec, now time.Time) error {
	if f.maxAge == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.when.IsZero() || f.seen != changed {
		first := f.when.IsZero()
		f.seen, f.when = changed, now
		if first {
			// What lies in the future was written under another clock, or has been set by hand: its age is unknown.
			age := now.Sub(time.Unix(changed.Unix()))
			f.when = now.Add(-max(0, age))
		}
	}
	if age := now.Sub(f.when); age > f.maxAge {
		return fmt.Errorf("%w: nobody has written it for %s, more than %s", fault.ErrUnreachable, age.Round(time.Second), f.maxAge)
	}
	return nil
}

// number reads a plain decimal number.
func number(text string) (float64, error) {
	if strings.ContainsFunc(text, func(c rune) bool { return !strings.ContainsRune("0123456789+-.eE", c) }) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}
