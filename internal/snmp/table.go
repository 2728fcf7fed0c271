package snmp

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/gosnmp/gosnmp"
)

// column is one column of a table that is walked, with what came so far.
type column struct {
	oid  string
	last string // OID of the last row; the column's own before the first
	done bool
	rows map[string]gosnmp.SnmpPDU // by index
}

// The bounds of a walk. An answer of 54 values of counters and short names, 24 bytes each, fits into an Ethernet frame
// of 1,500: a longer one would be cut into fragments, which firewalls drop.
const (
	mostValues = 54
	mostRows   = 2048 // in one column; an agent that never ends is not believed
	mostAsks   = 4096 // for one walk
	mostText   = 256  // bytes of a text; names are half as long
	firstRows  = 10   // asked for before anything is known
)

// walk reads columns together, row by row, until each has ended. A column ends where the agent leaves it, says that
// nothing more comes, goes back, or stands still. Columns that the agent does not have are empty.
func (s *Session) walk(ctx context.Context, oids ...string) ([]*column, error) {
	columns := make([]*column, len(oids))
	for i, oid := range oids {
		columns[i] = &column{oid: oid, last: oid, rows: map[string]gosnmp.SnmpPDU{}}
	}
	parallel := len(columns) // how many of them are asked for at once
	for range mostAsks {
		active := going(columns)
		if len(active) == 0 {
			break
		}
		active = active[:min(len(active), parallel)]
		rows := s.rows(oids[0], len(active))
		answer, err := s.bulk(ctx, active, rows)
		if err != nil {
			return nil, err
		}
		switch {
		case answer.Error == gosnmp.NoError:
			take(active, answer.Variables)
		case answer.Error == gosnmp.TooBig && rows*len(active) > 1:
			s.learned.values = rows * len(active) / 2
			parallel = min(parallel, s.learned.values)
		case int(answer.ErrorIndex) >= 1 && int(answer.ErrorIndex) <= len(active):
			active[answer.ErrorIndex-1].done = true // noSuchName: v1's word for the end; genErr: it cannot say more
		case len(active) > 1:
			parallel = len(active) / 2 // the agent does not say which of them it means
		default:
			active[0].done = true
		}
	}
	longest := 0
	for _, c := range columns {
		longest = max(longest, len(c.rows))
	}
	if s.learned.rows == nil {
		s.learned.rows = map[string]int{}
	}
	s.learned.rows[oids[0]] = longest
	return columns, nil
}

func (s *Session) bulk(ctx context.Context, active []*column, rows int) (*gosnmp.SnmpPacket, error) {
	from := make([]string, len(active))
	for i, c := range active {
		from[i] = c.last
	}
	return s.ask(ctx, func(c *gosnmp.GoSNMP) (*gosnmp.SnmpPacket, error) { return c.GetBulk(from, 0, uint32(rows)) })
}

// rows is how many rows to ask for: one more than came the last time shows the end of the table in the same answer.
func (s *Session) rows(walk string, columns int) int {
	wanted, most := firstRows, mostValues
	if last, walked := s.learned.rows[walk]; walked {
		wanted = last + 1
	}
	if s.learned.values > 0 {
		most = s.learned.values
	}
	if set := s.target.MaxRepetitions; set > 0 && s.learned.values == 0 {
		return min(wanted, set)
	}
	return max(1, min(wanted, most/columns))
}

func going(columns []*column) []*column {
	var out []*column
	for _, c := range columns {
		if !c.done {
			out = append(out, c)
		}
	}
	return out
}

// take puts an answer's values into their columns: the first of each column, then the second of each, and so on. An
// answer may be cut off anywhere.
func take(active []*column, variables []gosnmp.SnmpPDU) {
	moved := make([]bool, len(active))
	for i, v := range variables {
		c := active[i%len(active)]
		if c.done {
			continue
		}
		index, inside := strings.CutPrefix(v.Name, c.oid+".")
		switch {
		case !inside, v.Type == gosnmp.EndOfMibView, v.Type == gosnmp.NoSuchObject, v.Type == gosnmp.NoSuchInstance,
			compare(v.Name, c.last) <= 0, len(c.rows) >= mostRows:
			c.done = true
		default:
			c.rows[index], c.last, moved[i%len(active)] = kept(v), v.Name, true
		}
	}
	for i, c := range active {
		if !moved[i] && i < max(1, len(variables)) {
			c.done = true // a column that the answer reached and that did not move; cut off before it is no end
		}
	}
}

// kept is a value that does not hold on to the packet that it came in. A text that is no name is not kept.
func kept(v gosnmp.SnmpPDU) gosnmp.SnmpPDU {
	if text, ok := v.Value.([]byte); ok {
		if v.Value = nil; len(text) <= mostText {
			v.Value = bytes.Clone(text)
		}
	}
	return v
}

// indices are the rows of a column in the agent's order.
func (c *column) indices() []string {
	out := make([]string, 0, len(c.rows))
	for index := range c.rows {
		out = append(out, index)
	}
	slices.SortFunc(out, compare)
	return out
}

// compare orders OIDs as agents do: number by number, and a prefix before what it begins. It takes them with or
// without the first dot.
func compare(a, b string) int {
	a, b = strings.TrimPrefix(a, "."), strings.TrimPrefix(b, ".")
	for a != "" && b != "" {
		x, restA := head(a)
		y, restB := head(b)
		if x != y {
			if x < y {
				return -1
			}
			return 1
		}
		a, b = restA, restB
	}
	return len(a) - len(b)
}

func head(oid string) (n uint64, rest string) {
	for i := range len(oid) {
		if oid[i] == '.' {
			return n, oid[i+1:]
		}
		n = 10*n + uint64(oid[i]-'0')
	}
	return n, ""
}
