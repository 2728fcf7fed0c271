// Package plan decides: which box gets which function, which images must be where, in which order things
// start and which connections must be proven. It is pure: wanted plus observed gives a plan with a reason
// for every step, the same for the same input.
package plan

import "github.com/overcloud/overcloud/internal/spec"

// Observed is the world as the activities saw it.
type Observed struct {
	Boxes  []Box   `json:"boxes"`
	Images []Image `json:"images"`
	// Before are the placements of the revision that was stitched last: what a box that does not answer ran.
	Before []Placement `json:"before,omitempty"`
	// Rebalance lets running functions move for a better score alone; else they stay where they are.
	Rebalance bool `json:"rebalance,omitempty"`
	// Explain names a function whose every box is explained although the plan is too large to explain all.
	Explain string `json:"explain,omitempty"`
}

// Box is what one box's engine said of itself.
type Box struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	// Fault says in one sentence why it is not reachable.
	Fault string `json:"fault,omitempty"`
	// Absent is how long it has not answered; zero when it answers, or when nobody has kept count.
	Absent        spec.Duration `json:"absent,omitempty"`
	EngineVersion string        `json:"engine_version,omitempty"`
	APIVersion    string        `json:"api_version,omitempty"`
	OS            string        `json:"os,omitempty"`
	Arch          string        `json:"arch,omitempty"`    // amd64, arm64, arm
	Variant       string        `json:"variant,omitempty"` // v7
	// Process says that it is a process box: functions are processes, not containers.
	Process     bool    `json:"process,omitempty"`
	CPUs        float64 `json:"cpus,omitempty"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"`
	FreeDisk    int64   `json:"free_disk_bytes,omitempty"` // on the engine's data root; negative: unknown
	// Containers are all containers on the box, of this service and of others.
	Containers []Container `json:"containers,omitempty"`
	// Images are the digests that it already has ("sha256:…").
	Images []string `json:"images,omitempty"`
	// Volumes are the names of the volumes that it already has, with whatever data are in them.
	Volumes []string `json:"volumes,omitempty"`
	// Node is its ID in a swarm, Swarm that swarm's ID, and Manager whether it manages it; empty outside one.
	Node    string `json:"node,omitempty"`
	Swarm   string `json:"swarm,omitempty"`
	Manager bool   `json:"manager,omitempty"`
}

// Container is one container on a box. Service is empty for one that is not ours.
type Container struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Service  string `json:"service,omitempty"`
	Function string `json:"function,omitempty"`
	Replica  int    `json:"replica,omitempty"`
	SpecHash string `json:"spec_hash,omitempty"`
	Image    string `json:"image,omitempty"`
	State    string `json:"state"` // created, running, exited, …
	Health   string `json:"health,omitempty"`
	// Reserved resources, from our labels or the engine's limits.
	CPUs        float64     `json:"cpus,omitempty"`
	MemoryBytes int64       `json:"memory_bytes,omitempty"`
	Ports       []spec.Port `json:"ports,omitempty"`
	// Created and Started are the engine's times, unix seconds.
	Created int64 `json:"created,omitempty"`
	Started int64 `json:"started,omitempty"`
	// Revision is the revision of the service that made it; zero when it is not known.
	Revision int `json:"revision,omitempty"`
}

// Image is one image reference resolved once for a deploy.
type Image struct {
	Ref       string     `json:"ref"`
	Digest    string     `json:"digest"` // of the index or of the only manifest
	Platforms []Platform `json:"platforms"`
}

// Platform is one architecture of an image.
type Platform struct {
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Variant   string `json:"variant,omitempty"`
	Digest    string `json:"digest"` // of this platform's manifest
	SizeBytes int64  `json:"size_bytes"`
}

// Plan is what will be done. Its JSON is the plan; its Hash names it.
type Plan struct {
	Service    string      `json:"service"`
	Hash       string      `json:"hash"` // of everything below, without what the world measures anew each time
	Placements []Placement `json:"placements"`
	Pulls      []Pull      `json:"pulls"`
	Networks   []OnBox     `json:"networks,omitempty"`
	Volumes    []OnBox     `json:"volumes,omitempty"`
	// Levels are the functions in start order; those of one level start in parallel.
	Levels []Level `json:"levels"`
	Probes []Probe `json:"probes"`
	// Removals are our containers that nobody wants any more.
	Removals []Removal `json:"removals,omitempty"`
	// Orchestrator is the service's: engine or swarm.
	Orchestrator string `json:"orchestrator,omitempty"`
	// Choices explain every box for every function, the chosen and the others.
	Choices []Choice `json:"choices"`
}

// Level is one step of the start order.
type Level struct {
	Functions []string `json:"functions"`
}

// OnBox is a network or volume that a box must have. Box is empty for the overlay networks of a swarm, of which
// there is one for all boxes.
type OnBox struct {
	Box  string `json:"box"`
	Name string `json:"name"`
}

// NextSuffix is what the name of a container ends with while the one that it replaces still runs.
const NextSuffix = "-next"

// Placement is one replica of a function on a box, ready to be created.
type Placement struct {
	Function  string `json:"function"`
	Replica   int    `json:"replica"`
	Box       string `json:"box"`
	Container string `json:"container"` // <service>-<function>-<replica>
	Image     string `json:"image"`     // as the specification says it
	Digest    string `json:"digest"`    // of the index
	Manifest  string `json:"manifest"`  // of the box's platform
	// SpecHash is over everything that would need a new container when it changed.
	SpecHash    string          `json:"spec_hash"`
	Entrypoint  []string        `json:"entrypoint,omitempty"`
	Command     []string        `json:"command,omitempty"`
	Environment []spec.Variable `json:"environment,omitempty"` // {{…}} resolved
	Labels      []spec.Variable `json:"labels,omitempty"`      // the user's; ours are added by the adapter
	Ports       []spec.Port     `json:"ports,omitempty"`       // Host is always set
	Mounts      []spec.Mount    `json:"mounts,omitempty"`
	Networks    []string        `json:"networks,omitempty"`
	ExtraHosts  []string        `json:"extra_hosts,omitempty"` // name:ip
	// Forwards are listened to inside the container's network namespace, where a provider on another box is
	// published under another port than the one that its consumers know.
	Forwards []Forward `json:"forwards,omitempty"`
	// Order is start-first or stop-first (or empty): whether a replacement starts before the old one stops.
	Order       string            `json:"order,omitempty"`
	Secrets     []spec.SecretUse  `json:"secrets,omitempty"`
	Healthcheck *spec.Healthcheck `json:"healthcheck,omitempty"`
	Restart     string            `json:"restart,omitempty"`
	// Ordered says that it waits for others, so that its engine must not start it by itself when the box boots:
	// the reconciliation does, in order. A crash is its engine's to mend all the same.
	Ordered    bool           `json:"ordered,omitempty"`
	StopGrace  spec.Duration  `json:"stop_grace,omitempty"`
	Resources  spec.Resources `json:"resources"`
	Privileged bool           `json:"privileged,omitempty"`
	Devices    []string       `json:"devices,omitempty"`
	Runtime    spec.Runtime   `json:"runtime,omitzero"`
	// Revision is the revision of the service that starts it, and Reconciled says that somebody looks at the service
	// again and again, so that what its engine cannot start by itself is started all the same. Both are set by
	// whoever starts it, so they are no part of SpecHash.
	Revision   int  `json:"revision,omitempty"`
	Reconciled bool `json:"reconciled,omitempty"`
	// Action is create, keep, replace, start or hold, with the cause.
	Action string `json:"action"`
	Cause  string `json:"cause"`
	// Replaces is the ID of a container that must go although its specification hash is the right one.
	Replaces string `json:"replaces,omitempty"`
}

// The actions of a Placement.
const (
	ActionCreate  = "create"
	ActionKeep    = "keep"
	ActionReplace = "replace"
	// ActionStart starts a container again that is there with the right specification hash and does not run.
	ActionStart = "start"
	// ActionHold leaves a replica where it is although its box does not answer: the box is not lost yet, or the
	// replica's data are there. Nothing is done and nothing is waited for.
	ActionHold = "hold"
)

// Forward is one port that a helper passes on to a provider that is published elsewhere.
type Forward struct {
	Listen string `json:"listen"` // ip:port inside the namespace, on loopback
	To     string `json:"to"`     // host:port of the provider's box
}

// Pull is one image for one box.
type Pull struct {
	Box       string `json:"box"`
	Image     string `json:"image"`
	Digest    string `json:"digest"`
	Manifest  string `json:"manifest"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Variant   string `json:"variant,omitempty"`
	SizeBytes int64  `json:"size_bytes"`
	Present   bool   `json:"present"` // already on the box: only verified
}

// Probe is a connection that must be proven from inside the consumer.
type Probe struct {
	Consumer string `json:"consumer"` // function
	Replica  int    `json:"replica"`
	Box      string `json:"box"`
	Provider string `json:"provider"`
	// Address is host:port as the consumer will use it.
	Address string `json:"address"`
}

// Removal is a container that goes, with the cause.
type Removal struct {
	Box       string `json:"box"`
	Container string `json:"container"`
	ID        string `json:"id"`
	Cause     string `json:"cause"`
	// First says that it holds a host port that a placement needs, so it must go before anything starts.
	First bool `json:"first,omitempty"`
	// Created and Revision are the container's, zero when they are not known: one that nobody knows is left alone
	// for a while.
	Created  int64 `json:"created,omitempty"`
	Revision int   `json:"revision,omitempty"`
}

// Choice is one function on one box: its score, or all the reasons against it.
type Choice struct {
	Function string   `json:"function"`
	Replica  int      `json:"replica"`
	Box      string   `json:"box"`
	Chosen   bool     `json:"chosen"`
	Score    float64  `json:"score"`
	Parts    []Part   `json:"parts,omitempty"`
	Reasons  []string `json:"reasons,omitempty"` // each with need and have
}

// Part is one named part of a score.
type Part struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}
