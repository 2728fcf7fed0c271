// Package config owns edge.yaml: every setting of the edge daemon with its default, read strictly, validated whole,
// and printed with comments. What it makes is an agent.Config; what the settings mean is package agent's.
//
// Environment variables win over the file: in a container there is none.
package config

import (
	"cmp"
	"net"
	"os"
	"time"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/spec"
)

// Settings is edge.yaml. The tags of a field are its key, the environment variable that wins over the file, and the
// comment that people read; the table in docs/edge.md is made from them.
type Settings struct {
	Box    string `key:"box" env:"OVERCLOUD_BOX" about:"the box that this edge runs on; it takes the sensors and air conditioners of that box (required)"`
	IP     string `key:"ip" about:"its address in what it reports of itself; empty: the first one that others can reach"`
	Listen string `key:"listen" about:"HTTP: /healthz, /metrics, /api/v1/status; has no password, so keep it on loopback or behind a firewall (in containers 0.0.0.0:8096)"`
	Data   string `key:"data" about:"folder of the queues and of what the air conditioners were told; must survive restarts (in containers /var/lib/edge)"`
	Log    string `key:"log" env:"LOG_LEVEL" about:"least level that is logged: debug, info, warn or error"`
	Clock  string `key:"clock" env:"EDGE_CLOCK" about:"how the wall clock is judged: auto (kernel, last time known, leases), kernel (is it synchronised?) or trusted"`

	Kafka     Kafka     `key:"kafka"`
	Spool     Spool     `key:"spool"`
	Plausible Plausible `key:"plausible"`
	Resources Resources `key:"resources"`
	Infrared  Infrared  `key:"infrared"`
	CoAP      CoAP      `key:"coap"`
	Simulated Simulated `key:"simulated"`

	Boxes []Box       `key:"boxes" about:"other boxes, polled over SNMP; see docs/snmp.md"`
	Rooms []spec.Room `key:"rooms" env:"OVERCLOUD_ROOMS" about:"the rooms, with the keys of x-overcloud.rooms in the specification; see docs/edge.md"`
}

// Kafka is where readings go and orders come from.
type Kafka struct {
	Brokers   []string `key:"brokers" env:"KAFKA_BROKERS" about:"host:port of one or more brokers (required; they need not answer yet)"`
	TLS       bool     `key:"tls" env:"KAFKA_TLS" about:"encrypt; implied by authorities"`
	CA        string   `key:"authorities" env:"KAFKA_CA_FILE" about:"PEM file of those that signed the brokers' certificates; empty: the system's"`
	User      string   `key:"user" env:"KAFKA_USER" about:"SASL user; empty: none"`
	Password  Secret   `key:"password" env:"KAFKA_PASSWORD" about:"SASL password: file:/path or env:NAME"`
	Mechanism string   `key:"mechanism" env:"KAFKA_MECHANISM" about:"SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"`
	Prefix    string   `key:"prefix" env:"KAFKA_PREFIX" about:"what the names of all topics begin with, where several OverClouds share a cluster; empty: none"`
}

// Spool is the queues on disk.
type Spool struct {
	Size      Size          `key:"size" env:"SPOOL_MB" unit:"MiB" about:"most bytes of queued readings; other topics get a quarter of it each; beyond it the oldest are dropped and counted"`
	SyncEvery spec.Duration `key:"sync-every" about:"how often what is queued is made safe from a power cut: at most so much is lost in one, nothing on a crash"`
	Linger    spec.Duration `key:"linger" about:"how long records wait for others to travel together"`
}

// Plausible is what the air at a sensor can be.
type Plausible struct {
	Least      float64       `key:"least" about:"°C; colder is marked bad"`
	Most       float64       `key:"most" about:"°C; warmer is marked bad"`
	StepK      float64       `key:"step" env:"STEP_K" about:"K for each 10 s that a reading may change by"`
	StuckAfter spec.Duration `key:"stuck-after" about:"a sensor that did not change at all for this long, while another one of its room did, is stuck; 0s: no such check"`
	StuckK     float64       `key:"stuck-by" about:"K that the other sensor must have moved by"`
}

// Resources is the polling of boxes.
type Resources struct {
	Every spec.Duration `key:"every" env:"RESOURCE_EVERY" about:"how often this box and those under boxes are polled"`
}

// Infrared is how frames are sent.
type Infrared struct {
	EchoWait spec.Duration `key:"echo-wait" env:"ECHO_WAIT" about:"how long the receiver near a machine may take to hear a frame"`
	Spacing  spec.Duration `key:"spacing" env:"INFRARED_SPACING" about:"least pause between two frames to one machine"`
}

// CoAP is the way of orders of 2017.
type CoAP struct {
	Listen   string `key:"listen" about:"host:port of coap://…/?name=AC&temperature=T, 127.0.0.1:5683 for example; empty: off; beyond loopback it needs a key"`
	Identity string `key:"identity" about:"identity of the DTLS pre-shared key"`
	Key      Secret `key:"key" about:"the DTLS pre-shared key: file:/path or env:NAME"`
}

// Simulated is the simulated rooms of functions/room.
type Simulated struct {
	URL string `key:"url" env:"SIMULATED_ROOM" about:"where devices named simulated://… are, http://host:8095; empty: nowhere"`
}

// Box is another box and its SNMP agent.
type Box struct {
	Name            string        `key:"-"`
	Address         string        `key:"address" about:"host or host:port of its SNMP agent; port 161"`
	Version         string        `key:"version" about:"2c or 3; 3 when there is a user"`
	Community       Secret        `key:"community" about:"of version 2c: public, file:/path or env:NAME"`
	User            string        `key:"user" about:"of version 3"`
	Auth            string        `key:"auth" about:"MD5, SHA, SHA-224, SHA-256, SHA-384 or SHA-512; empty: not authenticated"`
	AuthPassword    Secret        `key:"auth-password" about:"file:/path or env:NAME"`
	Privacy         string        `key:"privacy" about:"DES, AES, AES-192, AES-256, AES-192-C or AES-256-C; empty: not encrypted"`
	PrivacyPassword Secret        `key:"privacy-password" about:"file:/path or env:NAME"`
	Context         string        `key:"context" about:"of version 3; hardly any agent has more than the one without a name"`
	Timeout         spec.Duration `key:"timeout" about:"for one packet and its answer"`
	Retries         int           `key:"retries" about:"how often a packet is sent again"`
	MaxRepetitions  int           `key:"max-repetitions" about:"rows of a table asked for at once; 0: as many as fit"`
	Skip            []string      `key:"skip" about:"names of interfaces to leave out, as veth*; not given: those of containers"`
}

// freshBox is a box that states nothing.
func freshBox(name string) Box {
	return Box{Name: name, Community: "public", Timeout: spec.Duration(2 * time.Second), Retries: 2}
}

// Defaults are the settings of a file that says nothing. In a container (getenv knows OverCloud's variables, or Docker
// left its mark) the edge listens on every address and keeps its data where the image has its volume.
func Defaults(getenv func(string) string) Settings { return defaults(getenv, contained(getenv)) }

func defaults(getenv func(string) string, contained bool) Settings {
	s := Settings{
		Listen: net.JoinHostPort("127.0.0.1", agent.Port), Data: "/var/lib/overcloud-edge", Log: "info", Clock: agent.ClockAuto,
		Spool: Spool{Size: 64 << 20, SyncEvery: spec.Duration(4 * time.Second), Linger: spec.Duration(3 * time.Second)},
		Plausible: Plausible{
			Least: -10, Most: 60, StepK: 3, StuckAfter: spec.Duration(30 * time.Minute), StuckK: 0.5,
		},
		Resources: Resources{Every: spec.Duration(30 * time.Second)},
		Infrared:  Infrared{EchoWait: spec.Duration(3 * time.Second), Spacing: spec.Duration(time.Second)},
	}
	s.Kafka.Brokers, s.Kafka.Mechanism = []string{}, "SCRAM-SHA-512"
	if contained {
		s.Listen, s.Data = fn.Listen(getenv, agent.Port), fn.Path(getenv, "/var/lib/edge")
		s.IP = cmp.Or(getenv(fn.EnvListenHost), s.IP)
	}
	return s
}

// contained says whether this is a container, on an engine or on a process box.
func contained(getenv func(string) string) bool {
	if getenv(fn.EnvFunction) != "" || getenv(fn.EnvRoot) != "" || getenv(fn.EnvListenHost) != "" {
		return true
	}
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}
