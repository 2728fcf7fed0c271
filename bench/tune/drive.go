package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const service = "bench"

func room(i int) string { return fmt.Sprintf("room-%04d", i) }

// machine is one air conditioner as its edge and its rules know it.
type machine struct {
	room, ac string
	setpoint int
	asked    time.Time // when the rules last asked for something that has not been told; zero: they have not
}

// begin starts the rooms and waits until each machine has been told its start, and has obeyed.
func (s *stage) begin(ctx context.Context, o options) (time.Duration, error) {
	began := time.Now()
	p := spec.DefaultPolicy()
	p.UpEvery, p.DownEvery = spec.Duration(time.Second), spec.Duration(time.Second) // the pace is the load's own
	err := parallel(ctx, o.rooms, func(i int) error {
		r := spec.Room{Name: room(i), Policy: p}
		for n := range o.acs {
			r.AirConditioners = append(r.AirConditioners, spec.AirConditioner{Name: fmt.Sprintf("ac%d", n+1), Min: 16, Max: 30})
		}
		_, err := s.client.SDK().ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: workflows.TuneID(service, r.Name), TaskQueue: workflows.TaskQueue,
		}, workflows.TuneWorkflow, workflows.TuneInput{Service: service, Room: r})
		return err
	})
	if err != nil {
		return 0, err
	}
	err = parallel(ctx, o.rooms*o.acs, func(int) error {
		select {
		case c := <-s.commands:
			return s.obey(ctx, c)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
			return errors.New("no command for a minute after the start")
		}
	})
	if err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// parallel runs work for 0 to n-1, 16 at a time; the first error ends it.
func parallel(ctx context.Context, n int, work func(int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 16 {
		wg.Go(func() {
			for i := range next {
				if err := work(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}

// obey says sent and confirmed, as an edge does.
func (s *stage) obey(ctx context.Context, c wire.Command) error {
	ack := wire.Ack{
		ID: c.ID, Revision: c.Revision, Room: c.Room, AC: c.AC, State: wire.AckSent, Power: true,
		Setpoint: c.Setpoint, Source: "command", TimeMillis: time.Now().UnixMilli(),
	}
	if err := s.client.SignalTune(ctx, service, c.Room, workflows.SignalAck, ack); err != nil {
		return err
	}
	ack.State = wire.AckConfirmed
	return s.client.SignalTune(ctx, service, c.Room, workflows.SignalAck, ack)
}

// load is what is under way.
type load struct {
	*stage
	mu       sync.Mutex
	machines []*machine
	found    *result
}

func (l *load) note(sent int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found.sent += sent
	if err != nil {
		l.found.faults++
		l.found.fault = err
	}
}

// drive sends messages at the stated rates and takes the times.
func (s *stage) drive(ctx context.Context, o options, found *result) error {
	l := &load{stage: s, found: found}
	for i := range o.rooms {
		for n := range o.acs {
			l.machines = append(l.machines, &machine{room: room(i), ac: fmt.Sprintf("ac%d", n+1), setpoint: 24})
		}
	}
	meters := []*meter{newMeter(s.server.Process.Pid), newMeter(s.worker.Process.Pid)}
	over, cancel := context.WithTimeout(ctx, o.last)
	defer cancel()
	edges, stopEdges := context.WithCancel(ctx)
	var wg, edge sync.WaitGroup
	for range 16 {
		edge.Go(func() { l.edge(ctx, edges.Done()) })
	}
	wg.Go(func() { every(over, o.steps, func() { wg.Go(func() { l.step(ctx) }) }) })
	wg.Go(func() { every(over, o.people, func() { wg.Go(func() { l.person(ctx) }) }) })
	wg.Wait()
	found.server, found.worker = meters[0].read(), meters[1].read()
	l.settle(ctx)
	stopEdges()
	edge.Wait()
	for _, m := range l.machines {
		if !m.asked.IsZero() {
			found.unanswered++
		}
	}
	return ctx.Err()
}

// every does something rate times a second until ctx ends.
func every(ctx context.Context, rate float64, do func()) {
	if rate <= 0 {
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// edge obeys commands and takes their times, until it is told to stop.
func (l *load) edge(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case c, open := <-l.commands:
			if !open {
				return
			}
			l.arrived(c, time.Now())
			l.note(2, l.obey(ctx, c))
		}
	}
}

func (l *load) arrived(c wire.Command, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.machines {
		if m.room == c.Room && m.ac == c.AC && !m.asked.IsZero() && c.Setpoint == m.setpoint {
			l.found.steps = append(l.found.steps, now.Sub(m.asked))
			m.asked = time.Time{}
		}
	}
}

// step is one of the rules: a machine that has been told what they wanted is wanted one degree warmer or colder.
func (l *load) step(ctx context.Context) {
	l.mu.Lock()
	var m *machine
	for range 100 { // half of the rooms are the rules', the other half people's
		if one := l.machines[rand.IntN(len(l.machines)/2)]; one.asked.IsZero() { //nolint:gosec // which one does not matter
			m = one
			break
		}
	}
	if m == nil {
		l.mu.Unlock()
		return
	}
	m.setpoint = 24 + (m.setpoint+1)%2
	m.asked = time.Now()
	r := workflows.Recommendation{AC: m.ac, Setpoint: m.setpoint, Inlet: 26, Reason: "a step"}
	l.mu.Unlock()
	l.note(1, l.client.SignalTune(ctx, service, m.room, workflows.SignalRecommend, r))
}

// person sets an override and ends it.
func (l *load) person(ctx context.Context) {
	m := l.machines[len(l.machines)/2+rand.IntN(len(l.machines)-len(l.machines)/2)] //nolint:gosec // which one does not matter
	o := workflows.Override{
		AC: m.ac, Setpoint: 20, For: spec.Duration(30 * time.Minute), Who: "bench", Why: "load", Priority: control.High.String(),
	}
	began := time.Now()
	accepted, err := l.client.Override(ctx, service, m.room, o)
	took := time.Since(began)
	l.note(1, err)
	if err != nil {
		return
	}
	l.mu.Lock()
	l.found.people = append(l.found.people, took)
	l.mu.Unlock()
	l.note(1, l.client.Resume(ctx, service, m.room, workflows.ResumeRequest{ID: accepted.ID, Who: "bench"}))
}

// settle waits for the commands of what was asked last, half a minute at most.
func (l *load) settle(ctx context.Context) {
	for began := time.Now(); time.Since(began) < 30*time.Second && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		l.mu.Lock()
		waiting := 0
		for _, m := range l.machines {
			if !m.asked.IsZero() {
				waiting++
			}
		}
		l.mu.Unlock()
		if waiting == 0 {
			return
		}
	}
}

// lengths reads how long the histories are.
func (s *stage) lengths(ctx context.Context, o options, found *result) error {
	var mu sync.Mutex
	var all int64
	err := parallel(ctx, o.rooms, func(i int) error {
		described, err := s.client.SDK().DescribeWorkflowExecution(ctx, workflows.TuneID(service, room(i)), "")
		if err != nil {
			return err
		}
		n := described.GetWorkflowExecutionInfo().GetHistoryLength()
		mu.Lock()
		defer mu.Unlock()
		all += n
		found.eventsMost = max(found.eventsMost, n)
		return nil
	})
	found.events = all / int64(o.rooms)
	return err
}
