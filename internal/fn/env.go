package fn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// EnvRooms names the environment variable with the rooms of the specification, a JSON list of spec.Room.
const EnvRooms = "OVERCLOUD_ROOMS"

// Env reads a configuration from environment variables and collects everything that is wrong with it, so
// that a person is told all of it at once. Read all values, then ask Err. Surrounding blanks are dropped,
// and a variable that is set to nothing is not set.
type Env struct {
	getenv func(string) string
	faults []error
}

// NewEnv reads by getenv, os.Getenv in a main.
func NewEnv(getenv func(string) string) *Env { return &Env{getenv: getenv} }

// Err is nil, or an ErrInvalid with a line for each fault.
func (e *Env) Err() error {
	if len(e.faults) == 0 {
		return nil
	}
	return fmt.Errorf("configuration: %w: %w", fault.ErrInvalid, errors.Join(e.faults...))
}

// Path is where an absolute path of the container really is.
func (e *Env) Path(path string) string { return Path(e.getenv, path) }

// Fault adds a fault that the reader found in a value.
func (e *Env) Fault(name, format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf("%s %s", name, fmt.Sprintf(format, args...)))
}

// String is a value, or fallback.
func (e *Env) String(name, fallback string) string {
	if value := strings.TrimSpace(e.getenv(name)); value != "" {
		return value
	}
	return fallback
}

// Required is a value that must be given.
func (e *Env) Required(name string) string {
	value := e.String(name, "")
	if value == "" {
		e.Fault(name, "is not set")
	}
	return value
}

// Secret is the value of name, or the content of the file that name_FILE names (a path of the container, where
// secrets are mounted). It is empty when neither is set, and never quoted in a fault.
func (e *Env) Secret(name string) string {
	file := e.String(name+"_FILE", "")
	if file == "" {
		return e.String(name, "")
	}
	if e.String(name, "") != "" {
		e.Fault(name, "and %s_FILE are both set", name)
		return ""
	}
	value, err := os.ReadFile(e.Path(file))
	if err != nil {
		e.Fault(name+"_FILE", "is not readable: %v", err)
		return ""
	}
	return strings.TrimSpace(string(value))
}

// Int is a whole number between least and most.
func (e *Env) Int(name string, fallback, least, most int) int {
	return parse(e, name, fallback, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("is no whole number from %d to %d", least, most)
		}
		return n, nil
	})
}

// Float is a number between least and most.
func (e *Env) Float(name string, fallback, least, most float64) float64 {
	return parse(e, name, fallback, func(text string) (float64, error) {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || f < least || f > most {
			return 0, fmt.Errorf("is no number from %g to %g", least, most)
		}
		return f, nil
	})
}

// Bool is true or false, as strconv.ParseBool reads them.
func (e *Env) Bool(name string, fallback bool) bool {
	return parse(e, name, fallback, func(text string) (bool, error) {
		b, err := strconv.ParseBool(text)
		if err != nil {
			return false, errors.New("is neither true nor false")
		}
		return b, nil
	})
}

// Duration is a positive duration such as 30s, 15m or 2h.
func (e *Env) Duration(name string, fallback time.Duration) time.Duration {
	return parse(e, name, fallback, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return 0, errors.New("is no duration (write 30s, 15m or 2h)")
		}
		return d, nil
	})
}

// Address is host:port.
func (e *Env) Address(name, fallback string) string {
	return parse(e, name, fallback, func(text string) (string, error) { return text, checkAddress(text) })
}

// List is a list of texts with commas between; none when it is not set.
func (e *Env) List(name string) []string {
	var list []string
	for one := range strings.SplitSeq(e.String(name, ""), ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}

// Addresses is a list of host:port with commas between.
func (e *Env) Addresses(name, fallback string) []string {
	var list []string
	for one := range strings.SplitSeq(e.String(name, fallback), ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			continue
		}
		if err := checkAddress(one); err != nil {
			e.Fault(name, "%q %v", one, err)
			continue
		}
		list = append(list, one)
	}
	return list
}

// Port is a port's number, as text.
func (e *Env) Port(name, fallback string) string {
	return parse(e, name, fallback, func(text string) (string, error) {
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
			return "", errors.New("is no port from 1 to 65535")
		}
		return text, nil
	})
}

// URL is an http or https address without a trailing slash; empty when it is not set and there is no fallback.
func (e *Env) URL(name, fallback string) string {
	return parse(e, name, fallback, func(text string) (string, error) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", errors.New("is no URL (write http://host:port)")
		}
		return strings.TrimSuffix(text, "/"), nil
	})
}

// EnvRoomsFile names the environment variable with a file of the same, for houses of more rooms than a variable holds:
// Linux ends one at 128 KiB, some hundred rooms.
const EnvRoomsFile = EnvRooms + "_FILE"

// The most that the rooms may take as JSON, bytes: in the variable, and in the file (10,000 rooms take some 20 MiB).
const roomsMost, roomsFileMost = 1 << 20, 256 << 20

// Rooms is the rooms of the specification from OVERCLOUD_ROOMS, or from the file that OVERCLOUD_ROOMS_FILE names; none
// when neither is set.
func (e *Env) Rooms() []spec.Room {
	name, text, most := EnvRooms, e.String(EnvRooms, ""), roomsMost
	if path := e.String(EnvRoomsFile, ""); path != "" {
		if text != "" {
			e.Fault(EnvRoomsFile, "is set, and %s too: only one may be", EnvRooms)
			return nil
		}
		data, err := os.ReadFile(e.Path(path))
		if err != nil {
			e.Fault(EnvRoomsFile, "is not readable: %v", err)
			return nil
		}
		name, text, most = EnvRoomsFile, string(data), roomsFileMost
	}
	if text == "" {
		return nil
	}
	var rooms []spec.Room
	if err := json.Unmarshal([]byte(text), &rooms); err != nil || len(text) > most {
		e.Fault(name, "is no JSON list of rooms of at most %d bytes: %v", most, err)
		return nil
	}
	for _, room := range rooms {
		if room.Name == "" {
			e.Fault(name, "has a room without a name")
		}
	}
	return rooms
}

// parse reads a value that is set. Values stay out of the faults where they may be secrets: only these
// plain kinds are quoted.
func parse[T any](e *Env, name string, fallback T, read func(string) (T, error)) T {
	text := e.String(name, "")
	if text == "" {
		return fallback
	}
	value, err := read(text)
	if err != nil {
		e.Fault(name, "%.60q %v", text, err)
		return fallback
	}
	return value
}

func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" {
		return errors.New("is not host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("has no port from 1 to 65535")
	}
	return nil
}
