package wire

import (
	"errors"
	"strconv"
	"time"
)

// The streams of a program's output.
const (
	StreamOut = "stdout"
	StreamErr = "stderr"
)

// The bounds of a LogLines record: what JSON makes of its text, six bytes for one at the worst, fits into MaxRecordBytes.
const (
	MostLogLines     = 200
	MostLogLineBytes = 8 << 10
	MostLogBytes     = 32 << 10
)

// LogLines are lines of the log of one replica of a function, in the order of its engine, for as long as somebody watches
// it. The same line may come twice (its follower was killed and another one went on): its time and its N tell.
type LogLines struct {
	Service    string    `json:"service"`
	Function   string    `json:"function"`
	Replica    int       `json:"replica"`
	Box        string    `json:"box,omitempty"`
	Container  string    `json:"container,omitempty"` // its ID; another one when the function was replaced
	Lines      []LogLine `json:"lines,omitempty"`
	Dropped    int       `json:"dropped,omitempty"` // lines before these that were too many to be carried
	Note       string    `json:"note,omitempty"`    // one sentence on the following itself: why no lines come now
	TimeMillis int64     `json:"time_ms"`           // of the record
}

// LogLine is one line.
type LogLine struct {
	Nanos int64 `json:"time_ns"` // Unix, by the engine's clock
	// N tells lines of the same nanosecond apart.
	N      int    `json:"n,omitempty"`
	Stream string `json:"stream"` // StreamOut or StreamErr
	Text   string `json:"text"`   // without its line end and without control characters
	Cut    bool   `json:"cut,omitempty"`
}

// LogKey is the key of the log topic: service/function/replica.
func LogKey(service, function string, replica int) []byte {
	return []byte(service + "/" + function + "/" + strconv.Itoa(replica))
}

// Retention is how long records of a topic are worth keeping; zero: as long as the cluster's own settings say. Lines of a
// log are for those who watch now, and may hold what is nobody else's business.
func Retention(topic string) time.Duration {
	if topic == TopicLog {
		return time.Hour
	}
	return 0
}

// Validate refuses lines that nobody could place.
func (l LogLines) Validate() error {
	faults := []error{
		checkName("service", l.Service), checkName("function", l.Function), checkText("note", l.Note),
		checkTime("time_ms", l.TimeMillis), checkText("box", l.Box), checkText("container", l.Container),
	}
	if l.Replica < 0 || l.Dropped < 0 {
		faults = append(faults, refused("replica %d and %d lines dropped: neither can be below zero", l.Replica, l.Dropped))
	}
	if len(l.Lines) > MostLogLines {
		return refused("a record of %d lines: at most %d", len(l.Lines), MostLogLines)
	}
	bytes := 0
	for _, line := range l.Lines {
		bytes += len(line.Text)
		faults = append(faults, checkOneOf("stream", line.Stream, StreamOut, StreamErr), checkTime("time_ns in ms", line.Nanos/1e6))
		if len(line.Text) > MostLogLineBytes {
			faults = append(faults, refused("a line of %d bytes: at most %d", len(line.Text), MostLogLineBytes))
		}
	}
	if bytes > MostLogBytes {
		faults = append(faults, refused("lines of %d bytes in one record: at most %d", bytes, MostLogBytes))
	}
	return errors.Join(faults...)
}
