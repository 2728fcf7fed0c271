package agent

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// prefix begins the name of every metric of the edge.
const prefix = "overcloud_edge_"

// family is all series of one name in Prometheus' text format.
type family struct {
	name, kind, help string // kind is counter or gauge
}

// families are all metrics of the edge, in the order in which they are told. docs/edge.md lists them for people.
func families() []family {
	const counter, gauge = "counter", "gauge"
	return []family{
		{"healthy", gauge, "1 while every loop goes round"},
		{"readings_total", counter, "Readings queued, good and bad"},
		{"reading_celsius", gauge, "Last good reading, in degrees Celsius"},
		{"reading_age_seconds", gauge, "Age of the last good reading"},
		{"sensor_failed_samples", gauge, "Samples in a row without a reading"},
		{"setpoint_celsius", gauge, "Setpoint desired, sent and confirmed, in degrees Celsius; none while off or unknown"},
		{"acks_total", counter, "Acks by source and state"},
		{"infrared_frames_total", counter, "Infrared frames sent and failed"},
		{"infrared_attempts", gauge, "Tries of what is being said to a machine"},
		{"infrared_unheard", gauge, "1 while the alert infrared lasts"},
		{"infrared_unread_frames_total", counter, "Frames heard that are not of the machine's remote"},
		{"no_effect", gauge, "1 while the alert no-effect lasts"},
		{"fail_safe", gauge, "1 while the edge decides by itself"},
		{"lease_age_seconds", gauge, "Time since the last lease, or since the start when none came yet"},
		{"no_orders", gauge, "1 while nobody decides for the room"},
		{"spool_records", gauge, "Records that wait for Kafka"},
		{"spool_bytes", gauge, "Bytes on disk of a queue"},
		{"spool_max_bytes", gauge, "Most bytes of a queue"},
		{"spool_oldest_age_seconds", gauge, "Age of the oldest record that waits"},
		{"spool_dropped_total", counter, "Records dropped because a queue was full"},
		{"spool_damaged_segments_total", counter, "Damaged files of a queue that were set aside"},
		{"spool_damaged_records_total", counter, "Records lost in damaged files"},
		{"spool_refused_total", counter, "Records that Kafka refused for good"},
		{"spool_written_bytes_total", counter, "Bytes handed to the disk"},
		{"box_polls_total", counter, "Polls of a box"},
		{"box_errors_total", counter, "Polls of a box that failed"},
		{"box_poll_seconds", gauge, "Time that the last poll of a box took"},
		{"box_silent_polls", gauge, "Polls in a row without an answer"},
		{"alerts", gauge, "Alerts that last"},
		{"alerts_total", counter, "Alerts that began"},
		{"clock_trusted", gauge, "1 while the wall clock is believed"},
		{"clock_offset_seconds", gauge, "How far the clock is ahead of those who decide; none while that is unknown"},
		{"process_cpu_seconds_total", counter, "Processor time of the daemon"},
		{"process_resident_bytes", gauge, "Resident memory of the daemon"},
	}
}

// scrape is one answer to a scraper: the series of each family. The zero value is not usable; see newScrape.
type scrape map[string]*strings.Builder

// newScrape begins with what was counted.
func newScrape(counts *counters) scrape {
	s := scrape{}
	counts.each(func(name, labels string, n uint64) { s.line(name, labels, strconv.FormatUint(n, 10)) })
	return s
}

func (s scrape) line(name, labels, value string) {
	text := s[name]
	if text == nil {
		text = &strings.Builder{}
		s[name] = text
	}
	text.WriteString(prefix + name + labels + " " + value + "\n")
}

// put adds one series; labels are name and value in turns.
func (s scrape) put(name string, value float64, labels ...string) {
	s.line(name, labelled(labels...), strconv.FormatFloat(value, 'f', -1, 64))
}

// text is the whole answer: each family that has a series in one piece, its help and type before it. The format allows a
// type once for each name, and no other series between those of one name.
func (s scrape) text() []byte {
	var out []byte
	for _, f := range families() {
		if all := s[f.name]; all != nil {
			out = append(out, "# HELP "+prefix+f.name+" "+f.help+"\n# TYPE "+prefix+f.name+" "+f.kind+"\n"+all.String()...)
		}
	}
	return out
}

// labelled is {room="hall",ac="ac1"}; nothing without labels. Only what the format asks for is escaped.
func labelled(labels ...string) string {
	if len(labels) < 2 {
		return ""
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var text strings.Builder
	for i := 0; i+1 < len(labels); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		text.WriteString(open + labels[i] + `="` + escape.Replace(labels[i+1]) + `"`)
	}
	return text.String() + "}"
}

// counters are numbers that only grow, by name and labels. The zero value counts.
type counters struct {
	mu sync.Mutex
	of map[series]uint64
}

type series struct{ name, labels string }

func (c *counters) add(name string, labels ...string) {
	key := series{name, labelled(labels...)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[series]uint64{}
	}
	c.of[key]++
}

// each gives every counter, those of one name sorted by their labels.
func (c *counters) each(tell func(name, labels string, n uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range slices.SortedFunc(maps.Keys(c.of), func(a, b series) int { return strings.Compare(a.labels, b.labels) }) {
		tell(key.name, key.labels, c.of[key])
	}
}
