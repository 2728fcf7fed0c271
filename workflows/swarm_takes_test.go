package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

func TestAPlanForAnotherOrchestratorIsRefusedAsItsApplyWouldBe(t *testing.T) {
	engine, swarm := spec.Service{Name: "shop"}, spec.Service{Name: "shop", Orchestrator: spec.OrchestratorSwarm}
	require.Empty(t, Running{}.Takes(swarm), "nothing runs")
	require.Empty(t, Running{Service: engine}.Takes(engine))
	require.Empty(t, Running{Service: swarm}.Takes(swarm))
	require.Equal(t, "shop runs with another orchestrator: take it down first (starter down shop), its volumes stay, and apply this then",
		Running{Service: engine}.Takes(swarm))
}
