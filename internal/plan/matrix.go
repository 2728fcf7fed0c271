package plan

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Row is one replica of a function against every box.
type Row struct {
	Function string `json:"function"`
	Replica  int    `json:"replica"`
	Box      string `json:"box,omitempty"`    // the chosen one; empty when none fits
	Action   string `json:"action,omitempty"` // of its placement
	Cells    []Cell `json:"cells"`            // by box
}

// Cell is one replica on one box.
type Cell struct {
	Box     string   `json:"box"`
	Chosen  bool     `json:"chosen,omitempty"`
	Score   float64  `json:"score"`
	Parts   []Part   `json:"parts,omitempty"`
	Reasons []string `json:"reasons,omitempty"` // all that speak against the box, each with need and have
	// Text is the whole cell as a sentence.
	Text string `json:"text"`
}

// Matrix is every choice by function, replica and box. A plan that is too large to explain every box has only
// the chosen ones.
func (p Plan) Matrix() []Row {
	action := make(map[replicaKey]*Placement, len(p.Placements))
	for i := range p.Placements {
		one := &p.Placements[i]
		action[replicaKey{one.Function, one.Replica}] = one
	}
	var rows []Row
	for from := 0; from < len(p.Choices); {
		first := &p.Choices[from]
		to := from
		var chosen *Choice
		for ; to < len(p.Choices) && p.Choices[to].Function == first.Function && p.Choices[to].Replica == first.Replica; to++ {
			if p.Choices[to].Chosen {
				chosen = &p.Choices[to]
			}
		}
		row := Row{Function: first.Function, Replica: first.Replica}
		placement := action[replicaKey{first.Function, first.Replica}]
		if placement != nil {
			row.Action = placement.Action
		}
		if chosen != nil {
			row.Box = chosen.Box
		}
		for i := from; i < to; i++ {
			row.Cells = append(row.Cells, cellOf(&p.Choices[i], chosen, placement))
		}
		rows = append(rows, row)
		from = to
	}
	return rows
}

func cellOf(c, chosen *Choice, placement *Placement) Cell {
	cell := Cell{Box: c.Box, Chosen: c.Chosen, Score: c.Score, Parts: c.Parts, Reasons: c.Reasons}
	switch {
	case c.Chosen && placement != nil && placement.Action == ActionHold:
		cell.Text = "held there: " + placement.Cause
	case c.Chosen:
		cell.Text = "it is there, " + scoreText(c)
	default:
		cell.Text = refusal(c, chosen)
	}
	return cell
}

// wide is how many columns the matrix may have: what a person's terminal has, without wrapping.
const wide = 100

func (p Plan) writeMatrix(b *page, paint Paint) {
	rows := p.Matrix()
	if len(rows) == 0 {
		return
	}
	writeGrid(b, rows, paint)
	b.WriteString("why\n")
	for _, row := range rows {
		b.put("  %s %d\n", row.Function, row.Replica)
		for i := 0; i < len(row.Cells); i++ {
			cell := row.Cells[i]
			boxes := []string{cell.Box}
			for ; i+1 < len(row.Cells) && row.Cells[i+1].same(cell); i++ { // equal boxes are said once
				boxes = append(boxes, row.Cells[i+1].Box)
			}
			writeCell(b, cell, strings.Join(boxes, ", "), paint)
		}
	}
}

func (c Cell) same(other Cell) bool {
	return !c.Chosen && !other.Chosen && c.Text == other.Text
}

func writeCell(b *page, cell Cell, boxes string, paint Paint) {
	tone, mark := ToneFaint, " "
	items := []string{cell.Text}
	switch {
	case cell.Chosen:
		tone, mark = ToneGood, "*"
		items[0] = strings.TrimPrefix(cell.Text, "it is there, ")
	case len(cell.Reasons) > 0:
		tone, mark, items = ToneBad, "-", cell.Reasons
	}
	line := "  " + mark + " " + boxes + ":"
	if whole := line + " " + strings.Join(items, "; "); utf8.RuneCountInString(whole) <= wide {
		b.put("%s\n", paint(tone, whole))
		return
	}
	for i, item := range items {
		if i > 0 {
			b.put("%s\n", paint(tone, line+";"))
			line = strings.Repeat(" ", 7)
		}
		for word := range strings.FieldsSeq(item) {
			if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > wide {
				b.put("%s\n", paint(tone, line))
				line = strings.Repeat(" ", 9)
			}
			line += " " + word
		}
	}
	b.put("%s\n", paint(tone, line))
}

// writeGrid is the matrix at a glance, where it fits into the width: the score, in brackets where it was chosen,
// or what refused the box (the first filter and how many more).
func writeGrid(b *page, rows []Row, paint Paint) {
	boxes := boxesOf(rows)
	cells := make([][]string, len(rows))
	widths := make([]int, len(boxes))
	for i, box := range boxes {
		widths[i] = utf8.RuneCountInString(box)
	}
	first, total := len("boxes"), 0
	for r, row := range rows {
		first = max(first, utf8.RuneCountInString(rowName(row)))
		cells[r] = make([]string, len(boxes))
		for _, cell := range row.Cells {
			i, _ := slices.BinarySearch(boxes, cell.Box)
			cells[r][i] = glance(cell, row.Action)
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[r][i]))
		}
	}
	for _, width := range widths {
		total += width + 2
	}
	if first+total+2 > wide || len(boxes) < 2 {
		return
	}
	b.WriteString("matrix\n")
	line := "  " + pad("", first)
	for i, box := range boxes {
		line += "  " + pad(box, widths[i])
	}
	b.put("%s\n", strings.TrimRight(line, " "))
	for r, row := range rows {
		b.put("  %s", pad(rowName(row), first))
		last := len(boxes) - 1
		for last >= 0 && cells[r][last] == "" {
			last--
		}
		for i, text := range cells[r][:last+1] {
			if i < last {
				text = pad(text, widths[i])
			}
			b.put("  %s", paint(toneAt(row, boxes[i]), text))
		}
		b.WriteString("\n")
	}
}

func boxesOf(rows []Row) []string {
	var boxes []string
	for _, row := range rows {
		for _, cell := range row.Cells {
			boxes = append(boxes, cell.Box)
		}
	}
	slices.Sort(boxes)
	return slices.Compact(boxes)
}

func rowName(row Row) string { return fmt.Sprintf("%s %d", row.Function, row.Replica) }

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func glance(cell Cell, action string) string {
	switch {
	case cell.Chosen && action == ActionHold:
		return "[held]"
	case cell.Chosen:
		return "[" + number(cell.Score) + "]"
	case len(cell.Reasons) == 0:
		return number(cell.Score)
	}
	text := filterOf(cell.Reasons[0])
	if len(cell.Reasons) > 1 {
		text += fmt.Sprintf(" +%d", len(cell.Reasons)-1)
	}
	return text
}

func toneAt(row Row, box string) Tone {
	for _, cell := range row.Cells {
		switch {
		case cell.Box != box:
		case cell.Chosen:
			return ToneGood
		case len(cell.Reasons) > 0:
			return ToneBad
		}
	}
	return ToneFaint
}
