package activities

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.temporal.io/sdk/activity"

	"github.com/overcloud/overcloud/internal/wire"
)

// What a follower carries: a burst fills a screen many times over, and goes on at a pace that nobody reads. What is
// waiting for a broker that is away is bounded by the burst.
const (
	burstLines, linesPerSecond = 1000, 300
	burstBytes, bytesPerSecond = 512 << 10, 128 << 10
	// The pauses between two looks for a container that brings nothing new.
	pauseFirst, pauseMost = 2 * time.Second, 10 * time.Second
	flushEvery            = 250 * time.Millisecond
	// remembered are the lines that are known again after a reconnection.
	remembered = 2048
)

// lineID tells a line of one container from all others.
type lineID struct {
	nanos int64
	n     int
}

// follower is one run of Follow. Its take runs beside its publish.
type follower struct {
	views   *Views
	in      FollowInput
	shown   newest[LogCursor] // how far it was published
	cursor  LogCursor         // how far it was taken
	waits   time.Duration     // the last pause
	blank   *strings.Replacer
	last    lineID              // of this connection
	recent  []lineID            // the last ones that were taken, of all connections
	known   map[lineID]struct{} // recent when this connection began
	escapes *regexp.Regexp

	mu        sync.Mutex
	box       string
	container string
	waiting   []wire.LogLine
	notes     []string
	noted     string // the last note
	dropped   int
	lines     float64 // that may be taken now
	bytes     float64
	filled    time.Time // when lines and bytes were last topped up
}

func newFollower(v *Views, in FollowInput) *follower {
	return &follower{
		views: v, in: in, cursor: in.After, escapes: escapes(),
		noted: "\x00", // nobody has said anything yet: whose log it is is said first, also when all is well
		lines: burstLines, bytes: burstBytes, filled: time.Now(),
	}
}

// connect begins to take from a box.
func (f *follower) connect(box string, blank *strings.Replacer) {
	f.mu.Lock()
	f.box = box
	f.mu.Unlock()
	f.blank, f.last = blank, lineID{}
	f.known = make(map[lineID]struct{}, len(f.recent))
	for _, id := range f.recent {
		f.known[id] = struct{}{}
	}
}

// begun notes whose log it is.
func (f *follower) begun(source LogSource) {
	f.mu.Lock()
	f.container = source.Container
	f.mu.Unlock()
	if source.State != "running" {
		f.note(fmt.Sprintf("the container of %s on %s is %s (exit code %d): these are its last lines", f.in.Function, f.box, source.State, source.ExitCode))
		return
	}
	f.note("")
}

// note says a sentence on the following, once; an empty one takes the last back.
func (f *follower) note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text != f.noted {
		f.noted = text
		f.notes = append(f.notes, text)
	}
}

// take takes one line in.
func (f *follower) take(entry LogEntry) {
	id := lineID{nanos: entry.At.UnixNano()}
	if id.nanos == f.last.nanos {
		id.n = f.last.n + 1
	}
	f.last = id
	if _, again := f.known[id]; again {
		return
	}
	if f.recent = append(f.recent, id); len(f.recent) >= 2*remembered {
		f.recent = append(f.recent[:0], f.recent[remembered:]...)
	}
	f.waits, f.cursor = 0, LogCursor{Box: f.box, At: entry.At}
	if !f.allow(len(entry.Text)) {
		return
	}
	text, cut := shorten(f.clean(f.blank.Replace(entry.Text)))
	line := wire.LogLine{Nanos: id.nanos, N: id.n, Stream: entry.Stream, Text: text, Cut: cut || entry.Cut}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, line)
}

// allow says whether there is room for another line, and counts it when there is none.
func (f *follower) allow(size int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	passed := now.Sub(f.filled).Seconds()
	f.filled = now
	f.lines, f.bytes = min(burstLines, f.lines+passed*linesPerSecond), min(burstBytes, f.bytes+passed*bytesPerSecond)
	size = min(size, wire.MostLogLineBytes)
	if f.lines < 1 || f.bytes < float64(size) || len(f.waiting) >= burstLines {
		f.dropped++
		return false
	}
	f.lines, f.bytes = f.lines-1, f.bytes-float64(size)
	return true
}

// pause is how long to wait now: longer each time, until a line comes.
func (f *follower) pause() time.Duration {
	f.waits = min(cmp.Or(2*f.waits, f.views.Pause, pauseFirst), pauseMost)
	return f.waits
}

// publish hands on what was taken, a few times a second, until ctx ends.
func (f *follower) publish(ctx context.Context) {
	ticks := time.NewTicker(cmp.Or(f.views.Flush, flushEvery))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			f.flush(ctx)
		}
	}
}

// flush publishes all that waits. What the broker does not take stays for the next time.
func (f *follower) flush(ctx context.Context) {
	for {
		record, lines, some := f.next()
		if !some {
			return
		}
		if err := f.views.Logs.Log(ctx, record); err != nil {
			if ctx.Err() == nil {
				activity.GetLogger(ctx).Warn("lines of a log wait", "function", f.in.Function, "cause", err.Error())
			}
			return
		}
		f.took(record, lines)
	}
}

// next is the next record to publish, and how many of the waiting lines are in it.
func (f *follower) next() (record wire.LogLines, lines int, some bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	record = wire.LogLines{
		Service: f.in.Service, Function: f.in.Function, Replica: f.in.Replica, Box: f.box, Container: f.container,
		Dropped: f.dropped, TimeMillis: time.Now().UnixMilli(),
	}
	if len(f.notes) > 0 { // by itself: an empty note takes the one before back
		record.Dropped, record.Note = 0, f.notes[0]
		return record, 0, true
	}
	size := 0
	for lines < len(f.waiting) && lines < wire.MostLogLines {
		if size += len(f.waiting[lines].Text); size > wire.MostLogBytes {
			break
		}
		lines++
	}
	record.Lines = f.waiting[:lines:lines]
	return record, lines, lines > 0 || f.dropped > 0
}

// took forgets what was published.
func (f *follower) took(record wire.LogLines, lines int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.notes) > 0 && lines == 0 && record.Dropped == 0 {
		f.notes = f.notes[1:]
		return
	}
	f.waiting = f.waiting[lines:]
	f.dropped -= record.Dropped
	if lines > 0 {
		f.shown.set(LogCursor{Box: record.Box, At: time.Unix(0, record.Lines[lines-1].Nanos)})
	}
}

// escapes finds the orders that programs give to a terminal: colours, most of all.
func escapes() *regexp.Regexp {
	return regexp.MustCompile("\x1b(\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?|.)")
}

// clean leaves what a page can show.
func (f *follower) clean(text string) string {
	plain := strings.IndexFunc(text, func(r rune) bool { return r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\t' }) < 0
	if plain {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return -1
		}
		return r
	}, f.escapes.ReplaceAllString(strings.ToValidUTF8(text, "�"), ""))
}

// shorten cuts a line to what a record takes.
func shorten(text string) (short string, cut bool) {
	if len(text) <= wire.MostLogLineBytes {
		return text, false
	}
	return strings.ToValidUTF8(text[:wire.MostLogLineBytes], ""), true
}

// secretive says that a variable's name speaks of a secret. One that ends with _FILE names a place.
func secretive(name string) bool {
	name = strings.ToUpper(name)
	if strings.HasSuffix(name, "_FILE") {
		return false
	}
	for _, word := range []string{"PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
