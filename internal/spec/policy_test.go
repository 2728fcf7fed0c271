package spec

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestAPolicyIsRefusedWithAllItsFaults(t *testing.T) {
	require.NoError(t, DefaultPolicy().Validate())
	p := DefaultPolicy()
	p.BandLow, p.SetpointMax, p.UpStep, p.StaleAfter = 27, 40, 0, Duration(time.Second)
	err := p.Validate()
	require.ErrorIs(t, err, fault.ErrInvalid)
	for _, part := range []string{"band-low is 27", "setpoint-max is 40", "up-step is 0", "3 times sample-every"} {
		require.ErrorContains(t, err, part)
	}
	require.Error(t, Policy{}.Validate())
}
