package config

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/snmp"
	"github.com/overcloud/overcloud/internal/spec"
)

// validate checks everything that needs no device.
func (d *document) validate(s Settings) {
	if s.Box == "" {
		d.add("box", "box is not set: write the name that this box has in the specification (or set OVERCLOUD_BOX)")
	}
	d.address("listen", s.Listen)
	if !strings.HasPrefix(s.Data, "/") && s.Data != "" || s.Data == "" {
		d.add("data", "data must be a folder by its full path, not %s", quoted(s.Data))
	}
	d.oneOf("log", s.Log, "debug", "info", "warn", "error")
	d.oneOf("clock", s.Clock, agent.ClockAuto, agent.ClockKernel, agent.ClockTrusted)
	if s.IP != "" && net.ParseIP(s.IP) == nil {
		d.add("ip", "ip %s is no IP address", quoted(s.IP))
	}
	d.kafka(s.Kafka)
	d.ranges(s)
	if s.CoAP.Listen != "" {
		d.address("coap.listen", s.CoAP.Listen)
	}
	if u, err := url.Parse(s.Simulated.URL); s.Simulated.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		d.add("simulated.url", "url %s is no URL (write http://host:port)", quoted(s.Simulated.URL))
	}
	d.rooms(s)
}

func (d *document) kafka(k Kafka) {
	if len(k.Brokers) == 0 {
		d.add("kafka.brokers", "brokers are not set: write [\"host:9092\"] (or set KAFKA_BROKERS)")
	}
	for i, broker := range k.Brokers {
		path := "kafka.brokers[" + strconv.Itoa(i) + "]"
		if at, ok := d.places["kafka.brokers"]; ok && at.variable != "" {
			path = "kafka.brokers"
		}
		d.address(path, broker)
	}
	d.oneOf("kafka.mechanism", k.Mechanism, "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
	if err := (kafka.Config{Prefix: k.Prefix}).CheckPrefix(); err != nil {
		d.add("kafka.prefix", "prefix is %s, but it must be of letters, digits, '.', '_' and '-'", quoted(k.Prefix))
	}
	if (k.User == "") != (k.Password == "") {
		d.add("kafka.password", "kafka has only one of user and password: SASL needs both")
	}
}

// ranges checks the numbers.
func (d *document) ranges(s Settings) {
	if s.Spool.Size < 1<<20 || s.Spool.Size > 1<<40 {
		d.add("spool.size", "size is %s, but it must be from 1MiB to 1024GiB", s.Spool.Size)
	}
	d.duration("spool.sync-every", s.Spool.SyncEvery, 100*time.Millisecond, time.Minute)
	d.duration("spool.linger", s.Spool.Linger, 0, time.Minute)
	d.number("plausible.least", s.Plausible.Least, -50, 50)
	d.number("plausible.most", s.Plausible.Most, 0, 150)
	if s.Plausible.Least >= s.Plausible.Most {
		d.add("plausible.least", "least is %g °C, but most is %g °C: least must be lower", s.Plausible.Least, s.Plausible.Most)
	}
	d.number("plausible.step", s.Plausible.StepK, 0.1, 1000)
	d.number("plausible.stuck-by", s.Plausible.StuckK, 0.1, 20)
	d.duration("plausible.stuck-after", s.Plausible.StuckAfter, 0, 7*24*time.Hour)
	d.duration("resources.every", s.Resources.Every, 100*time.Millisecond, time.Hour)
	d.duration("infrared.echo-wait", s.Infrared.EchoWait, 100*time.Millisecond, time.Minute)
	d.duration("infrared.spacing", s.Infrared.Spacing, 0, time.Minute)
	for _, b := range s.Boxes {
		d.duration("boxes."+b.Name+".timeout", b.Timeout, 100*time.Millisecond, time.Minute)
		if b.Retries < 0 || b.Retries > 10 {
			d.add("boxes."+b.Name+".retries", "retries is %d, but it must be from 0 to 10", b.Retries)
		}
		d.oneOf("boxes."+b.Name+".version", b.Version, "", snmp.Version2c, snmp.Version3)
	}
}

// rooms checks the rooms of the file as a specification's are; those of the environment come from one that was.
func (d *document) rooms(s Settings) {
	if at, ok := d.places["rooms"]; ok && at.variable != "" {
		for _, r := range s.Rooms {
			if r.Name == "" {
				d.add("rooms", "has a room without a name")
			}
		}
		return
	}
	for _, p := range spec.ValidateRooms(s.Rooms) {
		d.add(strings.TrimPrefix(p.Path, "x-overcloud."), "%s", p.Message)
	}
	var boxes []string
	for _, r := range s.Rooms {
		for _, one := range r.Sensors {
			boxes = append(boxes, one.Box)
		}
		for _, one := range r.AirConditioners {
			boxes = append(boxes, one.Box)
		}
	}
	if s.Box == "" || slices.Contains(boxes, s.Box) {
		return
	}
	if hint := spec.Suggest(s.Box, boxes); hint != "" {
		d.add("box", "no sensor and no air conditioner is on the box %q%s", s.Box, hint)
	}
}

func (d *document) oneOf(path, value string, known ...string) {
	if slices.Contains(known, value) {
		return
	}
	d.add(path, "%s is %s, but it must be one of %s%s", last(path), quoted(value), strings.Join(known, ", "), spec.Suggest(value, known))
}

func (d *document) number(path string, value, least, most float64) {
	if value < least || value > most {
		d.add(path, "%s is %g, but it must be from %g to %g", last(path), value, least, most)
	}
}

func (d *document) duration(path string, value spec.Duration, least, most time.Duration) {
	if value.D() < least || value.D() > most {
		d.add(path, "%s is %s, but it must be from %s to %s", last(path), value, least, most)
	}
}

func (d *document) address(path, text string) {
	host, port, err := net.SplitHostPort(text)
	n, bad := strconv.Atoi(port)
	if err != nil || host == "" || bad != nil || n < 0 || n > 65535 {
		d.add(path, "%s is not host:port: %s", last(path), quoted(text))
	}
}

// endpoint is the host and port of the box's agent.
func (b Box) endpoint() (host string, port uint16, ok bool) {
	if host, text, err := net.SplitHostPort(b.Address); err == nil {
		n, err := strconv.ParseUint(text, 10, 16)
		return host, uint16(n), err == nil && n > 0 && host != ""
	}
	host = strings.Trim(b.Address, "[]")
	return host, snmp.DefaultPort, host != "" && (!strings.ContainsAny(host, ":/ ") || net.ParseIP(host) != nil)
}
