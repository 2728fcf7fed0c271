package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATickThatLayReadyIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		every := 10 * time.Second
		tick := time.NewTicker(every)
		defer tick.Stop()
		time.Sleep(every + 9*time.Second) // a read that outlasted its interval; the next tick is 1 s away
		began := time.Now()
		require.True(t, awaitTick(t.Context(), tick.C, every))
		require.Equal(t, 11*time.Second, time.Since(began), "not the one that lay ready, nor the one that follows at once")
	})
}
