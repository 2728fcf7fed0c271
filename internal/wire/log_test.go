package wire

import (
	"strings"
	"testing"
)

func TestLogLines(t *testing.T) {
	good := LogLines{
		Service: "smart-energy", Function: "sink", Replica: 1, Box: "rack-1", Container: "abc", TimeMillis: noonMillis, Dropped: 3,
		Lines: []LogLine{{Nanos: noonMillis * 1e6, Stream: StreamOut, Text: "up"}, {Nanos: noonMillis * 1e6, N: 1, Stream: StreamErr, Text: "", Cut: true}},
	}
	roundTrip(t, good)
	broken(t, "of no function", "function is missing", good, func(l *LogLines) { l.Function = "" })
	broken(t, "of a stream that is none", "stream \"stdin\"", good, func(l *LogLines) {
		l.Lines = []LogLine{{Nanos: noonMillis * 1e6, Stream: "stdin"}}
	})
	broken(t, "without a time", "is no time", good, func(l *LogLines) { l.Lines = []LogLine{{Stream: StreamOut}} })
	broken(t, "of too many lines", "a record of 201 lines", good, func(l *LogLines) { l.Lines = make([]LogLine, MostLogLines+1) })
	broken(t, "of a negative number", "below zero", good, func(l *LogLines) { l.Dropped = -1 })
	line := LogLine{Nanos: noonMillis * 1e6, Stream: StreamOut, Text: strings.Repeat("<", MostLogLineBytes)} // six bytes each in JSON
	broken(t, "of too many bytes", "40960 bytes in one record", good, func(l *LogLines) { l.Lines = []LogLine{line, line, line, line, line} })
	broken(t, "of a line without an end", "a line of 8193 bytes", good, func(l *LogLines) {
		l.Lines = []LogLine{{Nanos: line.Nanos, Stream: StreamOut, Text: line.Text + "<"}}
	})
	good.Lines = []LogLine{line, line, line, line}
	roundTrip(t, good) // fits into a record
}
