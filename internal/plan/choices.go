package plan

import (
	"cmp"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// mostChoices bounds how many choices a plan holds; a larger one keeps only the first of the chosen ones, so that
// a plan for a thousand boxes still fits into a workflow's history. Explain tells the others when asked.
const mostChoices = 2000

// choices explains every box for every replica, by function, replica and box.
func choices(out outcome) []Choice {
	var all []Choice
	chosen := make(map[replicaKey]string, len(out.chosen))
	for i := range out.chosen {
		chosen[out.chosen[i].key()] = out.chosen[i].box.Name
	}
	for _, one := range out.held {
		chosen[one.key()] = one.box.Name
	}
	explained := map[replicaKey]bool{}
	for _, verdicts := range out.verdicts {
		for _, v := range verdicts {
			for i := range v.picks {
				p := &v.picks[i]
				explained[p.key()] = true
				all = append(all, choiceOf(p, chosen[p.key()] == v.box.Name))
			}
		}
	}
	for i := range out.chosen {
		if p := &out.chosen[i]; len(all) < mostChoices && !explained[p.key()] {
			all = append(all, choiceOf(p, true))
		}
	}
	for _, one := range out.held {
		if len(all) < mostChoices && !explained[one.key()] {
			all = append(all, Choice{Function: one.function.Name, Replica: one.replica, Box: one.box.Name, Chosen: true})
		}
	}
	slices.SortFunc(all, func(a, b Choice) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Replica, b.Replica), cmp.Compare(a.Box, b.Box))
	})
	return all
}

func choiceOf(p *pick, chosen bool) Choice {
	return Choice{
		Function: p.function.Name, Replica: p.replica, Box: p.box.Name, Chosen: chosen,
		Score: p.score.float(), Parts: p.parts, Reasons: p.reasons,
	}
}

// Explain says of one function on one box why it is not there, or why it is: one sentence for each replica, as
// Plan.WhyNot, and also for a plan that is too large to hold every reason. It makes the plan again.
//
// Errors: those of Make, but none for functions that fit nowhere: that is part of the answer.
func Explain(service spec.Service, observed Observed, function, box string) (string, error) {
	service, observed.Explain = sorted(service), function
	m, err := newMatcher(service, observed)
	if err != nil {
		return "", err
	}
	m.explain, m.scanner = false, newScanner(m)
	out := m.place(m.units())
	for _, f := range out.failed {
		if f.verdicts == nil && m.explains(f.unit) {
			f.verdicts = m.judgeAll(f.unit)
		}
		out.verdicts = append(out.verdicts, f.verdicts)
	}
	p := Plan{Choices: choices(out)}
	return p.WhyNot(function, box), nil
}
