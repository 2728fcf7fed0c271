package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// specHash names everything that would need a new container when it changed. The image counts by the manifest
// that the box runs: a new tag, or a new index for other platforms, restarts nothing. The replicas of a function
// are alike in a swarm, and the index stands for all platforms there.
func specHash(p Placement, swarm bool) string {
	if swarm {
		p.Manifest, p.Container, p.Replica = p.Digest, "", 0
	}
	p.Action, p.Cause, p.SpecHash, p.Image, p.Digest, p.Box, p.Order = "", "", "", "", "", "", ""
	return shortHash(p)
}

// planHash names what a plan does: where everything goes, and each step that disturbs what runs. What the world
// measures anew each time (scores, free memory, how long a box has been away) does not count, nor how much of the
// plan is done already (an image that is there, a container that need not be created or started any more), so that
// a plan that was looked at can be tried again after half of it was done.
func planHash(p Plan) string {
	type step struct {
		Action    string `json:"action"`
		Box       string `json:"box"`
		Container string `json:"container"`
		What      string `json:"what"`
	}
	content := struct {
		Service  string  `json:"service"`
		Steps    []step  `json:"steps"`
		Probes   []Probe `json:"probes"`
		Levels   []Level `json:"levels"`
		Networks []OnBox `json:"networks"`
		Volumes  []OnBox `json:"volumes"`
	}{Service: p.Service, Probes: p.Probes, Levels: p.Levels, Networks: p.Networks, Volumes: p.Volumes}
	content.Steps = make([]step, 0, len(p.Placements)+len(p.Pulls)+len(p.Removals))
	for i := range p.Placements {
		one := &p.Placements[i]
		action := one.Action
		if action == ActionCreate || action == ActionStart {
			action = ActionKeep
		}
		content.Steps = append(content.Steps, step{action, one.Box, one.Container, one.SpecHash + one.Replaces + one.Order})
	}
	for _, pull := range p.Pulls {
		content.Steps = append(content.Steps, step{"pull", pull.Box, "", pull.Manifest})
	}
	for _, gone := range p.Removals {
		content.Steps = append(content.Steps, step{"remove", gone.Box, gone.Container, gone.ID})
	}
	return shortHash(content)
}

// toJSON writes plain structs, which have neither maps nor functions: always the same text. The checker of
// workflows cannot see that through the reflection of package json.
//
//workflowcheck:ignore
func toJSON(v any) ([]byte, error) { return json.Marshal(v) }

// shortHash is the first 16 hexadecimal digits of the SHA-256 of a value's JSON.
func shortHash(v any) string {
	text, err := toJSON(v)
	if err != nil { // plain structs of strings and numbers; a NaN in the resources is the only way
		text = fmt.Append(nil, err, v)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:16]
}
