package plan

import "github.com/overcloud/overcloud/internal/spec"

// MakePlain is Make by judging every box for every unit: the oracle of the quick way.
var (
	MakePlain = func(s spec.Service, o Observed) (Plan, error) { return makePlan(s, o, byJudging) }
	MakeQuick = func(s spec.Service, o Observed) (Plan, error) { return makePlan(s, o, byScanning) }
)
