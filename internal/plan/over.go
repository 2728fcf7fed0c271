package plan

import (
	"strings"

	"github.com/overcloud/overcloud/internal/spec"
)

// mostOver bounds how many replicas too many count, so that an uneven spread never outweighs staying.
const mostOver = 8

// overGroups are the boxes by the values of the labels that a function is spread over. Replicas are counted for
// the first label among all boxes, for the next among the boxes with the same value of the first, and so on, as
// a Swarm does. Values of which the function fits no box by what never changes do not count; a box without the
// label has the empty value.
type overGroups struct {
	*overValues
	open  [][]bool // by label and value: some box of it fits
	count [][]int  // by label and value: the function's replicas
}

// overValues are the values of a list of labels, numbered.
type overValues struct {
	value  [][]int // by label and box: the number of the value with those of the labels before
	parent [][]int // by label and value: the number of the value of the label before
}

func (m *matcher) overGroupsOf(f *spec.Function) *overGroups {
	if g := m.over[f.Name]; g != nil {
		return g
	}
	g := &overGroups{overValues: m.overValuesOf(f.Spread)}
	one := member{function: f, replica: 1, options: m.options[f.Name]}
	for label := range f.Spread {
		value := g.value[label]
		open, count := make([]bool, len(g.parent[label])), make([]int, len(g.parent[label]))
		for i, b := range m.boxes {
			count[value[i]] += b.planned[f.Name]
			open[value[i]] = open[value[i]] || m.fitsActive(one, b)
		}
		g.open, g.count = append(g.open, open), append(g.count, count)
	}
	m.over[f.Name] = g
	return g
}

// overValuesOf numbers the values of labels; functions that are spread over the same labels share the numbers.
func (m *matcher) overValuesOf(labels []string) *overValues {
	list := strings.Join(labels, "\x00")
	if v := m.overShared[list]; v != nil {
		return v
	}
	v := &overValues{}
	above := make([]int, len(m.boxes))
	for _, label := range labels {
		type valueKey struct {
			above int
			value string
		}
		numbers := map[valueKey]int{}
		value := make([]int, len(m.boxes))
		var parent []int
		for i, b := range m.boxes {
			key := valueKey{above[i], b.Labels[label]}
			n, known := numbers[key]
			if !known {
				n = len(numbers)
				numbers[key] = n
				parent = append(parent, above[i])
			}
			value[i] = n
		}
		v.value, v.parent = append(v.value, value), append(v.parent, parent)
		above = value
	}
	m.overShared[list] = v
	return v
}

// fitsActive says whether a member fits a box by what no other placement changes, and the box is in use.
func (m *matcher) fitsActive(one member, b *boxState) bool {
	if m.scanner == nil {
		return !b.drained() && m.fitsFixed(one, b)
	}
	for _, o := range one.options {
		if m.scanner.classOf(one.function, o).score[b.index] != unfit {
			return true
		}
	}
	return false
}

// tally counts a replica in or out.
func (m *matcher) tally(p *pick, by int) {
	if g := m.over[p.function.Name]; g != nil {
		for label := range g.count {
			g.count[label][g.value[label][p.box.index]] += by
		}
	}
}

// overPoints is what the boxes of each value of a label lose because that value has more replicas of the function
// than the value with the fewest; less for each label after the first.
func (m *matcher) overPoints(f *spec.Function, label int) (byValue []points, value []int) {
	g := m.overGroupsOf(f)
	parent, count := g.parent[label], g.count[label]
	byValue = make([]points, len(count))
	fewest := make([]int, len(m.boxes)) // by parent, of which there are no more than boxes; -1: none is open
	for i := range fewest {
		fewest[i] = -1
	}
	for v, n := range count {
		if least := &fewest[parent[v]]; g.open[label][v] && (*least < 0 || n < *least) {
			*least = n
		}
	}
	weight := weightOver / points(label+1)
	for v, n := range count {
		byValue[v] = -weight * points(min(mostOver, max(0, n-max(0, fewest[parent[v]]))))
	}
	return byValue, g.value[label]
}
