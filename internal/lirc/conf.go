package lirc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// Remote is one remote of an lircd.conf.
type Remote struct {
	Name      string
	CarrierHz int
	Duty      int      // % of the carrier's period that the light is on; 0 when the file does not say
	Gap       int      // µs of silence after a transmission, or its whole length with CONST_LENGTH
	Flags     []string // as the file says, in capitals
	Keys      []Key
	File      string
	Line      int
}

// Key is one key of a remote.
type Key struct {
	Name string
	// Pulses are µs of mark, space, mark, … as lircd would send them; nil when only lircd knows how, and Why says so.
	Pulses []int
	Why    string
	Line   int
}

// Key finds a key by name; lircd does not mind capitals, nor does this.
func (r Remote) Key(name string) (Key, bool) {
	for _, k := range r.Keys {
		if strings.EqualFold(k.Name, name) {
			return k, true
		}
	}
	return Key{}, false
}

// Mistake is one thing that is wrong in a file.
type Mistake struct {
	File string
	Line int // 1 is the first
	Text string
}

// Error is file:line: text.
func (m Mistake) Error() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text) }

// Unwrap says that every mistake is fault.ErrInvalid.
func (Mistake) Unwrap() error { return fault.ErrInvalid }

// Bounds of what is read: real files have some hundred kilobytes and include some dozen others.
const (
	largestFile  = 8 << 20
	mostFiles    = 1000
	deepest      = 10 // includes in includes, as lircd's own bound
	mostMistakes = 20
)

// Load reads an lircd.conf and what it includes. It returns every mistake with its file and line, joined, at most 20
// of them; then the remotes are those that were read before. Errors are fault.ErrInvalid, or those of reading the file.
func Load(path string) ([]Remote, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read remotes: %w", err)
	}
	defer file.Close()
	return Parse(file, path)
}

// Parse is Load of a file that is open already; its name is used in mistakes and to find what it includes. Relative
// includes are searched beside the file.
func Parse(r io.Reader, name string) ([]Remote, error) {
	p := &parser{files: 1}
	p.file(r, name, 0)
	if len(p.mistakes) > mostMistakes {
		more := len(p.mistakes) - mostMistakes
		p.mistakes = append(p.mistakes[:mostMistakes], fmt.Errorf("and %d more", more))
	}
	return p.remotes, errors.Join(p.mistakes...)
}

// Find loads one remote. The error of an unknown one lists those that there are. Errors are fault.ErrInvalid, or those
// of reading the file.
func Find(path, remote string) (Remote, error) {
	remotes, err := Load(path)
	if err != nil {
		return Remote{}, err
	}
	names := make([]string, 0, len(remotes))
	for _, r := range remotes {
		if r.Name == remote {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Remote{}, fmt.Errorf("%s has no remote %q (it has: %s): %w", path, remote, strings.Join(names, ", "), fault.ErrInvalid)
}

// Profile makes the remote an infrared profile by its keys SET_<n>, POWER_OFF and perhaps POWER_ON. Errors are
// fault.ErrInvalid.
func (r Remote) Profile() (infrared.Profile, error) {
	frames := map[string]infrared.Frame{}
	for _, k := range r.Keys {
		frames[strings.ToUpper(k.Name)] = infrared.Frame{CarrierHz: r.CarrierHz, Pulses: k.Pulses, Remote: r.Name, Keys: []string{k.Name}}
	}
	profile, err := infrared.Named(r.Name, r.Name, frames)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: remote %s: %w", r.File, r.Line, r.Name, err)
	}
	return profile, nil
}

// SplitReference takes FILE#REMOTE apart, as specifications write a remote of an lircd.conf. Errors are
// fault.ErrInvalid.
func SplitReference(reference string) (path, remote string, err error) {
	at := strings.LastIndexByte(reference, '#')
	if at <= 0 || at == len(reference)-1 || !filepath.IsAbs(reference) {
		return "", "", fmt.Errorf("remote %q is no reference (write /path/of/lircd.conf#REMOTE): %w", reference, fault.ErrInvalid)
	}
	return reference[:at], reference[at+1:], nil
}
