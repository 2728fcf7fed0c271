package agent

import (
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/control"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// Port is the container port of /healthz and /metrics.
const Port = "8096"

// Config is everything that an edge is told.
type Config struct {
	Box     string
	Rooms   []spec.Room // all of the service; the edge takes what stands on its box
	Brokers []string
	Dir     string // for the spools and what the air conditioners were told
	Listen  string // for /healthz and /metrics
	IP      string // of this box, for its resource records

	Simulation    device.Simulation
	Targets       []snmp.Target // other boxes, polled over SNMP
	ResourceEvery time.Duration
	SpoolBytes    int64   // for readings; the other topics get a quarter each
	StepK         float64 // change of temperature that is believed, K for each 10 s
	KernelClock   bool    // ask the kernel whether the clock is synchronised; otherwise it is trusted

	// How long an infrared echo may take, and the least pause between two frames to one machine.
	EchoWait, Spacing time.Duration
}

// lookBack is how far back commands are read at a start. Old ones are not obeyed, but their revisions count.
const lookBack = 25 * time.Hour

// ReadConfig reads the environment and returns every fault at once.
func ReadConfig(getenv func(string) string) (Config, error) {
	env := fn.NewEnv(getenv)
	c := Config{
		Box:           env.Required(fn.EnvBox),
		Rooms:         env.Rooms(),
		Brokers:       env.Addresses("KAFKA_BROKERS", ""),
		Dir:           fn.Path(getenv, "/var/lib/edge"),
		Listen:        fn.Listen(getenv, Port),
		Simulation:    device.Simulation{URL: env.URL("SIMULATED_ROOM", ""), Client: &http.Client{}},
		ResourceEvery: env.Duration("RESOURCE_EVERY", 30*time.Second),
		SpoolBytes:    int64(env.Int("SPOOL_MB", 64, 1, 1<<20)) << 20,
		StepK:         env.Float("STEP_K", 3, 0.1, 1000),
		IP:            cmp.Or(getenv(fn.EnvListenHost), ownIP()),
		EchoWait:      env.Duration("ECHO_WAIT", 3*time.Second),
		Spacing:       env.Duration("INFRARED_SPACING", time.Second),
	}
	if len(c.Brokers) == 0 && env.String("KAFKA_BROKERS", "") == "" {
		env.Fault("KAFKA_BROKERS", "is not set (write host:port, more with commas between)")
	}
	switch clock := env.String("EDGE_CLOCK", "trusted"); clock {
	case "trusted":
	case "kernel":
		c.KernelClock = true
	default:
		env.Fault("EDGE_CLOCK", "%q is neither trusted nor kernel", clock)
	}
	c.Targets = targets(env)
	c.faults(env)
	return c, env.Err()
}

// targets reads SNMP_TARGETS: rack-1=udp://10.0.0.1:161?community=public, more with commas between. The
// values hold community names, so no fault quotes them.
func targets(env *fn.Env) []snmp.Target {
	var out []snmp.Target
	for entry := range strings.SplitSeq(env.String("SNMP_TARGETS", ""), ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		box, address, _ := strings.Cut(entry, "=")
		target, err := snmp.ParseTarget(box, address)
		if err != nil {
			env.Fault("SNMP_TARGETS", "%v", err)
			continue
		}
		out = append(out, target)
	}
	return out
}

// faults checks the rooms' parts on this box.
func (c *Config) faults(env *fn.Env) {
	for i := range c.Rooms {
		r := &c.Rooms[i]
		if r.Policy == (spec.Policy{}) {
			r.Policy = spec.DefaultPolicy()
		}
		p := r.Policy
		for name, d := range map[string]spec.Duration{
			"sample_every": p.SampleEvery, "stale_after": p.StaleAfter, "refresh_every": p.RefreshEvery,
			"evidence_window": p.EvidenceWindow, "lease_ttl": p.LeaseTTL,
		} {
			if d.D() < 100*time.Millisecond {
				env.Fault(fn.EnvRooms, "room %s: policy %s of %s is below 100ms", r.Name, name, d)
			}
		}
		for _, s := range r.Sensors {
			if s.Box == c.Box {
				_, err := c.Simulation.Thermometer(r.Name, s)
				report(env, r.Name, err)
			}
		}
		for _, ac := range r.AirConditioners {
			if ac.Box == c.Box {
				_, _, err := c.Simulation.Infrared(r.Name, ac)
				report(env, r.Name, err)
				_, err = remote(*r, ac)
				report(env, r.Name, err)
			}
		}
	}
}

func report(env *fn.Env, room string, err error) {
	if err != nil {
		env.Fault(fn.EnvRooms, "room %s: %v", room, err)
	}
}

// remote finds an air conditioner's remote and checks that some setpoint is allowed by the machine, its remote and
// the room's policy. Errors are ErrInvalid.
func remote(r spec.Room, ac spec.AirConditioner) (infrared.Profile, error) {
	profile, err := infrared.ByName(ac.Remote)
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
