package box

import (
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	apitime "github.com/docker/docker/api/types/time"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func itoa(n int) string { return strconv.Itoa(n) }

// number reads a whole number from the query.
func number(r *http.Request, name string, absent int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, status.Invalid("%s: %q is not a whole number", name, text)
	}
	return n, nil
}

// moment reads a time from the query: Unix seconds with or without a fraction, RFC 3339, or a duration back
// from now. Absent, "" and 0 are the zero time.
func moment(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" || text == "0" {
		return time.Time{}, nil
	}
	stamp, err := apitime.GetTimestamp(text, time.Now())
	if err != nil {
		return time.Time{}, status.Invalid("%s: %q is not a time: %v", name, text, err)
	}
	seconds, nanoseconds, err := apitime.ParseTimestamps(stamp, 0)
	if err != nil {
		return time.Time{}, status.Invalid("%s: %q is not a time: %v", name, text, err)
	}
	return time.Unix(seconds, nanoseconds), nil
}

// signalOf reads a signal's name, with or without SIG, or number.
func signalOf(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 65 {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if signal := unix.SignalNum(name); signal != 0 {
		return signal, nil
	}
	return 0, status.Invalid("invalid signal: %s", text)
}
