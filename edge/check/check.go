// Package check tries everything that an edge is configured with, once, and says in one sentence each what it found and
// what to do. It sends nothing into a room unless it is told to. It may run beside the daemon.
package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/internal/fault"
)

// The states of a line. Only Failed makes the whole fail.
const (
	OK     = "ok"
	Warn   = "warn"
	Failed = "FAIL"
)

// Line is one thing that was tried.
type Line struct {
	Group string  `json:"group"` // machine, kafka, sensor, box, infrared, coap
	Name  string  `json:"name"`
	State string  `json:"state"`        // OK, Warn or Failed
	Found string  `json:"found"`        // what there is, or what is wrong
	Do    string  `json:"do,omitempty"` // what to do about it
	TookS float64 `json:"took_s"`
}

// Order is an order to be sent for real: --send ac1 22.
type Order struct {
	AC       string
	Setpoint int // °C; 0 is off
}

// Options are what is tried.
type Options struct {
	Config agent.Config
	File   string // that the configuration is from; empty for the environment
	Send   *Order // nil sends nothing
}

// sweep is the check of one configuration under way.
type sweep struct{ Options }

// most bounds one try.
const most = 20 * time.Second

// Run tries everything, several at once, and returns the lines in the order of the configuration.
func Run(ctx context.Context, o Options) []Line {
	s := &sweep{o}
	var tries []func(context.Context) []Line
	tries = append(tries, s.settings, s.user, s.clock, s.running, s.disk, s.kafka)
	tries = append(tries, s.sensors()...)
	tries = append(tries, s.boxes()...)
	tries = append(tries, s.machines()...)
	tries = append(tries, s.coap)
	found := make([][]Line, len(tries))
	var group sync.WaitGroup
	free := make(chan struct{}, 8) // a Pi has four cores and one bus
	for i, try := range tries {
		group.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, most)
			defer cancel()
			found[i] = try(ctx)
		})
	}
	group.Wait()
	return slices.Concat(found...)
}

// Healthy says whether nothing failed.
func Healthy(lines []Line) bool {
	return !slices.ContainsFunc(lines, func(l Line) bool { return l.State == Failed })
}

// tried makes one line of a try.
func tried(group, name string, try func() (found string, err error), advice func(error) string) Line {
	began := time.Now()
	found, err := try()
	l := Line{Group: group, Name: name, State: OK, Found: found, TookS: time.Since(began).Seconds()}
	if err != nil {
		l.State, l.Found = Failed, plain(err)
		if found != "" {
			l.Found = found + ": " + l.Found
		}
		l.Do = advice(err)
	}
	return l
}

// plain is an error without the words of package fault, which say nothing to a person.
func plain(err error) string {
	text := err.Error()
	for _, sentinel := range []error{fault.ErrInvalid, fault.ErrUnreachable, fault.ErrRejected, fault.ErrNotFound} {
		text = strings.ReplaceAll(text, ": "+sentinel.Error(), "")
	}
	return text
}

// access is the advice for devices: what a permission or a missing file means on a Pi.
func access(otherwise string) func(error) string {
	return func(err error) string {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return "run edge check as the user of the daemon: sudo -u overcloud-edge edge check; it has to be in the device's group (video)"
		case errors.Is(err, context.DeadlineExceeded):
			return "it does not answer in time: " + otherwise
		}
		return otherwise
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func millis(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}
