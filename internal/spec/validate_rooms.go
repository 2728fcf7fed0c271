package spec

// ValidateRooms checks rooms by themselves, as an edge's own file has them: every box that they name counts as known.
// The paths of the problems are those of a specification, x-overcloud.rooms.….
func ValidateRooms(rooms []Room) Problems {
	c := &check{service: Service{Rooms: rooms}, boxes: map[string]bool{}}
	for _, r := range rooms {
		for _, b := range r.Boxes {
			c.boxes[b] = true
		}
		for _, s := range r.Sensors {
			c.boxes[s.Box] = true
		}
		for _, a := range r.AirConditioners {
			c.boxes[a.Box] = true
		}
		if r.LoadMeter != nil {
			c.boxes[r.LoadMeter.Box] = true
		}
		if r.Shed != nil {
			for _, step := range r.Shed.Order {
				c.boxes[step.Box], c.boxes[step.WakeFrom] = true, true
			}
		}
	}
	delete(c.boxes, "") // named by nobody
	c.rooms()
	return c.problems.Sort()
}
