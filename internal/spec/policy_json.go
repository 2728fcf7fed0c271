package spec

import (
	"encoding/json"
	"fmt"
	"slices"
)

// UnmarshalJSON changes what the JSON says and leaves the rest as it is, so that a message may bring a part of a policy.
// Where nothing was there yet, what is left out gets its default: policies outlive the versions that wrote them, in
// histories, in intents and on the disks of edges. Zeros that are written are taken at their word (they switch things
// off), except that JSON which says nothing but zeros, as the zero Policy is written, states no policy: the receiver
// then stays zero, and its owner takes the default.
func (p *Policy) UnmarshalJSON(data []byte) error {
	type plain Policy // without this method
	var said plain
	if err := json.Unmarshal(data, &said); err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("a policy: %w", err)
	}
	_, classed := parts["class"]
	next := *p
	if p.IsZero() {
		if Policy(said).IsZero() {
			return nil
		}
		next = DefaultPolicy()
	} else {
		classed = true
	}
	// A slice would be decoded into the old one's memory, and its entries mixed with the old ones.
	kept := slices.Clone(next.Schedule)
	next.Schedule = nil
	if err := json.Unmarshal(data, (*plain)(&next)); err != nil {
		return err
	}
	if _, scheduled := parts["schedule"]; !scheduled {
		next.Schedule = kept
	}
	if len(next.Schedule) == 0 {
		next.Schedule = nil
	}
	if !classed {
		next.Class = next.narrowestClass()
	}
	*p = next
	return nil
}
