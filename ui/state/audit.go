package state

import (
	"maps"

	"github.com/overcloud/overcloud/workflows"
)

// Audits are what the workflows themselves keep of who asked for what, the newest last: by room, and the service's under
// the empty name.
func (s *Store) Audits() map[string][]workflows.AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	audits := map[string][]workflows.AuditEntry{}
	for room, t := range maps.All(s.tunes) {
		audits[room] = t.state.Audit
	}
	if s.service != nil {
		audits[""] = s.service.Audit
	}
	return audits
}
