package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// A policy that a machine cannot keep would cool its room past the policy for ever.
func TestAPolicyThatNoMachineReachesIsRefused(t *testing.T) {
	in := coldAisle() // ac2 can do 20 to 30 °C
	run := &tuning{in: in, state: newTuneState(in, nine)}
	cold := spec.DefaultPolicy()
	cold.SetpointMin, cold.SetpointMax, cold.SetpointStart, cold.FailCold = 16, 19, 18, 17
	_, err := run.takePolicy(nine, PolicyRequest{Policy: wire.Encode(cold)})
	require.EqualError(t, err,
		"air conditioner ac2 can do 20 to 30 °C, but the policy allows 16 to 19: they must overlap")
	require.Equal(t, spec.DefaultPolicy(), run.state.Policy, "nothing has changed")

	in.Room.Policy = cold
	require.ErrorContains(t, checkRoom(in.Room, "hall"), "they must overlap")
	in.Room.AirConditioners[1].Min = 19
	require.NoError(t, checkRoom(in.Room, "hall"))
}
