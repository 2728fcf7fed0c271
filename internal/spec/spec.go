// Package spec owns the nouns of a service specification: what a person declared, normalised so that two
// equal specifications are equal JSON. It reads no file and opens no connection; package compose turns a
// Compose file into these nouns.
package spec

import (
	"cmp"
	"time"
)

// Service is a whole specification. Slices are sorted by name, maps are never ranged over by deciders, and
// secrets are references, so a Service may enter a workflow history.
type Service struct {
	Name         string     `json:"name"`
	Orchestrator string     `json:"orchestrator"` // OrchestratorEngine or OrchestratorSwarm
	Boxes        []Box      `json:"boxes"`
	Registries   []Registry `json:"registries,omitempty"`
	Functions    []Function `json:"functions"`
	Rooms        []Room     `json:"rooms,omitempty"`
	Networks     []string   `json:"networks,omitempty"`
	Volumes      []string   `json:"volumes,omitempty"`
	Secrets      []Secret   `json:"secrets,omitempty"`
	// Approvals names the steps that wait for the signal `approve`: "place", "stitch" or "start/<function>".
	Approvals []string `json:"approvals,omitempty"`
	// ProbeImage is the image from which connections are proven inside a consumer's network; empty means that
	// the boxes bring their own means.
	ProbeImage string `json:"probe_image,omitempty"`
	// Schedule is the interval of the reconciling Temporal Schedule; zero means none.
	Schedule Duration `json:"schedule,omitempty"`
	// Lost says what becomes of the functions of a box that no longer answers.
	Lost Lost `json:"lost,omitzero"`
	// History says how long readings are kept.
	History History `json:"history,omitzero"`
}

// Lost is the policy for a box that no longer answers. The zero value is all defaults.
type Lost struct {
	// After is how long a box must not have answered before its functions move; zero is LostAfter.
	After Duration `json:"after,omitempty"`
	// Return says which copy stays when the box comes back: ReturnReplacement (default) or ReturnOriginal.
	Return string `json:"return,omitempty"`
	// Volumes says what functions with named volumes do, whose data stay on the lost box: VolumesStay (default:
	// they wait for it) or VolumesMove (they begin elsewhere with empty ones).
	Volumes string `json:"volumes,omitempty"`
}

// The words of Lost. LostAfter is four times the 15 s after which a Swarm calls a node down: a reboot of a small
// box is over by then.
const (
	LostAfter         = Duration(60 * time.Second)
	ReturnReplacement = "replacement"
	ReturnOriginal    = "original"
	VolumesStay       = "stay"
	VolumesMove       = "move"
)

// The orchestrators.
const (
	OrchestratorEngine = "engine"
	OrchestratorSwarm  = "swarm"
)

// Box is a host with a Docker engine.
type Box struct {
	Name string `json:"name"`
	// Engine is where its Docker Engine API answers: unix://, tcp:// or ssh://.
	Engine string `json:"engine"`
	// Address is the host name or IP at which functions on other boxes reach functions on this one.
	Address string            `json:"address"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Caps bound what OverCloud may use of the box; zero means what the engine reports.
	CPUs        float64 `json:"cpus,omitempty"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"`
	DiskBytes   int64   `json:"disk_bytes,omitempty"`
	// SSH is user@host[:port] for installing an engine; empty means never.
	SSH string `json:"ssh,omitempty"`
	// TLS is the directory with ca.pem, cert.pem and key.pem for a tcp:// engine; empty means none.
	TLS string `json:"tls,omitempty"`
	// Install allows an engine to be installed over SSH from the distribution's packages when the box has none.
	Install bool `json:"install,omitempty"`
	// Availability is AvailabilityActive (or empty) or AvailabilityDrain: a drained box keeps its engine and its
	// images, and its functions move elsewhere. The words are Swarm's.
	Availability string `json:"availability,omitempty"`
}

// The availabilities of a box.
const (
	AvailabilityActive = "active"
	AvailabilityDrain  = "drain"
)

// Registry is an image registry with its ordered mirrors.
type Registry struct {
	Host        string   `json:"host"`
	Mirrors     []string `json:"mirrors,omitempty"`
	Mode        string   `json:"mode,omitempty"`        // "fallback" (default) or "strict"
	Credentials string   `json:"credentials,omitempty"` // name of a secret: "user:password"
	// CA is a PEM file on the worker with the authority that signed the registry's certificate; empty means those
	// of the system. Engines have their own copy, under /etc/docker/certs.d.
	CA string `json:"ca,omitempty"`
}

// Function is one containerised part of a service.
type Function struct {
	Name        string       `json:"name"`
	Image       string       `json:"image,omitempty"` // empty only when External is set
	Entrypoint  []string     `json:"entrypoint,omitempty"`
	Command     []string     `json:"command,omitempty"`
	Environment []Variable   `json:"environment,omitempty"`
	Labels      []Variable   `json:"labels,omitempty"`
	Replicas    int          `json:"replicas"`
	Resources   Resources    `json:"resources"`
	Constraints []Constraint `json:"constraints,omitempty"`
	Prefer      []Variable   `json:"prefer,omitempty"` // box labels that raise the score
	Avoid       []Variable   `json:"avoid,omitempty"`  // box labels that lower it
	// MaxPerBox bounds the replicas on one box; zero means no bound.
	MaxPerBox int `json:"max_per_box,omitempty"`
	// Spread are box labels, most important first: replicas are shared out evenly over their values (Compose's
	// deploy.placement.preferences).
	Spread []string `json:"spread,omitempty"`
	// Engine is the oldest engine version that will do, "24.0"; empty means any.
	Engine string `json:"engine,omitempty"`
	// Update says how replicas are replaced; nil is one at a time and all other defaults.
	Update    *Update      `json:"update,omitempty"`
	DependsOn []Dependency `json:"depends_on,omitempty"`
	Consumes  []Edge       `json:"consumes,omitempty"`
	// DataIO puts this function on one box with the functions that it consumes.
	DataIO bool   `json:"data_io,omitempty"`
	Ports  []Port `json:"ports,omitempty"`
	// Expose are container ports that are not published; with Ports they are all that a consumer may name.
	Expose      []int        `json:"expose,omitempty"`
	Mounts      []Mount      `json:"mounts,omitempty"`
	Networks    []string     `json:"networks,omitempty"`
	Secrets     []SecretUse  `json:"secrets,omitempty"`
	Healthcheck *Healthcheck `json:"healthcheck,omitempty"`
	Restart     string       `json:"restart,omitempty"` // no, always, on-failure, unless-stopped
	// StopGrace is how long a stop waits before the kill; zero means the engine's 10 s.
	StopGrace Duration `json:"stop_grace,omitempty"`
	// External is host:port of a function that already runs elsewhere: matched and probed, never placed.
	External   string      `json:"external,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	Tune       *Tune       `json:"tune,omitempty"`
	Privileged bool        `json:"privileged,omitempty"`
	Runtime    Runtime     `json:"runtime,omitzero"`
	Devices    []string    `json:"devices,omitempty"`
}

// Update is Compose's deploy.update_config: how the replicas of a function are replaced.
type Update struct {
	// Parallelism is how many replicas are replaced at a time; zero is all of them, as in Compose, whose default
	// is one.
	Parallelism int `json:"parallelism,omitempty"`
	// Delay is the pause between two batches.
	Delay Duration `json:"delay,omitempty"`
	// Monitor is how long a replaced replica must stay up and healthy before the next batch; zero is 5 s, as in
	// a Swarm.
	Monitor Duration `json:"monitor,omitempty"`
	// MaxFailureRatio is the part of the replicas that may fail before the update has failed, 0 to 1.
	MaxFailureRatio float64 `json:"max_failure_ratio,omitempty"`
	// FailureAction is rollback (default), pause or continue.
	FailureAction string `json:"failure_action,omitempty"`
	// Order is stop-first (default) or start-first, which needs ports that the plan picks.
	Order string `json:"order,omitempty"`
}

// The words of Update.
const (
	FailureRollback = "rollback"
	FailurePause    = "pause"
	FailureContinue = "continue"
	OrderStopFirst  = "stop-first"
	OrderStartFirst = "start-first"
)

// Variable is a name and its value; values may hold {{function.host}}, {{function.port}} and {{rooms}}.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Resources are what a function reserves (for matching) and may at most use (limits).
type Resources struct {
	CPUs             float64 `json:"cpus,omitempty"`
	MemoryBytes      int64   `json:"memory_bytes,omitempty"`
	LimitCPUs        float64 `json:"limit_cpus,omitempty"`
	LimitMemoryBytes int64   `json:"limit_memory_bytes,omitempty"`
}

// Constraint is one Compose placement constraint: Key Op Value, as in node.labels.zone == cold.
// Keys: node.hostname, node.platform.os, node.platform.arch, node.labels.<label>.
type Constraint struct {
	Key   string `json:"key"`
	Op    string `json:"op"` // "==" or "!="
	Value string `json:"value"`
}

// Dependency is one depends_on entry.
type Dependency struct {
	Function  string `json:"function"`
	Condition string `json:"condition"` // service_started, service_healthy, service_completed_successfully
}

// Edge says that a function consumes a port of another: an edge of the service chain.
type Edge struct {
	Function string `json:"function"`
	Port     int    `json:"port"`
}

// Port is one published port.
type Port struct {
	Container int    `json:"container"`
	Host      int    `json:"host,omitempty"` // zero: the plan picks
	HostIP    string `json:"host_ip,omitempty"`
	Protocol  string `json:"protocol"` // tcp or udp
	// Mode is Compose's, for a swarm: host (default: on the boxes that run it) or ingress (on every box).
	Mode string `json:"mode,omitempty"`
}

// Mount is a volume or a bind mount.
type Mount struct {
	Kind     string `json:"kind"` // volume or bind
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Secret is a reference to a value that is resolved on the worker, never before.
type Secret struct {
	Name string `json:"name"`
	// From is file:PATH or env:NAME.
	From string `json:"from"`
}

// SecretUse gives a function a secret as a file.
type SecretUse struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

// Healthcheck is the Compose healthcheck.
type Healthcheck struct {
	Test        []string `json:"test"` // as Docker: CMD …, CMD-SHELL … or NONE
	Interval    Duration `json:"interval,omitempty"`
	Timeout     Duration `json:"timeout,omitempty"`
	StartPeriod Duration `json:"start_period,omitempty"`
	// StartInterval is the interval within StartPeriod; engines before API 1.44 use Interval then too.
	StartInterval Duration `json:"start_interval,omitempty"`
	Retries       int      `json:"retries,omitempty"`
}

// Candidate is an alternative image of a function with what it needs.
type Candidate struct {
	Image       string       `json:"image"`
	Resources   Resources    `json:"resources"`
	Constraints []Constraint `json:"constraints,omitempty"`
}

// Tune scales a function without rooms.
type Tune struct {
	Metric string  `json:"metric"` // cpu, memory or kafka-lag
	Target float64 `json:"target"` // percent of what is reserved (cpu) or allowed (memory), or records a replica
	Least  int     `json:"least"`
	Most   int     `json:"most"`
	// Kafka is the function whose brokers know the lag, and Group the consumer group; for kafka-lag only.
	Kafka string `json:"kafka,omitempty"`
	Group string `json:"group,omitempty"`
}

// Room is a cooled space.
type Room struct {
	Name            string           `json:"name"`
	Title           string           `json:"title,omitempty"`
	Boxes           []string         `json:"boxes,omitempty"` // boxes that stand in it
	Sensors         []Sensor         `json:"sensors"`
	AirConditioners []AirConditioner `json:"air_conditioners"`
	Policy          Policy           `json:"policy"`
	// LoadMeter shows the electric power of the boxes in the room (a rack's power strip), written as an air
	// conditioner's Meter is; empty when there is none. Box is the Pi that reads it.
	LoadMeter *LoadMeter `json:"load_meter,omitempty"`
	// Shed is what is switched off, in which order, when cooling is lost. Nil: nothing ever is.
	Shed *Shed `json:"shed,omitempty"`
}

// LoadMeter is a meter of the electric power of a room's boxes.
type LoadMeter struct {
	Source string `json:"source"` // simulated://load, snmp:strip-1/…, file:…, exec:…
	Box    string `json:"box"`    // the Pi that reads it
}

// Shed is the last line of defence of a room: heat is shed by stopping functions and shutting boxes down.
type Shed struct {
	// Within is the projected time to the policy's critical temperature under which shedding begins, cooling being lost.
	Within Duration `json:"within"`
	// StepEvery is how long the effect of a step is waited for before the next one is taken.
	StepEvery Duration `json:"step_every"`
	// Order is what is given up, the least important first.
	Order []ShedStep `json:"order"`
	// ResumeBelow is the inlet, °C, below which for ResumeAfter all is brought back, in the reverse order.
	ResumeBelow float64  `json:"resume_below"`
	ResumeAfter Duration `json:"resume_after"`
	// DryRun says each step instead of taking it.
	DryRun bool `json:"dry_run,omitempty"`
}

// ShedStep gives up one thing: exactly one of the two is set.
type ShedStep struct {
	Function string `json:"function,omitempty"` // its containers are stopped through the engine
	Box      string `json:"box,omitempty"`      // it is shut down over SSH
	// ShutDown is the command that does it; empty: systemctl poweroff, or shutdown -h now.
	ShutDown string `json:"shut_down,omitempty"`
	// Wake is how a box is switched on again: a command run on the box WakeFrom, or empty when a person does it.
	Wake     string `json:"wake,omitempty"`
	WakeFrom string `json:"wake_from,omitempty"`
}

// Name is the function or the box.
func (s ShedStep) Name() string { return cmp.Or(s.Function, s.Box) }

// String is "function batch" or "box rack-2".
func (s ShedStep) String() string {
	if s.Box != "" {
		return "box " + s.Box
	}
	return "function " + s.Function
}

// The roles of a sensor.
const (
	RoleInlet   = "inlet"   // the air that boxes draw in: what the room is cooled by
	RoleSupply  = "supply"  // the air that an air conditioner blows out
	RoleReturn  = "return"  // the air that an air conditioner draws in
	RoleAmbient = "ambient" // anything else worth a curve
)

// Inlets are the sensors that the room is cooled by.
func (r Room) Inlets() []Sensor {
	var out []Sensor
	for _, s := range r.Sensors {
		if s.Role == "" || s.Role == RoleInlet {
			out = append(out, s)
		}
	}
	return out
}

// Sensor is one temperature (and perhaps humidity) probe.
type Sensor struct {
	ID int `json:"id"`
	// Name is what people call it; empty means "sensor <id>".
	Name string `json:"name,omitempty"`
	// Source tells the edge where it reads: simulated://room/1, iio:dht11@4, w1:28-0000075f1c2d, snmp:rack-1/Inlet,
	// file:/run/probe, exec:/usr/local/bin/probe; see docs/edge.md.
	Source string `json:"source"`
	// Role says what air it measures; empty means RoleInlet. Only inlets are cooled by.
	Role string `json:"role,omitempty"`
	// Box is the Pi that reads it.
	Box string `json:"box"`
	// X and Y place it on the floor map, each 0 to 1.
	X float64 `json:"x,omitempty"`
	Y float64 `json:"y,omitempty"`
}

// AirConditioner is one machine that listens to infrared.
type AirConditioner struct {
	Name string `json:"name"`
	// Remote is the infrared protocol profile, "lg" for example, or a remote of an lircd.conf on the edge's box:
	// /etc/overcloud/ac1.lircd.conf#ServerRoom_AC1.
	Remote string `json:"remote"`
	// Box is the Pi that sends to it.
	Box string `json:"box"`
	// Transmitter tells the edge how it sends: simulated://ac1, lircd:/run/lirc/lircd, /dev/lirc0.
	Transmitter string `json:"transmitter"`
	// Receiver hears what is sent near the machine, written as a transmitter is; empty when there is none. A
	// simulated transmitter has one of its own.
	Receiver string `json:"receiver,omitempty"`
	// Supply and Return are the sensors in the air that the machine blows out and draws in; 0 when there is none.
	Supply int `json:"supply,omitempty"`
	Return int `json:"return,omitempty"`
	// Meter tells the edge where the machine's electric power is read, W: file:…, exec:…, snmp:box/OID; empty when
	// there is none. Running is the power above which it certainly cools, W; 0 means 150.
	Meter   string  `json:"meter,omitempty"`
	Running float64 `json:"running_w,omitempty"`
	// Min and Max bound the setpoint, °C, inside what the remote can say.
	Min int     `json:"min"`
	Max int     `json:"max"`
	X   float64 `json:"x,omitempty"`
	Y   float64 `json:"y,omitempty"`
}
