package control

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

const (
	// The rooms' turns are spread over a tick: every step some of them decide.
	stepsInTick        = 100
	stepLeast          = 5 * time.Millisecond
	stepMost           = 100 * time.Millisecond
	turnShare          = 20 // at most one of so many rooms decides in one step, so that an emergency need not wait for all
	waitForPast        = 10 * time.Second
	settleFor          = 3 * time.Second // to publish before a room is given away, and at the end
	signallers         = 16
	publishers         = 8
	recordsAtOnce      = 500
	commandsAtOnce     = 100
	batchesWait        = 4
	readBackOfCommands = 25 * time.Hour // covers two publications of a quiet room's intent (each 12 h)
	readBackOfAlerts   = 7 * 24 * time.Hour
	readBackOfMemory   = memoryMost
	readBackOfBoxes    = 6 * time.Hour // how far back it looks whether a disk is filling
	readBackMost       = 10 * time.Minute
)

// loop owns the house; everything reaches it through channels.
type loop struct {
	cfg     Config
	house   *house
	advisor *advisor

	batches chan heard
	shares  chan sharing
	asks    chan func()

	commands *queue[kafka.Record] // of emergencies: nothing stands before them
	records  *queue[kafka.Record]
	signals  *queue[signal]
	threats  *queue[threat] // newest of each room

	share    kafka.Share
	shared   time.Time // when the group first spoke
	past     *past
	step     time.Duration
	round    time.Time     // when the current round of turns began
	pace     time.Duration // how long it may take: a tick, or less when rooms have just become ours
	turn     int           // whose turn it is
	assigned []bool        // by the room's index: the group says that it is ours

	readings, decisions atomic.Int64
	decidedAt           atomic.Int64 // Unix ns of the last step

	mu     sync.Mutex
	faults faults
}

type signal struct {
	room    string
	payload workflows.Recommendation
}

// sharing is a new share; done is closed when it holds.
type sharing struct {
	share kafka.Share
	done  chan struct{}
}

func newLoop(cfg Config) *loop {
	l := &loop{
		cfg: cfg, house: newHouse(cfg, time.Now()), batches: make(chan heard, batchesWait),
		shares: make(chan sharing), asks: make(chan func()),
		commands: newQueue[kafka.Record](), records: newQueue[kafka.Record](), signals: newQueue[signal](), threats: newQueue[threat](),
		past: newPast(), assigned: make([]bool, len(cfg.Rooms)), round: time.Now(), pace: cfg.Tick,
		step: max(stepLeast, min(stepMost, cfg.Tick/stepsInTick)),
	}
	l.decidedAt.Store(time.Now().UnixNano())
	l.advisor = newAdvisor(l.house, func(learned wire.Learned) {
		l.records.put("learned "+learned.Room, kafka.Record{Topic: wire.TopicLearned, Key: []byte(learned.Room), Value: wire.Encode(learned)}, false)
	}, cfg.Log)
	l.house.teach = l.advisor.give
	return l
}

// run takes in what comes and lets each room decide once in each tick.
func (l *loop) run(ctx context.Context) {
	ticker := time.NewTicker(l.step)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			l.leave()
			return
		case in := <-l.batches:
			l.take(in, time.Now())
		case s := <-l.shares:
			l.own(s.share, time.Now())
			close(s.done)
		case ask := <-l.asks:
			ask()
		case <-ticker.C:
			l.turns(time.Now())
		}
	}
}

func (l *loop) take(in heard, now time.Time) {
	l.house.take(in, now)
	l.readings.Add(int64(len(in.readings)))
	// What is critical does not wait for its turn, nor for the optimiser.
	ready := l.ready(now)
	for _, r := range l.house.hot {
		if ready && r.hot && l.assigned[r.index] {
			l.decide(r, now)
		}
		r.hot = false
	}
	l.house.hot = l.house.hot[:0]
}

// ready says that what was there before the start has been read: by the group's first word, or some seconds later.
func (l *loop) ready(now time.Time) bool {
	return !l.shared.IsZero() && (l.past.read() || now.Sub(l.shared) > waitForPast)
}

// turns lets decide whose turn has come.
func (l *loop) turns(now time.Time) {
	l.decidedAt.Store(now.UnixNano())
	rooms := l.house.rooms
	if !l.ready(now) || len(rooms) == 0 {
		l.hurry(now)
		return
	}
	due := int(float64(len(rooms)) * min(1, float64(now.Sub(l.round))/float64(l.pace)))
	due = min(due, l.turn+max(1, len(rooms)/turnShare))
	link := l.cfg.Kafka.Pulse.Link()
	for ; l.turn < due; l.turn++ {
		r := rooms[l.turn]
		reached := r.reached(link, now)
		if !l.assigned[r.index] {
			continue
		}
		if !reached {
			l.records.drop("lease " + r.spec.Name) // it would count from when it arrives
			continue
		}
		l.decide(r, now)
		l.advisor.give(r.lesson(now))
	}
	if l.turn == len(rooms) {
		l.round, l.turn, l.pace = l.round.Add(l.pace), 0, l.cfg.Tick
		if now.Sub(l.round) > l.cfg.Tick {
			l.round = now
		}
	}
}

// hurry begins a quick round: rooms that have just become ours have waited long enough.
func (l *loop) hurry(now time.Time) { l.round, l.turn, l.pace = now, 0, l.cfg.Tick/5 }

func (l *loop) decide(r *room, now time.Time) {
	if !r.mine {
		r.gain(now, l.cfg.Log)
	}
	l.send(r, r.decide(now))
	l.decisions.Add(1)
}

// own takes a new share of the rooms. What is not ours any more is given away with what was remembered of it.
func (l *loop) own(s kafka.Share, now time.Time) {
	if s.Partitions != l.share.Partitions && s.Partitions > 0 {
		l.house.homes(s.Partitions)
	}
	l.share = s
	if s.Partitions > 0 && l.shared.IsZero() {
		l.shared = now
	}
	ours, gained, given := 0, false, []int(nil)
	for _, r := range l.house.rooms {
		mine := s.Partitions > 0 && s.Owns(r.home)
		if mine {
			ours++
		}
		if !mine && r.mine {
			l.handOver(r, now)
			given = append(given, r.index)
		}
		gained = gained || mine && !l.assigned[r.index]
		l.assigned[r.index] = mine
	}
	l.advisor.hand(given)
	if gained {
		l.hurry(now)
	}
	if gained || len(given) > 0 {
		l.cfg.Log.Info("rooms are shared anew", "partitions", s.Mine, "of", s.Partitions, "rooms", ours)
	}
}

func (l *loop) handOver(r *room, now time.Time) {
	l.send(r, r.release(now))
	l.records.drop("lease " + r.spec.Name)
	l.threats.drop(r.spec.Name)
}

// leave gives everything away at the end.
func (l *loop) leave() {
	now, given := time.Now(), []int(nil)
	for _, r := range l.house.rooms {
		if r.mine {
			l.handOver(r, now)
			given = append(given, r.index)
		}
	}
	l.advisor.hand(given)
}

// moved is told the share by the group, which waits: before another process gets a room, what was remembered of it is
// published, if that can be done soon.
func (l *loop) moved(ctx context.Context) func(kafka.Share) {
	return func(s kafka.Share) {
		once, cancel := context.WithTimeout(ctx, settleFor)
		defer cancel()
		change := sharing{share: s, done: make(chan struct{})}
		select {
		case l.shares <- change:
		case <-ctx.Done():
			return
		}
		select {
		case <-change.done:
		case <-once.Done():
			return
		}
		l.settled(once)
	}
}

// settled waits until everything was published, or ctx ends.
func (l *loop) settled(ctx context.Context) {
	for l.records.size()+l.commands.size() > 0 && pause(ctx, 5*time.Millisecond) {
	}
}

// work decides until ctx ends; then what was remembered and learned is published, if that can be done soon.
func (l *loop) work(ctx context.Context, producer *kafka.Producer) error {
	publishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	teaching, dismiss := context.WithCancel(context.WithoutCancel(ctx))
	var writers, teacher sync.WaitGroup
	writers.Go(func() { l.publish(publishing, l.commands, commandsAtOnce, producer) })
	writers.Go(func() { l.publish(publishing, l.records, recordsAtOnce, producer) })
	teacher.Go(func() { l.advisor.run(teaching) })
	l.run(ctx)
	dismiss()
	teacher.Wait()
	last, cancel := context.WithTimeout(publishing, settleFor)
	l.settled(last)
	cancel()
	stop()
	writers.Wait()
	return nil
}
