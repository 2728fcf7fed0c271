package state

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

// heardStep rounds the times of last answers (ms): they move every few seconds without anything being new, and no
// stream needs to say so more often. A source with a fault keeps its exact time.
const heardStep = 15_000

// Sections is a snapshot cut into the parts that change on their own, each as JSON by its path: service, sources,
// alerts, boxes/NAME, rooms/ROOM/FIELD, rooms/ROOM/sensors/ID and rooms/ROOM/acs/NAME; names are escaped as in a URL's
// path. Now and Version are in none of them.
func (s Snapshot) Sections() (map[string]json.RawMessage, error) {
	cut := cutter{parts: make(map[string]json.RawMessage, 3+len(s.Boxes)+24*len(s.Rooms))}
	cut.put("service", s.Service)
	cut.put("sources", settled(s.Sources))
	cut.put("alerts", s.Alerts)
	for _, box := range s.Boxes {
		cut.put("boxes/"+url.PathEscape(box.Name), box)
	}
	for _, room := range s.Rooms {
		cut.room(room)
	}
	return cut.parts, cut.err
}

// cutter gathers parts, and the first error.
type cutter struct {
	parts map[string]json.RawMessage
	err   error
}

func (c *cutter) put(path string, value any) {
	text, err := json.Marshal(value)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("encode %s: %w", path, err)
	}
	c.parts[path] = text
}

// room cuts a room into its fields, and its lists into what stands in them.
func (c *cutter) room(room Room) {
	path := "rooms/" + url.PathEscape(room.Name)
	for _, sensor := range room.Sensors {
		c.put(path+"/sensors/"+strconv.Itoa(sensor.ID), sensor)
	}
	for _, ac := range room.ACs {
		c.put(path+"/acs/"+url.PathEscape(ac.Name), ac)
	}
	room.Sensors, room.ACs = nil, nil
	room.TuneHeardAt -= room.TuneHeardAt % heardStep
	text, err := json.Marshal(room)
	var fields map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("encode %s: %w", path, err)
	}
	delete(fields, "sensors")
	delete(fields, "acs")
	for name, value := range fields {
		c.parts[path+"/"+name] = value
	}
}

func settled(sources map[string]*Source) map[string]Source {
	out := make(map[string]Source, len(sources))
	for name, source := range sources {
		known := *source
		if known.Fault == "" {
			known.HeardAt -= known.HeardAt % heardStep
		}
		out[name] = known
	}
	return out
}
