package temporal

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// A replacement that runs beside the old container until it is healthy, which may take longer than an orphan's grace,
// is no orphan.
func TestAReplacementBesideTheOldContainerIsWanted(t *testing.T) {
	now := workflows.Running{
		Before: []plan.Placement{{Box: "a", Container: "s-web-1"}},
		Changing: []plan.Placement{
			{Box: "a", Container: "s-web-1", Action: plan.ActionReplace, Order: spec.OrderStartFirst},
			{Box: "b", Container: "s-db-1", Action: plan.ActionReplace},
		},
	}
	require.Equal(t, []activities.Container{
		{Box: "a", Name: "s-web-1"}, {Box: "a", Name: "s-web-1"}, {Box: "a", Name: "s-web-1-next"}, {Box: "b", Name: "s-db-1"},
	}, wanted(now))
}
