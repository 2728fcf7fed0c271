package history

import (
	"slices"
	"strings"
)

// Column is one column of an export.
type Column struct {
	Name string
	Kind Kind
	// Tag says that it is a tag, not a field. A tag that is a whole number has Kind Int.
	Tag bool
}

// Table is what one measurement looks like in a file: the time, then its columns.
type Table struct {
	What        string // as people ask for it
	Measurement string
	Columns     []Column
	// Event says that it is kept as it is; else it has minutes and hours.
	Event bool
	// ByBox says that its things are boxes, not rooms.
	ByBox bool
}

// Tables are all that can be exported.
func Tables() []Table {
	room, ac, box := tag("room"), tag("ac"), tag("box")
	return []Table{
		{What: "temp", Measurement: "temp", Columns: columns(room, Column{"sensor", Int, true}, tag(tagQuality),
			numbers("temperature", "humidity"), text("reason"), truth("arrival_time"), truth("unsynchronised"))},
		{What: "power", Measurement: "power", Columns: columns(room, ac, numbers("watts"), truth("simulated"))},
		{What: "resource", Measurement: "resource", ByBox: true, Columns: columns(box, numbers("uptime_s", "load1", "cpu_percent",
			"cpu_user_percent", "cpu_system_percent", "cpu_idle_percent", "mem_total_bytes", "mem_available_bytes"), text("ip"), text("source"))},
		{What: "disk", Measurement: "disk", ByBox: true, Columns: columns(box, tag("disk"), numbers("used_percent"))},
		{What: "interface", Measurement: "interface", ByBox: true, Columns: columns(box, tag("interface"),
			numbers("in_bytes_s", "out_bytes_s", "in_errors_s", "out_errors_s", "in_discards_s", "out_discards_s"))},
		{What: "commands", Measurement: "command", Event: true, Columns: columns(room, ac, whole("setpoint"), truth("power"),
			whole("revision"), truth("emergency"), text("reason"), text("id"))},
		{What: "acks", Measurement: "ack", Event: true, Columns: columns(room, ac, tag("state"), whole("setpoint"), truth("power"),
			whole("revision"), text("source"), text("evidence"), truth("simulated"), text("id"))},
		{What: "alerts", Measurement: "alert", Event: true, Columns: columns(room, tag("kind"), tag("severity"), tag("alert"),
			truth("active"), text("evidence"), text("source"))},
		{What: "answers", Measurement: "answer", Event: true, Columns: columns(room, tag("kind"), tag("alert"), text("who"),
			text("why"), whole("until"))},
	}
}

func tag(name string) Column   { return Column{name, Text, true} }
func text(name string) Column  { return Column{name, Text, false} }
func truth(name string) Column { return Column{name, Bool, false} }
func whole(name string) Column { return Column{name, Int, false} }

func numbers(names ...string) []Column {
	var all []Column
	for _, name := range names {
		all = append(all, Column{name, Float, false})
	}
	return all
}

func columns(parts ...any) []Column {
	var all []Column
	for _, part := range parts {
		switch p := part.(type) {
		case Column:
			all = append(all, p)
		case []Column:
			all = append(all, p...)
		}
	}
	return all
}

// Whats are the names of all tables.
func Whats() []string {
	var all []string
	for _, table := range Tables() {
		all = append(all, table.What)
	}
	return all
}

// TableOf finds a table by what people ask for. Errors: ErrInvalid, with those that there are.
func TableOf(what string) (Table, error) {
	for _, table := range Tables() {
		if table.What == what {
			return table, nil
		}
	}
	return Table{}, invalid("there is no %q to export (there are %s)", what, strings.Join(Whats(), ", "))
}

// At is the table of a tier: of minutes and hours it has a mean, a minimum, a maximum and a count of each number.
// Errors: ErrInvalid for events, which have none.
func (t Table) At(tier Tier) (Table, error) {
	if tier == Raw {
		return t, nil
	}
	if t.Event {
		return t, invalid("%s have no means: they are exported as they are (raw)", t.What)
	}
	var all []Column
	rolled := t.rolled()
	for _, c := range t.Columns {
		switch {
		case c.Tag && c.Name != tagQuality:
			all = append(all, c)
		case slices.Contains(rolled, c.Name):
			for _, part := range []string{PartMean, PartMin, PartMax} {
				all = append(all, Column{c.Name + "_" + part, Float, false})
			}
			all = append(all, whole(c.Name+"_"+PartCount))
		}
	}
	t.Columns = all
	return t, nil
}

// rolled are the fields that have windows.
func (t Table) rolled() []string {
	for _, source := range Sources() {
		if source.Measurement == t.Measurement {
			return source.Fields
		}
	}
	return nil
}

// fields are the columns that are fields.
func (t Table) fields() []string {
	var all []string
	for _, c := range t.Columns {
		if !c.Tag {
			all = append(all, c.Name)
		}
	}
	return all
}
