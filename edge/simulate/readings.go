package simulate

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/overcloud/overcloud/edge/plausible"
	"github.com/overcloud/overcloud/internal/wire"
)

// Judged is one line of a recording and what the judge says of it.
type Judged struct {
	Line    int
	Reading wire.Reading
	Doubt   string // why it would be marked bad; empty when it would not
	Fault   string // why it is no reading at all
}

// neighbourAge is how old a neighbour's reading may be to be compared with.
const neighbourAge = 90 * time.Second

// Replay judges a recording of the topic temp, a reading a line: time_ms,sensor,humidity,temperature. All of it counts
// as one room. Take gets every line in turn. Errors: the reader's.
func Replay(in io.Reader, limits plausible.Limits, take func(Judged)) error {
	judges, last := map[int]*plausible.Judge{}, map[int]wire.Reading{}
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		text := lines.Bytes()
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		r, err := wire.ParseReading(roomName, text, time.Time{}, nil)
		if err == nil && r.ArrivalTime {
			err = fmt.Errorf("the first field is no time in Unix milliseconds")
		}
		if err != nil {
			take(Judged{Line: n, Fault: err.Error()})
			continue
		}
		j := judges[r.Sensor]
		if j == nil {
			j = &plausible.Judge{Limits: limits}
			judges[r.Sensor] = j
		}
		doubt := j.Doubt(r.At, plausible.Said{Celsius: r.Celsius, Humidity: r.Humidity, HasHumidity: r.HasHumidity}, near(last, r))
		if doubt == "" {
			last[r.Sensor] = r
		}
		take(Judged{Line: n, Reading: r, Doubt: doubt})
	}
	return lines.Err()
}

// near are the other sensors' last believed readings at about the same time.
func near(last map[int]wire.Reading, r wire.Reading) []plausible.Neighbour {
	var out []plausible.Neighbour
	for id, other := range last {
		if id != r.Sensor && r.At.Sub(other.At).Abs() <= neighbourAge {
			out = append(out, plausible.Neighbour{Sensor: id, Celsius: other.Celsius})
		}
	}
	slices.SortFunc(out, func(a, b plausible.Neighbour) int { return a.Sensor - b.Sensor })
	return out
}
