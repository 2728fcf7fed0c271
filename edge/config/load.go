package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/coap"
	"github.com/overcloud/overcloud/edge/device/catalog"
	"github.com/overcloud/overcloud/edge/device/simulated"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// DefaultFile is read when no other is named, if it is there.
const DefaultFile = "/etc/overcloud/edge.yaml"

// EnvFile names the environment variable with another file.
const EnvFile = "EDGE_CONFIG"

// Loaded is a configuration with where it came from.
type Loaded struct {
	Settings Settings
	Agent    agent.Config
	File     string // empty when there was none
}

// File is the file to read: the named one, that of EDGE_CONFIG, or the default one if it is there; empty for none.
func File(named string, getenv func(string) string) string {
	if named != "" {
		return named
	}
	if file := strings.TrimSpace(getenv(EnvFile)); file != "" {
		return file
	}
	file := fn.Path(getenv, DefaultFile)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// Load reads the file (empty: none) and the environment, which wins, and checks the whole. Errors: Problems, which
// are ErrInvalid ones, with every fault at once; a file that cannot be read.
func Load(file string, getenv func(string) string) (Loaded, error) {
	d, s, err := read(file, getenv)
	if err != nil {
		return Loaded{}, err
	}
	d.validate(s)
	c := d.build(s, getenv)
	if err := d.problems.Err(); err != nil {
		return Loaded{}, fmt.Errorf("configuration: %w", err)
	}
	return Loaded{Settings: s, Agent: c, File: file}, nil
}

// Read is the settings of a file and the environment without the checks of their values, to be shown. Errors: a file
// that cannot be read, or is no edge.yaml.
func Read(file string, getenv func(string) string) (Settings, error) {
	d, s, err := read(file, getenv)
	if err == nil {
		err = d.problems.Err()
	}
	return s, err
}

func read(file string, getenv func(string) string) (*document, Settings, error) {
	d := &document{file: file, places: map[string]place{}, faulty: map[string]bool{}}
	s := Defaults(getenv)
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, s, fmt.Errorf("configuration: %w", err)
		}
		if !d.read(data, &s) {
			return d, s, fmt.Errorf("configuration: %w", d.problems.Err())
		}
	}
	d.environment("", reflect.ValueOf(&s).Elem(), getenv)
	return d, s, nil
}

// environment lets variables win over the file.
func (d *document) environment(path string, to reflect.Value, getenv func(string) string) {
	t := to.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		at, variable := join(path, keyOf(t, f)), f.Tag.Get("env")
		if f.Type.Kind() == reflect.Struct {
			d.environment(at, to.Field(i), getenv)
			continue
		}
		if variable == "" {
			continue
		}
		text := strings.TrimSpace(getenv(variable))
		if f.Type == reflect.TypeFor[Secret]() {
			text = reference(variable, getenv)
		}
		if text == "" {
			continue
		}
		d.places[at] = place{variable: variable}
		d.variable(at, to.Field(i), text+f.Tag.Get("unit"))
	}
}

// reference is where the environment has a secret: itself, or in the file that NAME_FILE names.
func reference(variable string, getenv func(string) string) string {
	if file := strings.TrimSpace(getenv(variable + "_FILE")); file != "" {
		return "file:" + file
	}
	if getenv(variable) != "" {
		return "env:" + variable
	}
	return ""
}

func (d *document) variable(path string, to reflect.Value, text string) {
	switch v := to.Addr().Interface().(type) {
	case *[]string:
		*v = nil
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				*v = append(*v, one)
			}
		}
		return
	case *[]spec.Room:
		var rooms []spec.Room
		if err := json.Unmarshal([]byte(text), &rooms); err != nil || len(text) > mostBytes {
			d.add(path, "is no JSON list of rooms: %v", err)
			return
		}
		*v = rooms
		for i := range rooms {
			if rooms[i].Policy.IsZero() {
				rooms[i].Policy = spec.DefaultPolicy()
			}
		}
		return
	}
	if err := set(to, text); err != nil {
		d.add(path, "%v", err)
	}
}

// build makes what the agent takes. It opens the devices of this box, reads secrets, and asks nobody over the network.
func (d *document) build(s Settings, getenv func(string) string) agent.Config {
	inside := func(path string) string { return fn.Path(getenv, path) }
	c := agent.Config{
		Box: s.Box, Rooms: s.Rooms, Brokers: s.Kafka.Brokers, Dir: s.Data, Listen: s.Listen, IP: s.IP,
		ResourceEvery: s.Resources.Every.D(), Clock: s.Clock,
		Spool: agent.Spool{Bytes: int64(s.Spool.Size), SyncEvery: s.Spool.SyncEvery.D(), Linger: s.Spool.Linger.D()},
		Plausible: agent.Plausible{
			Least: s.Plausible.Least, Most: s.Plausible.Most, StepK: s.Plausible.StepK,
			StuckAfter: s.Plausible.StuckAfter.D(), StuckK: s.Plausible.StuckK,
		},
		EchoWait: s.Infrared.EchoWait.D(), Spacing: s.Infrared.Spacing.D(),
		CoAP:  agent.CoAP{Listen: s.CoAP.Listen, Identity: s.CoAP.Identity, Key: []byte(d.secret("coap.key", s.CoAP.Key, getenv, inside))},
		Kafka: agent.Kafka{TLS: s.Kafka.TLS || s.Kafka.CA != "", User: s.Kafka.User, Mechanism: s.Kafka.Mechanism, Prefix: s.Kafka.Prefix},
	}
	if c.IP == "" {
		c.IP = agent.OwnIP()
	}
	c.Kafka.Password = d.secret("kafka.password", s.Kafka.Password, getenv, inside)
	c.Kafka.Authorities = d.authorities(s.Kafka.CA, inside)
	c.Targets = d.targets(s, getenv, inside)
	c.Devices = catalog.Catalog{
		Simulation: simulated.Simulation{URL: strings.TrimSuffix(s.Simulated.URL, "/"), Client: &http.Client{}}, Sysfs: "/sys", Boxes: c.Targets,
	}
	if s.CoAP.Listen != "" {
		if err := coap.Config(c.CoAP).Validate(); err != nil {
			d.add("coap.listen", "%s", strings.TrimSuffix(err.Error(), ": "+fault.ErrInvalid.Error()))
		}
	}
	for _, p := range c.Check() {
		d.add(p.Path, "%s", p.Message)
	}
	return c
}

func (d *document) secret(path string, s Secret, getenv func(string) string, inside func(string) string) string {
	value, err := s.Value(getenv, inside)
	if err != nil {
		d.add(path, "%s %v", last(path), err)
	}
	return value
}

func (d *document) authorities(file string, inside func(string) string) string {
	if file == "" {
		return ""
	}
	data, err := os.ReadFile(inside(file))
	if err != nil {
		d.add("kafka.authorities", "authorities cannot be read: %v", err)
		return ""
	}
	if !agent.HoldsCertificate(data) {
		d.add("kafka.authorities", "authorities %s holds no certificate", file)
	}
	return string(data)
}

// EnvTargets names the environment variable that takes the place of the whole section boxes:
// rack-1=udp://10.0.0.11:161?community=public, more with commas between.
const EnvTargets = "SNMP_TARGETS"

func (d *document) targets(s Settings, getenv func(string) string, inside func(string) string) []snmp.Target {
	if text := strings.TrimSpace(getenv(EnvTargets)); text != "" {
		return d.envTargets(text)
	}
	var out []snmp.Target
	for _, b := range s.Boxes {
		path := "boxes." + b.Name
		host, port, ok := b.endpoint()
		if !ok {
			d.add(path+".address", "address of box %s is no host or host:port: %s", b.Name, quoted(b.Address))
			continue
		}
		t := snmp.Target{
			Box: b.Name, Host: host, Port: port, Version: b.Version, User: b.User, Auth: b.Auth, Privacy: b.Privacy, Context: b.Context,
			Timeout: b.Timeout.D(), Retries: b.Retries, MaxRepetitions: b.MaxRepetitions, Skip: b.Skip,
		}
		if b.Retries == 0 {
			t.Retries = -1 // none; zero would be the default
		}
		if b.User == "" {
			t.Community = snmp.Secret(d.community(path+".community", b.Community, getenv, inside))
		}
		t.AuthPassword = snmp.Secret(d.secret(path+".auth-password", b.AuthPassword, getenv, inside))
		t.PrivacyPassword = snmp.Secret(d.secret(path+".privacy-password", b.PrivacyPassword, getenv, inside))
		if err := t.Validate(); err != nil && !d.within(path) {
			d.add(path, "%s", strings.TrimSuffix(err.Error(), ": "+fault.ErrInvalid.Error()))
		}
		out = append(out, t)
	}
	return out
}

// community may stand in the file: it crosses the network in the open.
func (d *document) community(path string, s Secret, getenv func(string) string, inside func(string) string) string {
	if !s.isReference() {
		return string(s)
	}
	return d.secret(path, s, getenv, inside)
}

// envTargets reads SNMP_TARGETS. The values hold community names, so no fault quotes them.
func (d *document) envTargets(text string) []snmp.Target {
	d.places["boxes"] = place{variable: EnvTargets}
	var out []snmp.Target
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		box, address, _ := strings.Cut(entry, "=")
		target, err := snmp.ParseTarget(box, address)
		if err != nil {
			d.add("boxes", "%v", err)
			continue
		}
		out = append(out, target)
	}
	return out
}

// Problems are the single faults of an error of Load, for people; the error itself when there are none.
func Problems(err error) []string {
	var problems spec.Problems
	if !errors.As(err, &problems) {
		return []string{err.Error()}
	}
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}
