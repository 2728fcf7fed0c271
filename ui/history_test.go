package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/ui/server"
)

func TestStepsBeginWithWhatHeldAndEndNow(t *testing.T) {
	commands := []server.Point{{At: 10, Value: 24}, {At: 90, Value: 23}, {At: 150, Value: 22}}
	require.Equal(t, []server.Point{{At: 100, Value: 23}, {At: 150, Value: 22}, {At: 200, Value: 22}}, steps(commands, 100, 200))
	require.Empty(t, steps(nil, 100, 200))
}
