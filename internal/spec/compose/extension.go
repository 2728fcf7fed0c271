package compose

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/spec"
)

// extension reads x-overcloud at the top of the file.
func (l *loader) extension(value any, service *spec.Service) {
	top := l.section("x-overcloud", value)
	if orchestrator := top.text("orchestrator"); orchestrator != "" {
		service.Orchestrator = orchestrator
	}
	if image := top.text("probe-image"); image != "" {
		service.ProbeImage = image
	}
	top.duration("schedule", &service.Schedule)
	lost := top.mapping("lost")
	lost.duration("after", &service.Lost.After)
	service.Lost.Return, service.Lost.Volumes = lost.text("return"), lost.text("volumes")
	lost.done()
	service.History = l.history(top.mapping("history"))

	boxes := top.mapping("boxes")
	for _, name := range sortedNames(boxes.values) {
		service.Boxes = append(service.Boxes, l.box(boxes.at(name), name, boxes.values[name]))
	}
	if len(service.Boxes) == 0 && !l.excused["x-overcloud.boxes"] {
		service.Boxes = []spec.Box{l.localBox()}
	}
	registries := top.mapping("registries")
	for _, host := range sortedNames(registries.values) {
		r := l.section(registries.at(host), registries.values[host])
		service.Registries = append(service.Registries, spec.Registry{
			Host: host, Mirrors: r.texts("mirrors"), Mode: r.text("mode"), Credentials: r.text("credentials"),
			CA: l.beside(r.text("ca")),
		})
		r.done()
	}
	approval := top.mapping("approval")
	for _, step := range []string{"place", "stitch"} {
		if approval.required(step) {
			service.Approvals = append(service.Approvals, step)
		}
	}
	approval.done()
	rooms := top.mapping("rooms")
	for _, name := range sortedNames(rooms.values) {
		service.Rooms = append(service.Rooms, l.room(rooms.at(name), name, rooms.values[name]))
	}
	top.done()
}

func (l *loader) box(path, name string, value any) spec.Box {
	s := l.section(path, value)
	b := spec.Box{
		Name: name, Engine: s.text("engine"), Address: s.text("address"),
		MemoryBytes: s.bytes("memory"), DiskBytes: s.bytes("disk"), SSH: s.text("ssh"), TLS: l.beside(s.text("tls")),
		Install: s.yes("install"), Availability: s.text("availability"),
	}
	s.number("cpus", &b.CPUs)
	for _, label := range s.variables("labels") {
		if b.Labels == nil {
			b.Labels = map[string]string{}
		}
		b.Labels[label.Name] = label.Value
	}
	b.Address = cmp.Or(b.Address, engineHost(b.Engine))
	s.done()
	return b
}

// beside is a path of the specification; one that is not absolute counts from the specification's folder.
func (l *loader) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}

// localBox is the box of a file that declares none: the engine that the docker command would use.
func (l *loader) localBox() spec.Box {
	engine := cmp.Or(l.env["DOCKER_HOST"], "unix:///var/run/docker.sock")
	return spec.Box{Name: "local", Engine: engine, Address: engineHost(engine)}
}

// engineHost is where functions of a box are reached when nothing else is said: where its engine is.
func engineHost(engine string) string {
	u, err := url.Parse(engine)
	if err != nil || u.Scheme == "unix" || u.Hostname() == "" {
		return "127.0.0.1"
	}
	return u.Hostname()
}

func (l *loader) room(path, name string, value any) spec.Room {
	s := l.section(path, value)
	r := spec.Room{Name: name, Title: s.text("title"), Boxes: s.texts("boxes"), Policy: l.policy(s.mapping("policy"))}
	for i, item := range s.list("sensors") {
		r.Sensors = append(r.Sensors, l.sensor(fmt.Sprintf("%s[%d]", s.at("sensors"), i), item))
	}
	r.Shed, r.LoadMeter = l.shed(s), l.loadMeter(s)
	machines := s.mapping("air-conditioners")
	for _, name := range sortedNames(machines.values) {
		r.AirConditioners = append(r.AirConditioners, l.airConditioner(machines.at(name), name, machines.values[name]))
	}
	s.done()
	return r
}

func (l *loader) sensor(path string, value any) spec.Sensor {
	s := l.section(path, value)
	sensor := spec.Sensor{Name: s.text("name"), Source: s.text("source"), Box: s.text("box"), Role: s.text("role")}
	s.whole("id", &sensor.ID)
	s.number("x", &sensor.X)
	s.number("y", &sensor.Y)
	s.done()
	return sensor
}

func (l *loader) airConditioner(path, name string, value any) spec.AirConditioner {
	s := l.section(path, value)
	// 18 to 30 °C is what nearly every remote can say.
	a := spec.AirConditioner{
		Name: name, Remote: s.text("remote"), Box: s.text("box"), Transmitter: s.text("transmitter"), Min: 18, Max: 30,
		Receiver: s.text("receiver"), Meter: s.text("meter"),
	}
	s.whole("supply", &a.Supply)
	s.whole("return", &a.Return)
	s.number("running-w", &a.Running)
	s.whole("min", &a.Min)
	s.whole("max", &a.Max)
	s.number("x", &a.X)
	s.number("y", &a.Y)
	s.done()
	return a
}

// functionExtension reads x-overcloud of one function and says whether its start waits for a person.
func (l *loader) functionExtension(path string, value any, project *types.Project, f *spec.Function) (approval bool) {
	s := l.section(path, value)
	f.DataIO, f.External, f.Engine = s.yes("data-io"), s.text("external"), s.text("engine")
	f.Prefer, f.Avoid = s.variables("prefer"), s.variables("avoid")
	approval = s.required("approval")
	l.consumes(s, project, f)
	for i, item := range s.list("candidates") {
		c := l.section(fmt.Sprintf("%s[%d]", s.at("candidates"), i), item)
		candidate := spec.Candidate{Image: c.text("image"), Resources: l.resources(c.mapping("resources"))}
		for _, text := range c.texts("constraints") {
			candidate.Constraints = append(candidate.Constraints, constraint(text))
		}
		c.done()
		f.Candidates = append(f.Candidates, candidate)
	}
	if _, ok := s.values["tune"]; ok {
		t := s.mapping("tune")
		f.Tune = &spec.Tune{Metric: t.text("metric"), Least: 1, Most: 1, Kafka: t.text("kafka"), Group: t.text("group")}
		t.number("target", &f.Tune.Target)
		t.whole("least", &f.Tune.Least)
		t.whole("most", &f.Tune.Most)
		t.done()
	}
	s.known = append(s.known, "tune")
	s.done()
	return approval
}

func (l *loader) resources(s *section) spec.Resources {
	var r spec.Resources
	reserved, limit := s.mapping("reservations"), s.mapping("limits")
	reserved.number("cpus", &r.CPUs)
	r.MemoryBytes = reserved.bytes("memory")
	limit.number("cpus", &r.LimitCPUs)
	r.LimitMemoryBytes = limit.bytes("memory")
	reserved.done()
	limit.done()
	s.done()
	return r
}

// consumes reads the edges of the chain. Entries that are left out give their index to those behind them.
func (l *loader) consumes(s *section, project *types.Project, f *spec.Function) {
	list := s.at("consumes")
	var dropped []int
	for i, item := range s.list("consumes") {
		if e, ok := l.edge(fmt.Sprintf("%s[%d]", list, i), item, project, f.Name); ok {
			f.Consumes = append(f.Consumes, e)
		} else {
			dropped = append(dropped, i)
		}
	}
	if len(dropped) == 0 {
		return
	}
	for path := range l.excused {
		if strings.HasPrefix(path, list+"[") {
			delete(l.excused, path)
		}
	}
	for _, i := range slices.Backward(dropped) {
		l.doc.dropItem(list, i)
	}
	if len(f.Consumes) == 0 {
		f.DataIO = false // what it would stand beside is not there
	}
}

// edge reads one entry of consumes: "kafka:9092", "kafka" for a provider with a single port, or a mapping of
// function, port and required. It is not ok when the entry is wrong, or its provider is not active and not
// required.
func (l *loader) edge(path string, item any, project *types.Project, consumer string) (e spec.Edge, ok bool) {
	required := true
	switch v := item.(type) {
	case string:
		name, port, found := strings.Cut(v, ":")
		e.Function, e.Port = name, number(port)
		if name == "" || (found && e.Port == 0) {
			l.add(path, "consumes must be function:port, not %s", shown(v))
			return e, false
		}
	case map[string]any:
		s := l.section(path, v)
		e.Function = s.text("function")
		s.whole("port", &e.Port)
		required = s.yes("required") || v["required"] == nil
		s.done()
		if e.Function == "" {
			l.add(path, "consumes must name a function: write function:port")
			return e, false
		}
	default:
		l.add(path, "consumes must be function:port, not %s", shown(item))
		return e, false
	}
	if provider, disabled := project.DisabledServices[e.Function]; disabled {
		if required {
			l.add(path, "function %q consumes %q, which %s: activate it, or write {function: %s, required: false}",
				consumer, e.Function, profilesOf(provider), e.Function)
		}
		return e, false
	}
	if _, known := project.Services[e.Function]; known && e.Port == 0 {
		e.Port = onlyPort(e.Function, project)
		if e.Port == 0 {
			l.add(path, "function %q consumes %q without saying which port: write %s:PORT", consumer, e.Function, e.Function)
			return e, false
		}
	}
	return e, true
}

// onlyPort is the port of a provider that has just one, else 0.
func onlyPort(provider string, project *types.Project) int {
	s := project.Services[provider]
	probe := spec.Function{Name: provider}
	for _, p := range s.Ports {
		probe.Ports = append(probe.Ports, spec.Port{Container: int(p.Target)})
	}
	for _, text := range s.Expose {
		text, _, _ = strings.Cut(text, "/")
		if n := number(text); n > 0 {
			probe.Expose = append(probe.Expose, n)
		}
	}
	extension, _ := s.Extensions["x-overcloud"].(map[string]any)
	probe.External, _ = extension["external"].(string)
	if ports := probe.OfferedPorts(); len(ports) == 1 {
		return ports[0]
	}
	return 0
}
