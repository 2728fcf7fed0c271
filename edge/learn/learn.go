// Package learn records a remote control, key by key, and writes it as an lircd.conf. It owns the talk with the
// person; what a frame means is package infrared's and the file's form package internal/lirc's.
package learn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// Source is where frames come from. Next waits for the next one; io.EOF means that none will come any more.
type Source interface {
	Next(ctx context.Context) (infrared.Frame, error)
}

// forgetter is a Source that hears all the time. What it heard before a key was asked for is not that key.
type forgetter interface{ Forget() }

// Session is one remote being learned.
type Session struct {
	Name      string
	Keys      []string // to be learned, in this order
	CarrierHz int      // of the remote; 0 takes what the receiver measured, else 38000
	Source    Source
	Wait      time.Duration // for one press
	Tries     int           // recordings of one key before it is given up
	In        io.Reader     // what the person types: s to leave a key out, q to end
	Out       io.Writer     // what the person reads
}

// Learned is what a session brought.
type Learned struct {
	Remote lirc.Remote
	// Known are the built-in remotes that understand every key; the file is not needed for those.
	Known []string
}

// errQuit is a person who has had enough; what was learned so far is lost.
var errQuit = errors.New("ended by you; nothing was written")

// Learn asks for each key until two recordings of it agree. Errors are fault.ErrInvalid when the recordings end or a
// key is given up, the source's own, or the context's.
func (s Session) Learn(ctx context.Context) (Learned, error) {
	l := &learner{Session: s, lines: typed(ctx, s.In)}
	l.remote = lirc.Remote{Name: s.Name, CarrierHz: s.CarrierHz}
	fmt.Fprintf(s.Out, "Learning %s: %d keys, each has to be heard twice. Type s and Enter to leave a key out, q to end.\n", s.Name, len(s.Keys))
	for i, key := range s.Keys {
		fmt.Fprintf(s.Out, "\n[%d/%d] %s: %s\n", i+1, len(s.Keys), key, instruction(key))
		if err := l.learn(ctx, key); err != nil {
			return Learned{}, err
		}
	}
	if len(l.remote.Keys) == 0 {
		return Learned{}, fmt.Errorf("no key was learned: %w", fault.ErrInvalid)
	}
	if l.remote.CarrierHz == 0 {
		l.remote.CarrierHz = l.carrier
	}
	return Learned{Remote: l.remote, Known: l.known}, nil
}

// instruction tells the person what the remote has to send.
func instruction(key string) string {
	switch {
	case key == infrared.KeyPowerOff:
		return "switch the machine off with the remote"
	case key == infrared.KeyPowerOn:
		return "switch the machine on with the remote"
	case strings.HasPrefix(key, "SET_"):
		n := strings.TrimPrefix(key, "SET_")
		return "make the remote send cooling, " + n + " °C, fan auto (the display shows " + n + " when it sends; for the second time go up and down again)"
	default:
		return "press that button"
	}
}

// typed reads the person's lines; it ends with the reader, or when nobody takes them any more.
func typed(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	if in == nil {
		return lines
	}
	go func() {
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case lines <- strings.ToLower(strings.TrimSpace(scanner.Text())):
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

type learner struct {
	Session
	lines   <-chan string
	remote  lirc.Remote
	carrier int
	known   []string // nil until the first key
	begun   bool     // known is set
}

// learn hears one key until two recordings agree.
func (l *learner) learn(ctx context.Context, key string) error {
	if f, ok := l.Source.(forgetter); ok {
		f.Forget()
	}
	var heard []infrared.Frame
	for len(heard) < l.Tries {
		frame, skip, err := l.next(ctx)
		if err != nil {
			return err
		}
		if skip {
			fmt.Fprintf(l.Out, "  %s is left out\n", key)
			return nil
		}
		states := identify(frame)
		say(l.Out, frame, states)
		if why := l.wrong(key, frame, states); why != "" {
			fmt.Fprintf(l.Out, "  %s. Again, please\n", why)
			heard = append(heard, infrared.Frame{}) // counts as a try and agrees with none
			continue
		}
		for _, earlier := range heard {
			if agree(earlier.Pulses, frame.Pulses) {
				l.keep(key, average(earlier, frame), states)
				fmt.Fprintf(l.Out, "  %s: learned\n", key)
				return nil
			}
		}
		if len(heard) == 0 {
			fmt.Fprintln(l.Out, "  the same once more, please")
		} else {
			fmt.Fprintln(l.Out, "  that is like none of the earlier recordings. Again, please")
		}
		heard = append(heard, frame)
	}
	return fmt.Errorf("%s: %d recordings and no two agree; is the light (sun, tube lamps) too strong, or the remote too far? Nothing was written: %w", key, l.Tries, fault.ErrInvalid)
}

// next waits for a frame, and listens to the person meanwhile.
func (l *learner) next(ctx context.Context) (frame infrared.Frame, skip bool, err error) {
	for {
		frame, skip, err = l.once(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return frame, skip, err
		}
		fmt.Fprintf(l.Out, "  nothing heard for %s: hold the remote a hand's breadth before the receiver (s leaves the key out, q ends)\n", l.Wait)
	}
}

func (l *learner) once(ctx context.Context) (infrared.Frame, bool, error) {
	waiting, cancel := context.WithTimeout(ctx, l.Wait)
	defer cancel()
	type result struct {
		frame infrared.Frame
		err   error
	}
	came := make(chan result, 1)
	go func() {
		frame, err := l.Source.Next(waiting)
		came <- result{frame, err}
	}()
	for {
		select {
		case line := <-l.lines:
			if line != "s" && line != "q" {
				continue
			}
			cancel()
			<-came
			if line == "q" {
				return infrared.Frame{}, false, errQuit
			}
			return infrared.Frame{}, true, nil
		case r := <-came:
			if errors.Is(r.err, io.EOF) {
				return r.frame, false, fmt.Errorf("the recording has ended before all keys were heard twice; nothing was written: %w", fault.ErrInvalid)
			}
			return r.frame, false, r.err
		}
	}
}

// wrong says why a recording cannot be the key; empty when it can.
func (l *learner) wrong(key string, frame infrared.Frame, states []identified) string {
	if err := frame.Validate(); err != nil {
		return "it cannot be kept: " + strings.TrimSuffix(err.Error(), ": "+fault.ErrInvalid.Error())
	}
	for _, k := range l.remote.Keys {
		if agree(k.Pulses, frame.Pulses) && key != infrared.KeyPowerOn && k.Name != infrared.KeyPowerOn {
			return "that is what " + k.Name + " was"
		}
	}
	for _, s := range states {
		if said := s.key(); said != "" && meant(key) && said != key && (key != infrared.KeyPowerOn || !s.state.Power) {
			return fmt.Sprintf("it says %s, which is not %s", s.state, key)
		}
	}
	return ""
}

// keep takes a key, and narrows down which built-in remotes it may all be.
func (l *learner) keep(key string, frame infrared.Frame, states []identified) {
	l.remote.Keys = append(l.remote.Keys, lirc.Key{Name: key, Pulses: frame.Pulses})
	if lirc.FitsLircd(frame.Pulses) != nil {
		fmt.Fprintln(l.Out, "  it is longer than what lircd can send; the transmitter /dev/lirc0 can, in parts")
	}
	if l.carrier == 0 {
		l.carrier = frame.CarrierHz
	}
	var both []string
	for _, s := range states {
		if !l.begun || slices.Contains(l.known, s.remote) {
			both = append(both, s.remote)
		}
	}
	l.known, l.begun = both, true
}

// Identify says of each frame what it is, until the context ends or the source does.
func Identify(ctx context.Context, source Source, out io.Writer) error {
	for {
		frame, err := source.Next(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		say(out, frame, identify(frame))
	}
}
