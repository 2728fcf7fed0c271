package temporal

import "slices"

// reason is why one try of an activity failed. A history keeps only the last of each activity; whoever asks while it is
// tried hears the others too.
type reason struct {
	activity string
	try      int
	why      string
}

// reasonsMost bounds the steps whose reasons are remembered.
const reasonsMost = 2000

// heard remembers a reason, once.
func (h *histories) heard(run, step string, one reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := run + " " + step
	again := func(r reason) bool { return r.activity == one.activity && r.try == one.try }
	if one.why == "" || slices.ContainsFunc(h.whys[key], again) {
		return
	}
	if h.whys == nil || len(h.whys) >= reasonsMost {
		h.whys = map[string][]reason{}
	}
	h.whys[key] = append(h.whys[key], one)
}

// retries are the reasons of a step's failed tries, oldest first: those that were heard, and those that its history has.
func (h *histories) retries(run, step string, kept []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, one := range h.whys[run+" "+step] {
		all = append(all, one.why)
	}
	for _, why := range kept {
		if !slices.Contains(all, why) {
			all = append(all, why)
		}
	}
	return all
}
