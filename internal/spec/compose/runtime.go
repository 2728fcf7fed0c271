package compose

import (
	"fmt"
	"math"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/overcloud/overcloud/internal/spec"
)

// runtime reads how a function's processes run.
func runtime(s types.ServiceConfig) spec.Runtime {
	r := spec.Runtime{
		User: s.User, Groups: s.GroupAdd, WorkingDir: s.WorkingDir, Hostname: s.Hostname,
		Init: s.Init != nil && *s.Init, ReadOnly: s.ReadOnly, CapAdd: s.CapAdd, CapDrop: s.CapDrop,
		Security: s.SecurityOpt, Tmpfs: s.Tmpfs, ShmBytes: int64(s.ShmSize),
	}
	for _, name := range sortedNames(s.Ulimits) {
		limit := s.Ulimits[name]
		one := spec.Ulimit{Name: name, Soft: int64(limit.Soft), Hard: int64(limit.Hard)}
		if limit.Single != 0 {
			one.Soft, one.Hard = int64(limit.Single), int64(limit.Single)
		}
		r.Ulimits = append(r.Ulimits, one)
	}
	for _, name := range sortedNames(s.Sysctls) {
		r.Sysctls = append(r.Sysctls, spec.Variable{Name: name, Value: s.Sysctls[name]})
	}
	return r
}

// updateConfig reads deploy.update_config.
func updateConfig(c *types.UpdateConfig) *spec.Update {
	if c == nil {
		return nil
	}
	u := &spec.Update{
		Parallelism: 1, // Compose's default
		Delay:       spec.Duration(c.Delay), Monitor: spec.Duration(c.Monitor), MaxFailureRatio: exact(c.MaxFailureRatio),
		FailureAction: c.FailureAction, Order: c.Order,
	}
	if c.Parallelism != nil {
		u.Parallelism = int(min(*c.Parallelism, math.MaxInt32))
	}
	return u
}

// preferences reads deploy.placement.preferences: node labels to spread over.
func (l *loader) preferences(at string, wanted []types.PlacementPreferences) (labels []string) {
	for i, one := range wanted {
		label, ok := strings.CutPrefix(one.Spread, "node.labels.")
		if !ok || label == "" {
			l.add(fmt.Sprintf("%s[%d]", at, i), "spread %q is no label of a box: write spread: node.labels.LABEL", one.Spread)
			continue
		}
		labels = append(labels, label)
	}
	return labels
}
