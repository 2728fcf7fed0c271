package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/people"
)

// Logs has logs followed, and hears their lines.
type Logs interface {
	// WatchLog says that somebody watches a replica's log: it is published for a minute or so from now. Errors:
	// ErrUnreachable.
	WatchLog(ctx context.Context, service, function string, replica, tail int) error
	// TailLogs hands take each record of the stream of logs since a time, until ctx ends (whose error it returns). A
	// broker that is away is waited for. Errors: ErrUnauthorised.
	TailLogs(ctx context.Context, since time.Time, take func(wire.LogLines)) error
}

const (
	// logKept are the lines of one log that are kept for those who come later, and to know those that come twice.
	logKept = 2000
	// logsMost and logViewersMost bound one process.
	logsMost, logViewersMost = 32, 400
	// watchEvery is how often a follower is told that somebody watches, and watchAgain when it could not be told.
	watchEvery, watchAgain = 30 * time.Second, 5 * time.Second
	// logLinger is how long a log is followed on after its last viewer left: a page that is loaded anew finds it.
	logLinger = 20 * time.Second
	// logBack is how far back the stream is read: another process may have it followed already.
	logBack = 10 * time.Minute
)

// logName is one log.
type logName struct {
	function string
	replica  int
}

// logHub shares one following of a log among all who watch it.
type logHub struct {
	logs     Logs
	service  string
	log      *slog.Logger
	now      func() time.Time
	stopping <-chan struct{}
	codes    *regexp.Regexp

	mu       sync.Mutex
	followed map[logName]*followedLog
	viewers  int
}

func newLogHub(o Options) *logHub {
	return &logHub{logs: o.Logs, service: o.Service, log: o.Log, now: o.Now, stopping: o.Stopping, codes: people.Codes(), followed: map[logName]*followedLog{}}
}

// logEvent is one server-sent event of a log.
type logEvent struct {
	id, name string
	data     any
}

// logViewer is one reader. Its events are closed when it reads too slowly.
type logViewer struct {
	events chan logEvent
	log    *followedLog
}

// join begins to watch a log: the viewer, and the events that it begins with. Errors: ErrNotFound, ErrUnreachable.
func (h *logHub) join(name logName, tail int, after string) (*logViewer, []logEvent, error) {
	if h.logs == nil {
		return nil, nil, fmt.Errorf("this Control Room shows no logs: %w", fault.ErrNotFound)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	log := h.followed[name]
	switch {
	case h.viewers >= logViewersMost:
		return nil, nil, fmt.Errorf("%d readers watch logs already, try again later: %w", h.viewers, fault.ErrUnreachable)
	case log == nil && len(h.followed) >= logsMost:
		return nil, nil, fmt.Errorf("%d logs are watched already, try again later: %w", len(h.followed), fault.ErrUnreachable)
	case log == nil:
		log = h.begin(name)
	}
	h.viewers++
	viewer, first := log.join(tail, after)
	return viewer, first, nil
}

// begin follows a log that nobody watched.
func (h *logHub) begin(name logName) *followedLog {
	ctx, cancel := context.WithCancel(context.Background())
	log := &followedLog{hub: h, name: name, end: cancel, viewers: map[*logViewer]bool{}, kept: newLogLines(logKept)}
	h.followed[name] = log
	go func() {
		select {
		case <-h.stopping: // nil for ever without one
			cancel()
		case <-ctx.Done():
		}
	}()
	go log.watch(ctx)
	go log.tail(ctx)
	return log
}

// leave ends a viewer's watching. The last one ends the following, after a while.
func (v *logViewer) leave() {
	h, log := v.log.hub, v.log
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
	if log.drop(v) > 0 {
		return
	}
	time.AfterFunc(logLinger, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if log.watched() == 0 && h.followed[log.name] == log {
			delete(h.followed, log.name)
			log.end()
		}
	})
}

// followedLog is one log that somebody watches.
type followedLog struct {
	hub  *logHub
	name logName
	end  context.CancelFunc

	mu      sync.Mutex
	viewers map[*logViewer]bool
	kept    *logLines
	note    logNote // the follower's own word
	fault   string  // why it cannot be told that somebody watches
	heard   int64   // when its last record came, Unix ms
}

// logNote is a sentence on the following.
type logNote struct {
	Text      string `json:"text"`
	At        int64  `json:"at"` // Unix ms
	Box       string `json:"box,omitempty"`
	Container string `json:"container,omitempty"`
}

// logPulse is a heartbeat.
type logPulse struct {
	Now   int64  `json:"now"`
	Heard int64  `json:"heard_at"` // when the follower last said anything; 0: never
	Fault string `json:"fault,omitempty"`
}

func (l *followedLog) watched() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.viewers)
}

// join adds a viewer. It begins with the last lines, or, when it comes back, with those after the one that it has.
func (l *followedLog) join(tail int, after string) (*logViewer, []logEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &logViewer{events: make(chan logEvent, 64), log: l}
	l.viewers[v] = true
	first := []logEvent{l.pulse(l.hub.now())}
	if l.note.At > 0 {
		first = append(first, logEvent{name: "note", data: l.note})
	}
	if lines := l.kept.last(tail, after); len(lines) > 0 {
		first = append(first, linesEvent(lines, 0))
	}
	return v, first
}

// drop takes a viewer out and tells how many are left.
func (l *followedLog) drop(v *logViewer) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.viewers, v)
	return len(l.viewers)
}

func (l *followedLog) pulse(now time.Time) logEvent {
	return logEvent{name: "heartbeat", data: logPulse{Now: now.UnixMilli(), Heard: l.heard, Fault: l.fault}}
}

func (v *logViewer) pulse(now time.Time) logEvent {
	v.log.mu.Lock()
	defer v.log.mu.Unlock()
	return v.log.pulse(now)
}

// watch says again and again that somebody watches.
func (l *followedLog) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.hub.logs.WatchLog(ctx, l.hub.service, l.name.function, l.name.replica, logKept/4)
		wait := watchEvery
		l.mu.Lock()
		if l.fault = ""; err != nil && ctx.Err() == nil {
			l.fault, wait = err.Error(), watchAgain
		}
		l.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// tail hears the stream.
func (l *followedLog) tail(ctx context.Context) {
	since := l.hub.now().Add(-logBack)
	for ctx.Err() == nil {
		err := l.hub.logs.TailLogs(ctx, since, l.take)
		if err == nil || ctx.Err() != nil {
			continue
		}
		l.hub.log.Warn("tail the stream of logs", "function", l.name.function, "err", err)
		timer := time.NewTimer(watchAgain)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take hands a record to all viewers. Lines that were there already are passed over.
func (l *followedLog) take(record wire.LogLines) {
	if record.Service != l.hub.service || record.Function != l.name.function || record.Replica != l.name.replica {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = max(l.heard, record.TimeMillis)
	if len(record.Lines) == 0 && record.Dropped == 0 {
		l.note = logNote{Text: record.Note, At: record.TimeMillis, Box: record.Box, Container: record.Container}
		l.send(logEvent{name: "note", data: l.note})
		return
	}
	fresh := make([]shownLine, 0, len(record.Lines))
	for _, line := range record.Lines {
		// The set-up's code stands in the log of ui: who reads it here may be a viewer, and would become an admin by it.
		line.Text = l.hub.codes.ReplaceAllString(line.Text, "••••")
		if shown, is := l.kept.add(line); is {
			fresh = append(fresh, shown)
		}
	}
	if len(fresh) > 0 || record.Dropped > 0 {
		l.send(linesEvent(fresh, record.Dropped))
	}
}

// send gives an event to all viewers. One that has not read what came before is dropped.
func (l *followedLog) send(event logEvent) {
	for v := range l.viewers {
		select {
		case v.events <- event:
		default:
			delete(l.viewers, v)
			close(v.events)
		}
	}
}

// logBatch is the data of an event `lines`.
type logBatch struct {
	// Dropped lines before these were too many to be carried.
	Dropped int         `json:"dropped,omitempty"`
	Lines   []shownLine `json:"lines"`
}

func linesEvent(lines []shownLine, dropped int) logEvent {
	event := logEvent{name: "lines", data: logBatch{Dropped: dropped, Lines: lines}}
	if len(lines) > 0 {
		newest := lines[0]
		for _, one := range lines {
			if cmp.Or(cmp.Compare(one.nanos, newest.nanos), cmp.Compare(one.n, newest.n)) > 0 {
				newest = one
			}
		}
		event.id = newest.ID
	}
	return event
}
