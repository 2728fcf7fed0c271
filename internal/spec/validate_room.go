package spec

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/overcloud/overcloud/internal/infrared"
)

// What an air conditioner can be told at all, °C: the range of the infrared remotes. What one remote can say is its
// profile's affair.
const (
	coldestSetpoint = 16
	warmestSetpoint = 30
)

// mostRunning bounds the power above which a machine certainly cools, W.
const mostRunning = 100_000

func (c *check) rooms() {
	rooms, sensors := map[string]bool{}, map[int]string{}
	for _, r := range c.service.Rooms {
		path := "x-overcloud.rooms." + r.Name
		c.name(path, "room", r.Name)
		if rooms[r.Name] {
			c.add(path, "room %q is declared twice: rename one", r.Name)
		}
		rooms[r.Name] = true
		for i, b := range r.Boxes {
			c.knownBox(fmt.Sprintf("%s.boxes[%d]", path, i), fmt.Sprintf("room %q", r.Name), b)
		}
		if len(r.Sensors) == 0 {
			c.add(path+".sensors", "room %q has no sensors: a room without a reading cannot be cooled", r.Name)
		}
		for i, s := range r.Sensors {
			at := fmt.Sprintf("%s.sensors[%d]", path, i)
			if other, taken := sensors[s.ID]; taken {
				c.add(at+".id", "sensor id %d is used in room %q already: ids are unique over all rooms", s.ID, other)
			}
			sensors[s.ID] = r.Name
			c.sensor(at, s)
		}
		if len(r.Sensors) > 0 && len(r.Inlets()) == 0 {
			c.add(path+".sensors", "room %q has no sensor with the role inlet: it is cooled by the air that its boxes draw in, so give one that role", r.Name)
		}
		c.airConditioners(path, r)
		c.loadMeter(path, r)
		c.shed(path, r)
		c.policy(path+".policy", r.Policy)
	}
}

func (c *check) sensor(path string, s Sensor) {
	if s.ID < 1 || s.ID > 1_000_000 {
		c.add(path+".id", "sensor id is %d, but it must be from 1 to 1000000", s.ID)
	}
	c.knownBox(path+".box", fmt.Sprintf("sensor %d", s.ID), s.Box)
	if !device(s.Source) || strings.HasPrefix(s.Source, "/") {
		c.add(path+".source", "source %q of sensor %d must say how it is read: simulated://room/1, w1:28-…, iio:…, snmp:…, file:… or exec:…", s.Source, s.ID)
	}
	if roles := []string{RoleInlet, RoleSupply, RoleReturn, RoleAmbient}; s.Role != "" && !slices.Contains(roles, s.Role) {
		c.add(path+".role", "role %q of sensor %d is unknown%s: it must be one of %s", s.Role, s.ID, Suggest(s.Role, roles), strings.Join(roles, ", "))
	}
	c.onMap(path, s.X, s.Y)
}

func (c *check) airConditioners(path string, r Room) {
	seen := map[string]bool{}
	for _, a := range r.AirConditioners {
		at := path + ".air-conditioners." + a.Name
		c.name(at, "air conditioner", a.Name)
		if seen[a.Name] {
			c.add(at, "air conditioner %q is declared twice in room %q: rename one", a.Name, r.Name)
		}
		seen[a.Name] = true
		c.remote(at+".remote", a)
		c.knownBox(at+".box", fmt.Sprintf("air conditioner %q", a.Name), a.Box)
		if !device(a.Transmitter) {
			c.add(at+".transmitter", "transmitter %q of air conditioner %q must say how it is sent: simulated://ac1, lircd:… or /dev/lirc0", a.Transmitter, a.Name)
		}
		c.evidence(at, r, a)
		lowest := c.degrees(at+".min", "min", a.Min)
		highest := c.degrees(at+".max", "max", a.Max)
		switch {
		case !lowest || !highest:
		case a.Min >= a.Max:
			c.add(at+".min", "min is %d °C, but max is %d °C: min must be lower", a.Min, a.Max)
		case a.Max < r.Policy.SetpointMin || a.Min > r.Policy.SetpointMax:
			c.add(at, "air conditioner %q can do %d to %d °C, but the policy of room %q allows %d to %d °C: they must overlap",
				a.Name, a.Min, a.Max, r.Name, r.Policy.SetpointMin, r.Policy.SetpointMax)
		}
		c.onMap(at, a.X, a.Y)
	}
}

// remote checks that the infrared profile is one of ours or a remote of a file on the edge's box.
func (c *check) remote(path string, a AirConditioner) {
	known := infrared.Names()
	switch {
	case slices.Contains(known, a.Remote), namedRemote(a.Remote):
	case strings.ContainsAny(a.Remote, "#/"):
		c.add(path, "remote %q of air conditioner %q must name a file by its absolute path and a remote in it: /etc/overcloud/ac1.lircd.conf#ServerRoom_AC1", a.Remote, a.Name)
	default:
		c.add(path, "remote %q of air conditioner %q is unknown%s: known infrared profiles are %s",
			a.Remote, a.Name, Suggest(a.Remote, known), strings.Join(known, ", "))
	}
}

// evidence checks what tells whether the machine did what it was told: a receiver, a meter, sensors in its air.
func (c *check) evidence(path string, r Room, a AirConditioner) {
	if a.Receiver != "" && !device(a.Receiver) {
		c.add(path+".receiver", "receiver %q of air conditioner %q must say how it hears: simulated://ac1, lircd:… or /dev/lirc1", a.Receiver, a.Name)
	}
	if a.Meter != "" && !device(a.Meter) {
		c.add(path+".meter", "meter %q of air conditioner %q must say how its power is read: simulated://ac1, snmp:…, file:… or exec:…", a.Meter, a.Name)
	}
	if !(a.Running >= 0 && a.Running <= mostRunning) {
		c.add(path+".running-w", "running-w is %v W, but it must be from 0 to %d W", a.Running, mostRunning)
	}
	c.airOf(path+".supply", r, a, RoleSupply, a.Supply)
	c.airOf(path+".return", r, a, RoleReturn, a.Return)
}

// airOf checks the sensor in the air that a machine blows out or draws in: it must have that role, for as an inlet it
// would be cooled by.
func (c *check) airOf(path string, r Room, a AirConditioner, role string, id int) {
	if id == 0 {
		return
	}
	at := slices.IndexFunc(r.Sensors, func(s Sensor) bool { return s.ID == id })
	if at < 0 {
		c.add(path, "%s of air conditioner %q is sensor %d, but room %q has no such sensor", role, a.Name, id, r.Name)
		return
	}
	if has := cmp.Or(r.Sensors[at].Role, RoleInlet); has != role {
		c.add(path, "%s of air conditioner %q is sensor %d, whose role is %s: give it the role %s", role, a.Name, id, has, role)
	}
}

// degrees checks a setpoint and says whether it is one.
func (c *check) degrees(path, what string, value int) bool {
	return c.whole(path, what, value, coldestSetpoint, warmestSetpoint, " °C")
}

func (c *check) whole(path, what string, value, least, most int, unit string) bool {
	if value >= least && value <= most {
		return true
	}
	c.add(path, "%s is %d%s, but it must be from %d to %d%s", what, value, unit, least, most, unit)
	return false
}

func (c *check) knownBox(path, who, box string) {
	switch {
	case box == "":
		c.add(path, "%s names no box: add the box that it is connected to", who)
	case !c.boxes[box]:
		c.add(path, "%s is on the box %q, but there is no box %q%s", who, box, box, Suggest(box, keys(c.boxes)))
	}
}

// onMap checks a place on the floor map, each coordinate from 0 (left, top) to 1.
func (c *check) onMap(path string, x, y float64) {
	if !(x >= 0 && x <= 1) {
		c.add(path+".x", "x is %v, but it must be from 0 to 1 (a part of the room's width)", x)
	}
	if !(y >= 0 && y <= 1) {
		c.add(path+".y", "y is %v, but it must be from 0 to 1 (a part of the room's depth)", y)
	}
}

// namedRemote says whether a text names a remote of a file on the edge's box: an absolute path, # and the name that
// lircd knows. Whether file and remote exist is the edge's affair.
func namedRemote(text string) bool {
	return regexp.MustCompile(`^/[^\s#]*[^\s#/]#[^\s#]+$`).MatchString(text)
}

// device says whether a text names a way to reach a device: scheme:rest, an absolute path, or lircd: alone for its
// usual socket. Which schemes there are is the edge's affair.
func device(text string) bool {
	return text == "lircd:" || regexp.MustCompile(`^([a-z][a-z0-9+.-]*:\S+|/\S+)$`).MatchString(text)
}
