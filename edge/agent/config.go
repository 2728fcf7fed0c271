package agent

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// Port is the container port of HTTP: /healthz, /metrics and /api/v1/status.
const Port = "8096"

// Config is everything that an edge is told.
type Config struct {
	Box     string
	Rooms   []spec.Room // all of the service; the edge takes what stands on its box
	Brokers []string
	Dir     string // for the spools and what the air conditioners were told
	Listen  string // for HTTP: /healthz, /metrics and /api/v1/status
	IP      string // of this box, for its resource records

	Devices       catalog.Catalog
	Targets       []snmp.Target // other boxes, polled over SNMP
	ResourceEvery time.Duration
	Spool         Spool
	Plausible     Plausible
	Clock         string // ClockAuto, ClockTrusted or ClockKernel

	// How long an infrared echo may take, and the least pause between two frames to one machine.
	EchoWait, Spacing time.Duration

	CoAP CoAP

	// Kafka is how the brokers are spoken to, beyond their addresses.
	Kafka Kafka
}

// Kafka is how brokers are spoken to. Its zero value is neither encrypted nor authenticated.
type Kafka struct {
	TLS         bool
	Authorities string // PEM of those that sign the brokers' certificates; empty for the system's
	User        string // SASL; empty for none
	Password    string
	Mechanism   string // empty or SCRAM-SHA-512, SCRAM-SHA-256, PLAIN
	Prefix      string // of every topic's name
}

// Broker is the cluster as package kafka takes it.
func (c Config) Broker() kafka.Config {
	k := kafka.Config{
		Brokers: c.Brokers, ClientID: "edge-" + c.Box, Frugal: true,
		User: c.Kafka.User, Password: c.Kafka.Password, Mechanism: c.Kafka.Mechanism, Prefix: c.Kafka.Prefix,
	}
	if !c.Kafka.TLS {
		return k
	}
	k.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Kafka.Authorities != "" {
		k.TLS.RootCAs = x509.NewCertPool()
		k.TLS.RootCAs.AppendCertsFromPEM([]byte(c.Kafka.Authorities))
	}
	return k
}

// found is where the devices of some addresses are found, as far as the configuration says so.
func (c Config) found(addresses ...string) (where []any) {
	for _, address := range addresses {
		switch kind, _, _ := strings.Cut(address, ":"); kind {
		case "simulated":
			where = append(where, c.Devices.Simulation.URL)
		case "snmp":
			where = append(where, c.Devices.Boxes)
		default:
			where = append(where, c.Devices.Sysfs)
		}
	}
	return where
}

// target is the box of that name among those that are polled; nil for this box itself.
func (c Config) target(box string) *snmp.Target {
	for _, t := range c.Targets {
		if t.Box == box {
			return &t
		}
	}
	return nil
}

// same says whether nothing of a configuration differs.
func (c Config) same(other Config) bool {
	kinds := []string{"simulated:", "snmp:", "w1:"}
	a, b := c.found(kinds...), other.found(kinds...)
	c.Devices, other.Devices = catalog.Catalog{}, catalog.Catalog{}
	return reflect.DeepEqual(a, b) && reflect.DeepEqual(c, other)
}

// Spool bounds the queues on disk.
type Spool struct {
	Bytes int64 // for readings; the other topics get a quarter each
	// SyncEvery is how often what was queued is made to survive a power cut: at most this much is lost in one.
	SyncEvery time.Duration
	// Linger is how long records wait for others, so that they travel and are taken off the queue together.
	Linger time.Duration
}

// Plausible bounds what the air at a sensor can be. A reading outside is marked, never dropped.
type Plausible struct {
	Least, Most float64 // °C
	StepK       float64 // change of temperature that is believed, K for each 10 s
	// A sensor is stuck when it did not change by anything for StuckAfter while another of its room moved more
	// than StuckK, K; a StuckAfter of 0 asks for no such check.
	StuckAfter time.Duration
	StuckK     float64
}

// How the wall clock is judged.
const (
	ClockAuto    = "auto"    // by the kernel, the time that the edge last knew, and the leases' own time
	ClockTrusted = "trusted" // never doubted
	ClockKernel  = "kernel"  // by the kernel alone: is it synchronised?
)

// CoAP is the 2017 way of orders, off unless Listen is set.
type CoAP struct {
	Listen string // host:port, on loopback unless a key is given; empty for off
	// Identity and Key are DTLS's pre-shared key; without them Listen has to be on loopback.
	Identity string
	Key      []byte
}

// lookBack is how far back commands are read at a start. Old ones are not obeyed, but their revisions count.
const lookBack = 25 * time.Hour

// Check opens the devices of this box and closes them again, and checks what their rooms ask of them. It returns every
// fault at once, with paths as in edge.yaml (rooms.hall.sensors[0].source).
func (c Config) Check() spec.Problems {
	var faults spec.Problems
	note := func(path string, err error) {
		if err != nil {
			message := strings.TrimSuffix(err.Error(), ": "+fault.ErrInvalid.Error())
			faults = append(faults, spec.Problem{Path: path, Message: message})
		}
	}
	for _, r := range c.Rooms {
		path := "rooms." + r.Name
		p := r.Policy
		for _, one := range []struct {
			name string
			is   spec.Duration
		}{
			{"sample-every", p.SampleEvery},
			{"stale-after", p.StaleAfter},
			{"refresh-every", p.RefreshEvery},
			{"evidence-window", p.EvidenceWindow},
			{"lease-ttl", p.LeaseTTL},
		} {
			if one.is.D() < 100*time.Millisecond {
				note(path+".policy."+one.name, fmt.Errorf("room %s: policy %s of %s is below 100ms", r.Name, one.name, one.is))
			}
		}
		for i, s := range r.Sensors {
			if s.Box == c.Box {
				thermometer, err := c.Devices.Thermometer(r.Name, s)
				note(fmt.Sprintf("%s.sensors[%d].source", path, i), err)
				closeAll(thermometer)
			}
		}
		if r.LoadMeter != nil && r.LoadMeter.Box == c.Box {
			meter, err := c.Devices.LoadMeter(r)
			note(path+".load-meter.source", err)
			closeAll(meter)
		}
		for _, ac := range r.AirConditioners {
			if ac.Box != c.Box {
				continue
			}
			at := path + ".air-conditioners." + ac.Name
			transmitter, receiver, err := c.Devices.Infrared(r.Name, ac)
			note(at+".transmitter", err)
			_, err = remote(c.Devices, r, ac)
			note(at+".remote", err)
			meter, err := c.Devices.Meter(r.Name, ac)
			note(at+".meter", err)
			closeAll(transmitter, receiver, meter)
		}
	}
	return faults
}

// closeAll closes those devices that can be closed. Nothing was done with them, so nothing is lost.
func closeAll(devices ...any) {
	for _, d := range devices {
		if closer, ok := d.(io.Closer); ok {
			_ = closer.Close()
		}
	}
}

// HoldsCertificate says whether a PEM text has a certificate in it.
func HoldsCertificate(text []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(text) }

// OwnIP is the first address of this machine that others could reach, or loopback.
func OwnIP() string { return ownIP() }

// remote finds an air conditioner's remote and checks that some setpoint is allowed by the machine, its remote and
// the room's policy. Errors are ErrInvalid.
func remote(devices catalog.Catalog, r spec.Room, ac spec.AirConditioner) (infrared.Profile, error) {
	profile, err := devices.Remote(ac.Remote)
	if err != nil {
		return nil, fmt.Errorf("air conditioner %s: %w", ac.Name, err)
	}
	least, most := max(profile.Min(), r.Policy.SetpointMin), min(profile.Max(), r.Policy.SetpointMax)
	if ac.Min != 0 {
		least = max(least, ac.Min)
	}
	if ac.Max != 0 {
		most = min(most, ac.Max)
	}
	if least > most {
		return nil, fmt.Errorf("air conditioner %s: no setpoint is allowed by the machine (%d to %d), its remote (%d to %d) and the policy (%d to %d): %w",
			ac.Name, ac.Min, ac.Max, profile.Min(), profile.Max(), r.Policy.SetpointMin, r.Policy.SetpointMax, fault.ErrInvalid)
	}
	return profile, nil
}

// limits are what the workflow and the control loop take for the machine's, inside what its remote can say.
func limits(p spec.Policy, ac spec.AirConditioner, profile infrared.Profile) control.Limits {
	able := control.Limits{Min: profile.Min(), Max: profile.Max()}
	own := control.LimitsOf(p, ac)
	return control.Limits{Min: able.Clamp(own.Min), Max: able.Clamp(own.Max)}
}

func (c Config) spoolDir(topic string) string { return filepath.Join(c.Dir, "spool", topic) }
