// Package anomaly owns what is odd about boxes: from their resource records to alerts. Like the rules of the rooms
// (package control) it reads, sends and remembers nothing outside the values that are passed in.
//
// What it judges by: the processor by cpu_percent, whose number of processors nobody knows nor needs; the load by
// what the same box showed on its own busy hours, since 8 is much for one box and nothing for another; memory and
// disks by their percentages, disks also by where they are going; interfaces by errors and discards per second; the
// box itself by whether it speaks and how long it has been up.
//
// A box that was never heard is no anomaly: whether anybody asks it is the edge's configuration, and an edge that
// gets no answer raises its own alert "box".
package anomaly

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// The kinds of alerts of boxes; all begin with kindPrefix. IDs are <room>/<kind>/<box>, and for disks and interfaces
// <room>/<kind>/<box>/<item>.
const (
	KindSilent    = "box-silent"    // no record for three of its intervals, 90 s at the least
	KindRestarted = "box-restarted" // its uptime fell
	KindProcessor = "box-cpu"       // busy for long
	KindLoad      = "box-load"      // far more than it is used to
	KindMemory    = "box-memory"    // little is available
	KindDisk      = "box-disk"      // a disk is nearly full
	KindFilling   = "box-filling"   // a disk will be full, if it goes on like this
	KindErrors    = "box-errors"    // an interface has errors
	KindDiscards  = "box-discards"  // an interface throws packets away
	KindNumbers   = "box-numbers"   // it says what cannot be

	kindPrefix = "box-"
)

// Source is the source of these alerts: the control loop judges boxes beside its rooms.
const Source = "control"

// Is says whether an alert is one of this package's: the rules of the rooms have the same source.
func Is(a wire.Alert) bool { return a.Source == Source && strings.HasPrefix(a.Kind, kindPrefix) }

// Input is what is known of the boxes of one room at one moment.
type Input struct {
	Now    time.Time
	Room   string
	Boxes  []string // those that stand in the room: spec.Room.Boxes
	Limits Limits   // the zero value means DefaultLimits
	State  *State   // is brought up to Now
	// Deaf says that nobody hears the stream at all (Kafka is away): then silence says nothing of the boxes.
	Deaf bool
}

// Output is what begins and ends now. Began holds also alerts that last and are said again, or that became worse.
type Output struct{ Began, Ended []wire.Alert }

// Judge decides for the boxes of one room. It is cheap: what costs is done once per record, by State.Take.
func Judge(in Input) Output {
	if in.Limits == (Limits{}) {
		in.Limits = DefaultLimits()
	}
	var out Output
	s := in.State
	s.ready()
	s.forget(in.Boxes)
	s.adopt(in)
	seen := s.listen(in)
	kept := make(map[string]*watch, len(s.watches))
	for _, name := range in.Boxes {
		b := s.boxes[name]
		if b == nil {
			s.keepAsItIs(name, kept)
			continue
		}
		for _, c := range b.conditions(in, name, seen) {
			s.watch(in, c, kept, &out)
		}
	}
	s.watch(in, everyBox(in, seen), kept, &out)
	s.endGone(in, kept, &out)
	s.watches = kept
	order(out.Began)
	order(out.Ended)
	return out
}

// adopt finds the boxes of alerts that were recalled; only their IDs tell.
func (s *State) adopt(in Input) {
	for id, w := range s.watches {
		for _, name := range in.Boxes {
			if start := in.Room + "/" + w.kind + "/" + name; w.box == "" && (id == start || strings.HasPrefix(id, start+"/")) {
				w.box = name
			}
		}
	}
}

// keepAsItIs keeps the alerts of a box that has not spoken since a restart of the process: nobody saw them end.
func (s *State) keepAsItIs(box string, kept map[string]*watch) {
	for id, w := range s.watches {
		if w.box == box {
			kept[id] = w
		}
	}
}

func (s *State) endGone(in Input, kept map[string]*watch, out *Output) {
	for id, w := range s.watches {
		if kept[id] != nil || w.began.IsZero() {
			continue
		}
		if b := s.boxes[w.box]; b != nil && b.records < gather {
			kept[id] = w // recalled, and perhaps its item has not been heard of yet
			continue
		}
		out.Ended = append(out.Ended, w.alert(in, id, in.Now, "no longer part of the room or the box"))
	}
}

func order(alerts []wire.Alert) {
	slices.SortFunc(alerts, func(a, b wire.Alert) int { return strings.Compare(a.ID, b.ID) })
}

// alertID is stable for the condition and never longer than a name may be.
func alertID(room, kind, box, item string) string {
	id := room + "/" + kind + "/" + box
	if item != "" {
		id += "/" + strings.TrimPrefix(item, "/")
	}
	const most = 128 // bytes; wire refuses longer names
	if len(id) <= most {
		return id
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(id)) // a hash takes everything
	return fmt.Sprintf("%s~%016x", strings.ToValidUTF8(id[:most-17], ""), sum.Sum64())
}
