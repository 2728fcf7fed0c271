package temporal

import (
	"context"
	"errors"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// pulls fills in how far the pulls of a change have come, from the heartbeats of the child that places images.
func (c *Client) pulls(ctx context.Context, status workflows.Status, steps []workflows.StepNode) error {
	place := workflows.PlaceID(status.Service, status.Revision)
	if status.Phase != workflows.PhasePlacing {
		return nil
	}
	pending, err := c.Pending(ctx, place)
	if errors.Is(err, fault.ErrNotFound) { // it begins
		return nil
	}
	if err != nil {
		return err
	}
	for i := range steps {
		for _, one := range pending {
			if one.ActivityID == steps[i].ActivityID && one.Pull.TotalBytes > 0 {
				steps[i].Pull = &one.Pull
			}
		}
	}
	return nil
}
