package workflows

import (
	"cmp"
	"slices"

	"github.com/overcloud/overcloud/internal/spec"
)

// Drain is a box whose availability a person has set beside the specification.
type Drain struct {
	Box          string `json:"box"`
	Availability string `json:"availability"` // spec.AvailabilityDrain, or spec.AvailabilityActive over a file that drains it
}

// drained is a specification with the availabilities that people have set.
func drained(service spec.Service, drains []Drain) spec.Service {
	service.Boxes = slices.Clone(service.Boxes)
	for i, box := range service.Boxes {
		for _, drain := range drains {
			if drain.Box == box.Name {
				service.Boxes[i].Availability = drain.Availability
			}
		}
	}
	return service
}

// stays are the drains that hold for a new file of the specification: those of boxes that it has, and of which it
// says nothing itself.
func stays(drains []Drain, file spec.Service) []Drain {
	var all []Drain
	for _, drain := range drains {
		silent := func(box spec.Box) bool { return box.Name == drain.Box && box.Availability == "" }
		if slices.ContainsFunc(file.Boxes, silent) {
			all = append(all, drain)
		}
	}
	return all
}

// setDrain is the drains with one box drained or taken into use again.
func setDrain(drains []Drain, file spec.Service, request DrainRequest) []Drain {
	drains = slices.DeleteFunc(slices.Clone(drains), func(d Drain) bool { return d.Box == request.Box })
	wanted, said := spec.AvailabilityDrain, spec.AvailabilityActive
	if request.Active {
		wanted = spec.AvailabilityActive
	}
	for _, box := range file.Boxes {
		if box.Name == request.Box {
			said = cmp.Or(box.Availability, said)
		}
	}
	if wanted != said {
		drains = append(drains, Drain{Box: request.Box, Availability: wanted})
		slices.SortFunc(drains, func(a, b Drain) int { return cmp.Compare(a.Box, b.Box) })
	}
	return drains
}

// Adopt is the specification that an apply of a file makes of a running service: what people and tunings have set
// since stays as far as the file leaves it open. A drained box stays drained unless the file says something of its
// availability; a function that is tuned keeps its replicas when they are within the file's bounds.
func Adopt(file spec.Service, running Running) spec.Service {
	return drained(tunedAs(file, running.Service), stays(running.Drains, file))
}

// tunedAs is the file with the replicas that tunings have set, within its bounds.
func tunedAs(file, running spec.Service) spec.Service {
	file.Functions = slices.Clone(file.Functions)
	for i, wanted := range file.Functions {
		if wanted.Tune == nil {
			continue
		}
		for _, has := range running.Functions {
			if has.Name == wanted.Name && has.Tune != nil && has.Replicas >= wanted.Tune.Least && has.Replicas <= wanted.Tune.Most {
				file.Functions[i].Replicas = has.Replicas
			}
		}
	}
	return file
}
