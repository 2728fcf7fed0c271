package w1

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/fault"
)

// Limits of one round.
const (
	convertMost = 750 * time.Millisecond // at 12 bits
	busyMost    = 3 * time.Second        // until a conversion that somebody began has ended
	busyPoll    = 50 * time.Millisecond
	atOnce      = 4 // reads of single sensors that wait in the driver at one time
)

// facts are what a sensor says of itself.
type facts struct {
	bits     string
	parasite bool
	known    bool // whether the power is known
	checked  bool // the driver checks the results of single conversions
	takes    time.Duration
}

func (f facts) String() string {
	out := ""
	if f.bits != "" {
		out += ", " + f.bits + " bit"
	}
	switch {
	case f.parasite:
		out += ", parasite power"
	case f.known:
		out += ", external power"
	}
	if f.checked {
		out += ", checked by the driver"
	}
	return out
}

type result struct {
	began time.Time
	milli int
	held  bool // every byte was read as zero
	err   error
}

// convert reads sensors after one conversion of the whole bus if it can, else each by itself, and says how it did.
func (b *bus) convert(ids []string) (results map[string]result, how string) {
	slices.Sort(ids)
	takes, parasite := b.prepare(ids)
	began := time.Now()
	results = map[string]result{}
	why := ""
	switch {
	case len(ids) < 2:
	case !b.hub.bulk:
		why = ": the bus may be shared"
	case parasite:
		// All would draw the current of a conversion at once, through one line.
		why = ": a sensor has parasite power"
	default:
		if why = b.trigger(began, takes); why == "" {
			for _, id := range ids {
				results[id] = b.one(id)
			}
			for id, r := range results {
				r.began = began
				results[id] = r
			}
			return results, "in bulk"
		}
	}
	b.singles(ids, results)
	return results, "one by one" + why
}

// singles reads sensors by a conversion of each one's own.
func (b *bus) singles(ids []string, results map[string]result) {
	// Values of a bulk conversion that nobody has fetched, by a process that ended, would come first.
	old := b.state() == "1"
	var mu sync.Mutex
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, id := range ids {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			began := time.Now()
			if old {
				_, _ = b.hub.tree.Read(b.path(id) + "/temperature") // what it says is of no use
			}
			r := b.one(id)
			if b.state() == "-1" {
				// Another process has told all to convert meanwhile, so this is what was measured before.
				began = time.Now()
				r = b.one(id)
			}
			r.began = began
			mu.Lock()
			defer mu.Unlock()
			results[id] = r
		})
	}
	all.Wait()
}

func (b *bus) path(id string) string { return devices + "/" + id }

func (b *bus) state() string {
	state, err := b.hub.tree.Read(b.dir + "/therm_bulk_read")
	if err != nil {
		return ""
	}
	return state
}

// trigger makes all sensors of the bus convert, and returns when they have. Why says why it could not; then nothing has
// begun.
func (b *bus) trigger(began time.Time, takes time.Duration) (why string) {
	// The driver compares eight bytes and ignores anything else, without an error. It returns when the conversion is over.
	err := b.hub.tree.Write(b.dir+"/therm_bulk_read", "trigger\n")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ": this bus has no therm_bulk_read"
	case errors.Is(err, fs.ErrPermission):
		return ": therm_bulk_read may not be written by the edge's user"
	case err != nil:
		return ": therm_bulk_read: " + err.Error()
	}
	for since := time.Now(); b.state() == "-1" && time.Since(since) < busyMost; {
		time.Sleep(busyPoll)
	}
	if b.state() != "1" {
		return ": the driver did not convert"
	}
	// A signal ends the driver's wait early, and then it says that the conversion is done when it is not.
	time.Sleep(time.Until(began.Add(takes)))
	return ""
}

// prepare asks new sensors what they are and turns on the driver's checks. It says how long a conversion takes, and
// whether any sensor lives on the data line's current.
func (b *bus) prepare(ids []string) (takes time.Duration, parasite bool) {
	for _, id := range ids {
		b.mu.Lock()
		s := b.sensors[id]
		known := s == nil || s.facts != nil
		b.mu.Unlock()
		if !known {
			f := b.ask(id)
			b.mu.Lock()
			s.facts = &f
			b.mu.Unlock()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		if s := b.sensors[id]; s != nil && s.facts != nil {
			takes = max(takes, s.facts.takes)
			parasite = parasite || s.facts.parasite
		}
	}
	return takes, parasite
}

func (b *bus) ask(id string) facts {
	tree, dir := b.hub.tree, b.path(id)
	f := facts{takes: convertMost}
	// 1: a power-up value and a conversion without power are failures; 2: ask the sensor when it has done.
	if now, err := tree.Read(dir + "/features"); err == nil {
		f.checked = now == "3" || tree.Write(dir+"/features", "3\n") == nil
	}
	if power, err := tree.Read(dir + "/ext_power"); err == nil {
		f.parasite, f.known = power == "0", power == "0" || power == "1"
	}
	if bits, err := tree.Read(dir + "/resolution"); err == nil {
		if n, err := strconv.Atoi(bits); err == nil && n >= 9 && n <= 12 {
			f.bits = bits
		}
	}
	if ms, err := tree.Read(dir + "/conv_time"); err == nil {
		if n, err := strconv.Atoi(ms); err == nil && n > 0 && n <= 2000 {
			f.takes = time.Duration(n) * time.Millisecond
		}
	}
	return f
}

// one reads one sensor: what a bulk conversion left for it, or by a conversion of its own.
func (b *bus) one(id string) result {
	milli, err := b.temperature(id)
	if errors.Is(err, errNothing) {
		// A conversion that a signal interrupted gives nothing too; the second one tells.
		milli, err = b.temperature(id)
	}
	if err != nil {
		return result{err: b.words(id, err)}
	}
	r := result{milli: milli}
	if milli == 0 {
		text, err := b.hub.tree.Read(b.path(id) + "/w1_slave")
		r.held = err == nil && strings.HasPrefix(text, "00 00 00 00 00 00 00 00 00")
	}
	return r
}

// errNothing is a read that gives no byte.
var errNothing = fmt.Errorf("%w: it gives nothing: not on the line, a damaged answer, or too little power", fault.ErrUnreachable)

func (b *bus) temperature(id string) (int, error) {
	for began := time.Now(); ; time.Sleep(busyPoll) {
		text, err := b.hub.tree.Read(b.path(id) + "/temperature")
		if errors.Is(err, fs.ErrNotExist) {
			return b.slave(id)
		}
		if err != nil {
			return 0, err
		}
		if text == "" {
			if b.state() == "-1" && time.Since(began) < busyMost {
				continue // somebody's conversion goes on
			}
			return 0, errNothing
		}
		milli, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%w: it says %.40q, no number", fault.ErrRejected, text)
		}
		return milli, nil
	}
}

// slave reads the file of kernels before 5.8: nine bytes, whether their checksum is right, and the temperature.
func (b *bus) slave(id string) (int, error) {
	text, err := b.hub.tree.Read(b.path(id) + "/w1_slave")
	if err != nil {
		return 0, err
	}
	if text == "" {
		return 0, errNothing
	}
	first, second, _ := strings.Cut(text, "\n")
	if !strings.HasSuffix(strings.TrimSpace(first), "YES") {
		return 0, fmt.Errorf("%w: the checksum is wrong (CRC NO)", fault.ErrRejected)
	}
	_, value, ok := strings.Cut(second, "t=")
	milli, err := strconv.Atoi(strings.TrimSpace(value))
	if !ok || err != nil {
		return 0, fmt.Errorf("%w: it says %.40q, no temperature", fault.ErrRejected, second)
	}
	return milli, nil
}

func (b *bus) words(id string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENODEV):
		return b.hub.lost(id)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("not allowed (the edge's user needs to read the sensor's files): %w", err)
	case errors.Is(err, unix.EIO):
		return fmt.Errorf("%w: the bus does not work (EIO)", fault.ErrUnreachable)
	}
	return err
}
