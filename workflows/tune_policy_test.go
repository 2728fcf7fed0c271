package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// A policy that a machine cannot keep would cool its room past the policy for ever.
func TestAPolicyThatNoMachineReachesIsRefused(t *testing.T) {
	in := coldAisle() // ac2 can do 20 to 30 °C
	s := newTuneState(in, nine)
	cold := spec.DefaultPolicy()
	cold.SetpointMin, cold.SetpointMax, cold.SetpointStart, cold.FailCold = 16, 19, 18, 17
	require.EqualError(t, s.takePolicy(nine, PolicyRequest{Policy: cold}),
		"air conditioner ac2 can do 20 to 30 °C, but the policy allows 16 to 19: they must overlap")
	require.Equal(t, spec.DefaultPolicy(), s.Policy, "nothing has changed")

	in.Room.Policy = cold
	require.ErrorContains(t, checkRoom(in.Room, "hall"), "they must overlap")
	in.Room.AirConditioners[1].Min = 19
	require.NoError(t, checkRoom(in.Room, "hall"))
}
