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

// Changes counts what applying the plan would alter: containers that are created, replaced or removed.
func (p Plan) Changes() int {
	n := len(p.Removals)
	for _, one := range p.Placements {
		if one.Action != ActionKeep {
			n++
		}
	}
	return n
}

// String is the plan for people: where each function goes and why, each step with its reason, and why not
// elsewhere. It holds no value of any environment variable.
func (p Plan) String() string {
	var b page
	b.put("plan %s %s: %s\n", p.Service, p.Hash, p.summary())
	p.writeFunctions(&b)
	p.writeSteps(&b)
	p.writeNotChosen(&b)
	return b.String()
}

func (p Plan) summary() string {
	count := map[string]int{}
	for _, one := range p.Placements {
		count[one.Action]++
	}
	return fmt.Sprintf("%d to create, %d to replace, %d to keep, %d to remove",
		count[ActionCreate], count[ActionReplace], count[ActionKeep], len(p.Removals))
}

func (p Plan) writeFunctions(b *page) {
	b.WriteString("functions\n")
	why := make(map[replicaKey]Choice, len(p.Placements))
	for _, c := range p.Choices {
		if c.Chosen {
			why[replicaKey{c.Function, c.Replica}] = c
		}
	}
	for _, one := range p.Placements {
		b.put("  %s %d on %s: %s, %s\n", one.Function, one.Replica, one.Box, one.Image,
			scoreText(why[replicaKey{one.Function, one.Replica}]))
	}
}

func (p Plan) writeSteps(b *page) {
	b.WriteString("steps\n")
	for _, r := range p.Removals {
		if r.First {
			b.put("  remove %s on %s, before the rest because it holds a port: %s\n", r.Container, r.Box, r.Cause)
		}
	}
	for _, pull := range p.Pulls {
		step, cause := "pull", "not there, "+bytesText(pull.SizeBytes)
		if pull.Present {
			step, cause = "verify", "is there"
		}
		b.put("  %s %s (%s) on %s: %s\n", step, pull.Image, platformText(pull.OS, pull.Arch, pull.Variant), pull.Box, cause)
	}
	for _, n := range p.Networks {
		b.put("  network %s on %s\n", n.Name, n.Box)
	}
	for _, v := range p.Volumes {
		b.put("  volume %s on %s\n", v.Name, v.Box)
	}
	for i, level := range p.Levels {
		for _, one := range p.Placements {
			if _, in := slices.BinarySearch(level.Functions, one.Function); in {
				b.put("  %s %s on %s (level %d%s): %s\n", one.Action, one.Container, one.Box, i+1, portsText(one), one.Cause)
			}
		}
	}
	for _, probe := range p.Probes {
		b.put("  probe %s from %s %d on %s: consumes %s\n", probe.Address, probe.Consumer, probe.Replica, probe.Box, probe.Provider)
	}
	for _, r := range p.Removals {
		if !r.First {
			b.put("  remove %s on %s: %s\n", r.Container, r.Box, r.Cause)
		}
	}
}

func (p Plan) writeNotChosen(b *page) {
	b.WriteString("not chosen\n")
	for _, c := range p.Choices {
		if !c.Chosen {
			b.put("  %s %d on %s: %s\n", c.Function, c.Replica, c.Box, p.refusal(c))
		}
	}
}

// refusal is why a choice was not made: the reasons, or the better score.
func (p Plan) refusal(c Choice) string {
	if len(c.Reasons) > 0 {
		return strings.Join(c.Reasons, "; ")
	}
	for _, other := range p.Choices {
		if !other.Chosen || other.Function != c.Function || other.Replica != c.Replica {
			continue
		}
		if other.Score > c.Score {
			return fmt.Sprintf("%s, less than %s on %s", scoreText(c), number(other.Score), other.Box)
		}
		if other.Score == c.Score {
			return fmt.Sprintf("%s, as on %s, which comes first by name", scoreText(c), other.Box)
		}
		return fmt.Sprintf("%s, but those that go with it do better on %s", scoreText(c), other.Box)
	}
	return scoreText(c)
}

// WhyNot says why a function is not on a box, or why it is there; one sentence for each replica.
func (p Plan) WhyNot(function, box string) string {
	var lines []string
	for _, c := range p.Choices {
		if c.Function != function || c.Box != box {
			continue
		}
		text := p.refusal(c)
		if c.Chosen {
			text = "it is there, " + scoreText(c)
		}
		lines = append(lines, fmt.Sprintf("%s %d on %s: %s", function, c.Replica, box, text))
	}
	if len(lines) == 0 {
		return fmt.Sprintf("the plan says nothing about %s on %s: no such function or box, or the plan is too large to explain every box", function, box)
	}
	return strings.Join(lines, "\n")
}

func scoreText(c Choice) string {
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
func portsText(p Placement) string {
	var b page
	for _, port := range p.Ports {
		b.put(", port %d -> %d/%s", port.Host, port.Container, protocolOf(port))
	}
	return b.String()
}
