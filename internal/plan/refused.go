package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostBoxesTold bounds the boxes whose reasons an error lists one by one.
const mostBoxesTold = 40

// noBox is the error for the functions that fit nowhere, with every reason of every box; of very many boxes the
// first and how often each filter refused the others.
func noBox(failed []failure) error {
	slices.SortFunc(failed, func(a, b failure) int {
		return cmp.Or(cmp.Compare(a.unit.name, b.unit.name), cmp.Compare(a.unit.members[0].replica, b.unit.members[0].replica))
	})
	var names []string
	var text page
	for i, f := range failed {
		one := unitText(f.unit)
		if i == mostFailures {
			names = append(names, fmt.Sprintf("%d more", len(failed)-i))
			break
		}
		names = append(names, one)
		text.put("\n  %s", one)
		if len(f.verdicts) == 0 {
			text.WriteString("\n    the specification declares no box")
			continue
		}
		writeRefusals(&text, f.verdicts)
	}
	return fmt.Errorf("%w for %s%s", ErrNoBox, strings.Join(names, ", "), text.String())
}

func writeRefusals(text *page, verdicts []verdict) {
	plain := func(_ Tone, words string) string { return words }
	var lines page
	for i, v := range verdicts {
		if i == mostBoxesTold {
			lines.put("    and %d more boxes: %s\n", len(verdicts)-i, countReasons(verdicts[i:]))
			break
		}
		writeCell(&lines, Cell{Reasons: unitReasons(v)}, v.box.Name, plain)
	}
	text.WriteString("\n" + strings.TrimSuffix(lines.String(), "\n"))
}

// countReasons says how often each filter refused, most often first.
func countReasons(verdicts []verdict) string {
	count := map[string]int{}
	var filters []string
	for _, v := range verdicts {
		for _, reason := range unitReasons(v) {
			filter := filterOf(reason)
			if count[filter]++; count[filter] == 1 {
				filters = append(filters, filter)
			}
		}
	}
	slices.SortFunc(filters, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	for i, filter := range filters {
		filters[i] = fmt.Sprintf("%s %d times", filter, count[filter])
	}
	return strings.Join(filters, ", ")
}

// filterOf is the filter's name in a reason: what stands before ": need", "not reachable".
func filterOf(reason string) string {
	name, _, _ := strings.Cut(reason, ": need ")
	if i := strings.LastIndex(name, ": "); i >= 0 && name != reason {
		name = name[i+2:]
	}
	if name == reason {
		name, _, _ = strings.Cut(reason, ":")
	}
	return name
}

// unitText names a unit: "kafka 1", or "influxdb 1 + sink 1 on one box".
func unitText(u *unit) string {
	names := make([]string, 0, len(u.members))
	for _, one := range u.members {
		names = append(names, fmt.Sprintf("%s %d", one.function.Name, one.replica))
	}
	text := strings.Join(names, " + ")
	if len(names) > 1 {
		text += " on one box"
	}
	return text
}

// unitReasons are the reasons of a whole unit, each once; in a group each says whose it is.
func unitReasons(v verdict) []string {
	var reasons []string
	for _, p := range v.picks {
		for _, reason := range p.reasons {
			if len(v.picks) > 1 {
				if strings.HasPrefix(reason, "one box with ") {
					continue // said by the member itself
				}
				reason = p.function.Name + ": " + reason
			}
			reasons = append(reasons, reason)
		}
	}
	return slices.Compact(reasons)
}
