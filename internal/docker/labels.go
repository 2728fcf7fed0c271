package docker

import (
	"strconv"

	"github.com/docker/docker/api/types/filters"

	"github.com/overcloud/overcloud/internal/plan"
)

// The labels on everything that we make. They are how it is found again, so they are never renamed.
const (
	LabelService  = "overcloud.service"
	LabelFunction = "overcloud.function"
	LabelReplica  = "overcloud.replica"
	LabelSpecHash = "overcloud.spec-hash"
	LabelDigest   = "overcloud.digest" // of the image's index
	LabelCPUs     = "overcloud.cpus"   // reserved
	LabelMemory   = "overcloud.memory" // reserved, bytes
	// LabelRevision is the revision of the service that made it.
	LabelRevision = "overcloud.revision"
	// LabelFolder is the folder of the box under its /run that the container has as /run/secrets.
	LabelFolder = "overcloud.folder"
	// LabelForwards names what a HelperForward does, and LabelConsumer is the ID of the container that it serves.
	LabelForwards = "overcloud.forwards"
	LabelConsumer = "overcloud.consumer"
	// LabelHelper marks containers that do something for us and go again; its value says what: HelperProbe.
	LabelHelper = "overcloud.helper"
)

// The values of LabelHelper.
const (
	HelperProbe   = "probe"   // proves connections, for a moment
	HelperForward = "forward" // passes on ports, for as long as its consumer lives
	HelperFolder  = "folder"  // is never started: files are copied through it
)

// labelBox is the engine's own label by which a process box is known.
const labelBox = "overcloud.box=process"

// labels are a placement's: the user's, then ours, which win.
func labels(service string, p plan.Placement) map[string]string {
	all := map[string]string{}
	for _, label := range p.Labels {
		all[label.Name] = label.Value
	}
	all[LabelService] = service
	all[LabelFunction] = p.Function
	all[LabelReplica] = strconv.Itoa(p.Replica)
	all[LabelSpecHash] = p.SpecHash
	all[LabelDigest] = p.Digest
	if p.Revision > 0 {
		all[LabelRevision] = strconv.Itoa(p.Revision)
	}
	all[LabelCPUs] = strconv.FormatFloat(p.Resources.CPUs, 'f', -1, 64)
	all[LabelMemory] = strconv.FormatInt(p.Resources.MemoryBytes, 10)
	return all
}

// ofService finds everything of a service.
func ofService(service string) filters.Args {
	return filters.NewArgs(filters.Arg("label", LabelService+"="+service))
}
