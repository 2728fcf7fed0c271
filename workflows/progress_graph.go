package workflows

import (
	"slices"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// The edges of the steps' graph: observe and resolve -> plan -> pull -> network and volume -> start, in the order of
// depends_on and consumes -> probe -> remove; an approval stands before what it holds back.

// afterMost bounds the edges of one step where they are a product (each replica of a consumer after each of its
// provider, each removal after each probe): 100 x 100 of them would be longer than all that a step says.
const afterMost = 16

func bounded(ids []string) []string { return ids[:min(len(ids), afterMost)] }

// placeFirst is what a pull comes after. A step that is named here and was not needed (an approval that came early)
// is in no graph.
func placeFirst(approvals []string) []string {
	if slices.Contains(approvals, "place") {
		return []string{"plan", "approval/place"}
	}
	return []string{"plan"}
}

// stitchFirst is what everything of a stitch comes after, beside the plan's own order; nil when nobody is asked.
func (s *stitch) stitchFirst() []string {
	if slices.Contains(s.in.Service.Approvals, "stitch") {
		return []string{"approval/stitch"}
	}
	return nil
}

// startAfter are the steps before the start of a placement.
func (s *stitch) startAfter(placement plan.Placement) []string {
	after := s.stitchFirst()
	for _, image := range s.in.Plan.Pulls {
		if image.Box == placement.Box && image.Digest == placement.Digest {
			after = append(after, pullID(image))
		}
	}
	for _, network := range s.in.Plan.Networks {
		if network.Box == placement.Box && slices.Contains(placement.Networks, network.Name) {
			after = append(after, "network/"+network.Box+"/"+network.Name)
		}
	}
	for _, volume := range s.in.Plan.Volumes {
		mounted := func(m spec.Mount) bool { return m.Source == volume.Name }
		if volume.Box == placement.Box && slices.ContainsFunc(placement.Mounts, mounted) {
			after = append(after, "volume/"+volume.Box+"/"+volume.Name)
		}
	}
	if slices.Contains(s.in.Service.Approvals, "start/"+placement.Function) {
		after = append(after, "approval/start/"+placement.Function)
	}
	for _, gone := range s.in.Plan.Removals {
		if gone.First && gone.Box == placement.Box {
			after = append(after, removeID(gone))
		}
	}
	wanted := function(s.in.Service, placement.Function)
	var before []string
	for _, dependency := range wanted.DependsOn {
		before = append(before, dependency.Function)
	}
	for _, edge := range wanted.Consumes {
		before = append(before, edge.Function)
	}
	var starts []string
	for _, other := range s.in.Plan.Placements {
		if other.Function != placement.Function && slices.Contains(before, other.Function) {
			starts = append(starts, startID(other))
		}
	}
	return append(after, bounded(starts)...)
}

// probeAfter are the starts of both ends of a connection.
func (s *stitch) probeAfter(link plan.Probe) []string {
	after := []string{startID(plan.Placement{Function: link.Consumer, Replica: link.Replica})}
	for _, placement := range s.in.Plan.Placements {
		if placement.Function == link.Provider {
			after = append(after, startID(placement))
		}
	}
	return bounded(after)
}

// removeAfter are all connections, or all starts when there is none to prove; what has to go first waits for nothing.
func (s *stitch) removeAfter(gone plan.Removal) []string {
	if gone.First {
		return s.stitchFirst()
	}
	var after []string
	for _, link := range s.in.Plan.Probes {
		after = append(after, probeID(link))
	}
	for _, placement := range s.in.Plan.Placements {
		if len(s.in.Plan.Probes) == 0 {
			after = append(after, startID(placement))
		}
	}
	return bounded(after)
}
