package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Three ways to the same plan on random worlds in which everything that the plan looks at occurs: judging every
// box for every unit, scanning, and what Make does.
func TestScanningFindsWhatJudgingEveryBoxFinds(t *testing.T) {
	planned, held, moved, refused := 0, 0, 0, 0
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 2))
		s, o := richWorld(r)
		want, err := plan.MakePlain(s, o)
		got, errQuick := plan.MakeQuick(shuffled(r, s), shuffledRich(r, o))
		made, errMade := plan.Make(s, o)
		if err != nil {
			refused++
			require.ErrorIs(t, err, plan.ErrNoBox, "seed %d", seed)
			require.EqualError(t, errQuick, err.Error(), "seed %d", seed)
			require.EqualError(t, errMade, err.Error(), "seed %d", seed)
			continue
		}
		require.NoError(t, errQuick, "seed %d", seed)
		require.NoError(t, errMade, "seed %d", seed)
		require.Equal(t, want, made, "seed %d", seed)
		checkChosen(t, seed, want, got)
		want.Choices, got.Choices = nil, nil
		require.Equal(t, want, got, "seed %d", seed)
		planned++
		for _, one := range want.Placements {
			if one.Action == plan.ActionHold {
				held++
			}
			if one.Action == plan.ActionCreate && one.Cause != "not there" {
				moved++
			}
		}
	}
	t.Logf("%d planned, %d refused, %d held, %d moved", planned, refused, held, moved)
	require.Greater(t, planned, cases/4, "too few plans to mean anything")
	require.Greater(t, refused, cases/8, "refusals are compared, too")
	require.Greater(t, held, cases/8)
	require.Greater(t, moved, cases/8)
}

// checkChosen compares the scores of what was chosen: the parts must be the same, not only the box.
func checkChosen(t *testing.T, seed uint64, want, got plan.Plan) {
	t.Helper()
	chosen := map[string]plan.Choice{}
	for _, c := range want.Choices {
		if c.Chosen {
			c.Reasons = nil
			chosen[fmt.Sprint(c.Function, c.Replica)] = c
		}
	}
	found := 0
	for _, c := range got.Choices {
		if !c.Chosen { // of what fits nowhere both tell every box
			continue
		}
		found++
		c.Reasons = nil
		require.Equal(t, chosen[fmt.Sprint(c.Function, c.Replica)], c, "seed %d", seed)
	}
	require.Len(t, chosen, found, "seed %d", seed)
}

// richWorld adds to the random world what makes plans differ: labels, candidates, volumes, versions, drained and
// lost boxes, what ran before, swarms.
func richWorld(r *rand.Rand) (spec.Service, plan.Observed) {
	s := randomService(r)
	for i := range 2 + r.IntN(6) {
		s.Boxes = append(s.Boxes, spec.Box{Name: fmt.Sprintf("more-%d", i), Address: fmt.Sprintf("10.0.1.%d", i), Labels: map[string]string{"zone": fmt.Sprint(r.IntN(3)), "rack": fmt.Sprint(r.IntN(2))}})
	}
	if r.IntN(4) == 0 {
		s.Orchestrator = spec.OrchestratorSwarm
	}
	s.Schedule = spec.Duration(r.IntN(2))
	s.Lost = spec.Lost{Return: []string{"", spec.ReturnOriginal}[r.IntN(2)], Volumes: []string{"", spec.VolumesMove}[r.IntN(2)]}
	for i := range s.Boxes {
		if r.IntN(12) == 0 {
			s.Boxes[i].Availability = spec.AvailabilityDrain
		}
	}
	for i := range s.Functions {
		enrich(r, &s.Functions[i])
	}
	if r.IntN(2) == 0 { // many alike
		like := s.Functions[len(s.Functions)-1]
		for i := range 3 + r.IntN(12) {
			like.Name, like.Ports, like.Mounts, like.Spread, like.Replicas = fmt.Sprintf("like-%d", i), nil, nil, nil, 1+i%3
			like.Consumes, like.DependsOn, like.DataIO, like.Environment = nil, nil, false, nil
			like.Resources = spec.Resources{CPUs: 0.1}
			s.Functions = append(s.Functions, like)
		}
	}
	o := randomWorld(r, s)
	for i := range o.Boxes {
		o.Boxes[i].CPUs, o.Boxes[i].MemoryBytes = 3*o.Boxes[i].CPUs, 2*o.Boxes[i].MemoryBytes
		o.Boxes[i].EngineVersion = []string{"20.10.24+dfsg1", "24.0.5", "27.3.1"}[r.IntN(3)]
		if r.IntN(2) == 0 {
			o.Boxes[i].Volumes = []string{fmt.Sprintf("v%d", r.IntN(4))}
		}
		if r.IntN(2) == 0 {
			o.Boxes[i].Images = []string{fmt.Sprintf("sha256:%damd64", r.IntN(3)), fmt.Sprintf("sha256:i%d", r.IntN(3))}
		}
	}
	o.Rebalance = r.IntN(3) == 0
	remember(r, s, &o)
	return s, o
}

func enrich(r *rand.Rand, f *spec.Function) {
	f.Replicas = 1 + r.IntN(4)
	some := func(n int) bool { return r.IntN(n) == 0 }
	if some(4) {
		f.Prefer = []spec.Variable{{Name: "zone", Value: "1"}, {Name: "rack"}}[:1+r.IntN(2)]
	}
	if some(4) {
		f.Avoid = []spec.Variable{{Name: "rack", Value: "0"}}
	}
	if some(3) {
		f.Spread = []string{"zone", "rack"}[:1+r.IntN(2)]
	}
	if some(6) {
		f.Engine = "24.0"
	}
	if some(5) {
		f.Candidates = []spec.Candidate{{Image: "image-2", Resources: spec.Resources{CPUs: 0.1}}, {Image: "image-0", Constraints: []spec.Constraint{{Key: "node.labels.rack", Op: "!=", Value: "1"}}}}
	}
	if some(4) {
		f.Mounts = []spec.Mount{{Kind: "volume", Source: fmt.Sprintf("v%d", r.IntN(4)), Target: "/data"}}
	}
	if some(5) {
		f.Update = &spec.Update{Order: spec.OrderStartFirst}
	}
	f.Networks = [][]string{nil, {"net"}}[r.IntN(2)]
}

// remember plans once, lets that run, and then loses boxes and leaves copies behind.
func remember(r *rand.Rand, s spec.Service, o *plan.Observed) {
	if r.IntN(3) == 0 {
		return
	}
	first, err := plan.MakePlain(s, *o)
	if err != nil {
		return
	}
	o.Before = first.Placements
	for i := range o.Boxes {
		b := &o.Boxes[i]
		if r.IntN(5) == 0 {
			b.Reachable, b.Absent = false, spec.Duration(time.Duration(r.IntN(120))*time.Second)
			b.Containers = nil
			continue
		}
		for _, one := range first.Placements {
			if one.Box == b.Name || r.IntN(12) == 0 {
				b.Containers = append(b.Containers, plan.Container{
					ID: one.Container + b.Name, Name: one.Container, Service: s.Name, Function: one.Function, Replica: one.Replica,
					SpecHash: one.SpecHash, State: []string{"running", "running", "exited"}[r.IntN(3)], Ports: one.Ports, CPUs: one.Resources.CPUs,
					Created: int64(r.IntN(100)),
				})
			}
		}
	}
}

func shuffledRich(r *rand.Rand, o plan.Observed) plan.Observed {
	o.Boxes, o.Images, o.Before = permuted(r, o.Boxes), permuted(r, o.Images), permuted(r, o.Before)
	return o
}
