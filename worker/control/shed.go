package control

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	rules "github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/shed"
)

// Defender tells how a room stands to its shedding of heat, or begins one. Errors: fault.ErrNotFound when none runs and
// none is to begin, or there is no service to begin it; fault.ErrUnreachable.
type Defender interface {
	Threaten(ctx context.Context, service, room string, threat shed.Threat, begin bool) error
}

// threatEvery is how often a shedding hears how its room stands; it believes a word for two minutes.
const threatEvery = 30 * time.Second

// defence is the last line of a room whose specification has one.
type defence struct {
	within time.Duration
	watch  shed.Watch
	told   time.Time
	begun  bool // the last word told was one to begin by
	// quiet says that no shedding runs, as far as the last word showed; its zero value asks after a restart.
	quiet atomic.Bool
}

// threat is a word on its way.
type threat struct {
	room  *room
	word  shed.Threat
	begin bool
}

// threatened judges how the room stands, and gives the word that must be told now, if any: when a threat begins to
// press, and each half minute while a shedding runs.
func (r *room) threatened(in rules.Input, d rules.Decision) *threat {
	if r.defence == nil {
		return nil
	}
	sight := shed.Sight{Now: in.Now, Inlet: d.Inlet, Fresh: d.Fresh, Inlets: len(r.inlets), Critical: in.Policy.At(in.Now).Critical}
	for _, ac := range in.ACs {
		told := ac.Desired
		if told == 0 {
			told = ac.Auto
		}
		sight.Machines = append(sight.Machines, shed.Machine{Coldest: told != 0 && told <= ac.Limits.Min, Lost: ac.Lost})
	}
	sight.Idle = slices.ContainsFunc(r.state.Alerts, func(w rules.Watch) bool { return w.Kind == rules.KindIdle && !w.Began.IsZero() })
	f := r.defence
	word := f.watch.Judge(sight)
	begin := word.Lost && !word.Blind && word.ToGo.D() <= f.within
	since := in.Now.Sub(f.told)
	if begin && !f.begun || (begin || !f.quiet.Load()) && since >= threatEvery {
		f.told, f.begun = in.Now, begin
		return &threat{room: r, word: word, begin: begin}
	}
	return nil
}

// defend tells threats, each room's newest.
func (l *loop) defend(ctx context.Context, defender Defender) error {
	for {
		taken, err := l.threats.take(ctx, 1)
		if err != nil {
			return nil // ctx has ended
		}
		t := taken[0].item
		once, cancel := context.WithTimeout(ctx, signalFor)
		err = defender.Threaten(once, l.cfg.Service, t.room.spec.Name, t.word, t.begin)
		cancel()
		absent := errors.Is(err, fault.ErrNotFound)
		t.room.defence.quiet.Store(absent)
		if absent && !t.begin {
			err = nil // nothing is shed, and nothing is to be
		}
		l.threats.done(taken, l.fault(&l.faults.temporal, "tell of the heat in "+t.room.spec.Name, err) == nil)
		if err != nil && !pause(ctx, pauseFirst) {
			return nil
		}
	}
}
