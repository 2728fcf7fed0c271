package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// page is text that grows. Its put is not fmt.Fprintf because the plan is made inside a workflow, and the
// checker of workflows takes writing to anything for input and output.
type page struct{ strings.Builder }

func (p *page) put(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.WriteString(text)
}

// Changes counts what applying the plan would alter: containers that are created, replaced, started or removed.
// What is held on a box that does not answer is not touched.
func (p Plan) Changes() int {
	n := len(p.Removals)
	for i := range p.Placements {
		if action := p.Placements[i].Action; action != ActionKeep && action != ActionHold {
			n++
		}
	}
	return n
}

// String is the plan for people: each step with its reason, and then every function on every box, with the score
// or all the reasons against it. It holds no value of any environment variable.
func (p Plan) String() string { return p.Text(nil) }

// Text is String with every word of a tone passed through paint, which may add colour.
func (p Plan) Text(paint Paint) string {
	if paint == nil {
		paint = func(_ Tone, text string) string { return text }
	}
	var b page
	b.put("plan %s %s: %s\n", p.Service, p.Hash, p.summary())
	p.writeSteps(&b, paint)
	p.writeMatrix(&b, paint)
	return b.String()
}

// Tone is what a piece of a plan's text means to a person.
type Tone int

// The tones.
const (
	ToneGood  Tone = iota + 1 // chosen, kept
	ToneBad                   // refused, removed
	ToneNew                   // created, replaced, started
	ToneFaint                 // possible, but not chosen
)

// Paint gives a piece of text the look of its tone.
type Paint func(tone Tone, text string) string

func (p Plan) summary() string {
	count := map[string]int{}
	for i := range p.Placements {
		count[p.Placements[i].Action]++
	}
	text := fmt.Sprintf("%d to create, %d to replace, %d to keep, %d to remove",
		count[ActionCreate], count[ActionReplace], count[ActionKeep], len(p.Removals))
	if n := count[ActionStart]; n > 0 {
		text += fmt.Sprintf(", %d to start again", n)
	}
	if n := count[ActionHold]; n > 0 {
		text += fmt.Sprintf(", %d held on boxes that do not answer", n)
	}
	return text
}

func (p Plan) writeSteps(b *page, paint Paint) {
	b.WriteString("steps\n")
	for _, r := range p.Removals {
		if r.First {
			b.put("  %s %s on %s, before the rest because it holds a port: %s\n", paint(ToneBad, "remove"), r.Container, r.Box, r.Cause)
		}
	}
	for _, pull := range p.Pulls {
		step, cause := paint(ToneNew, "pull"), "not there, "+bytesText(pull.SizeBytes)
		if pull.Present {
			step, cause = paint(ToneGood, "verify"), "is there"
		}
		b.put("  %s %s (%s) on %s: %s\n", step, pull.Image, platformText(pull.OS, pull.Arch, pull.Variant), pull.Box, cause)
	}
	for _, n := range p.Networks {
		if n.Box == "" {
			b.put("  overlay network %s\n", n.Name)
		} else {
			b.put("  network %s on %s\n", n.Name, n.Box)
		}
	}
	for _, v := range p.Volumes {
		b.put("  volume %s on %s\n", v.Name, v.Box)
	}
	p.writeStarts(b, paint)
	for _, probe := range p.Probes {
		b.put("  probe %s from %s %d on %s: consumes %s\n", probe.Address, probe.Consumer, probe.Replica, probe.Box, probe.Provider)
	}
	for _, r := range p.Removals {
		if !r.First {
			b.put("  %s %s on %s: %s\n", paint(ToneBad, "remove"), r.Container, r.Box, r.Cause)
		}
	}
}

func (p Plan) writeStarts(b *page, paint Paint) {
	for i, level := range p.Levels {
		for j := range p.Placements {
			one := &p.Placements[j]
			if _, in := slices.BinarySearch(level.Functions, one.Function); !in {
				continue
			}
			b.put("  %s %s on %s (level %d%s): %s\n", paint(toneOf(one.Action), one.Action), one.Container, one.Box, i+1, portsText(one), one.Cause)
			for _, f := range one.Forwards {
				b.put("    forwards %s to %s\n", f.Listen, f.To)
			}
		}
	}
}

func toneOf(action string) Tone {
	switch action {
	case ActionKeep:
		return ToneGood
	case ActionHold:
		return ToneFaint
	}
	return ToneNew
}

// refusal is why a choice was not made: the reasons, or the better score of the one that was.
func refusal(c, chosen *Choice) string {
	switch {
	case len(c.Reasons) > 0:
		return strings.Join(c.Reasons, "; ")
	case chosen == nil:
		return scoreText(c)
	case chosen.Score > c.Score:
		return fmt.Sprintf("%s, less than %s on %s", scoreText(c), number(chosen.Score), chosen.Box)
	case chosen.Score == c.Score:
		return fmt.Sprintf("%s, as on %s, which comes first by name", scoreText(c), chosen.Box)
	}
	return fmt.Sprintf("%s, but those that go with it do better on %s", scoreText(c), chosen.Box)
}

// WhyNot says why a function is not on a box, or why it is there; one sentence for each replica.
func (p Plan) WhyNot(function, box string) string {
	var lines []string
	for _, row := range p.Matrix() {
		if row.Function != function {
			continue
		}
		for _, cell := range row.Cells {
			if cell.Box == box {
				lines = append(lines, fmt.Sprintf("%s %d on %s: %s", function, row.Replica, box, cell.Text))
			}
		}
	}
	if len(lines) == 0 {
		return fmt.Sprintf("the plan says nothing about %s on %s: no such function or box, or the plan is too large to explain every box", function, box)
	}
	return strings.Join(lines, "\n")
}

func scoreText(c *Choice) string {
	parts := make([]string, 0, len(c.Parts))
	for _, part := range c.Parts {
		parts = append(parts, part.Name+" "+number(part.Value))
	}
	text := "score " + number(c.Score)
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// number has at most two decimals.
func number(v float64) string {
	text := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// portsText lists host -> container of the published ports.
func portsText(p *Placement) string {
	var b page
	for _, port := range p.Ports {
		b.put(", port %d -> %d/%s", port.Host, port.Container, protocolOf(port))
	}
	return b.String()
}
