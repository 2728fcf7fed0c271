package agent

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

func intentOf(revision int64, p spec.Policy, acs ...wire.IntentAC) wire.Intent {
	return wire.Intent{Room: "hall", Revision: revision, TimeMillis: time.Now().UnixMilli(), Policy: wire.Encode(p), ACs: acs}
}

func TestThePolicyOfAnIntentHoldsAndOutlivesARestart(t *testing.T) {
	dir, room := t.TempDir(), spec.Room{Name: "hall", Policy: spec.DefaultPolicy()}
	b := newRulebook(dir, room)
	wider := spec.DefaultPolicy()
	wider.SetpointMax = 29
	changed, err := b.take(intentOf(5, wider))
	require.NoError(t, err)
	require.True(t, changed)
	changed, err = b.take(intentOf(4, spec.DefaultPolicy()))
	require.NoError(t, err)
	require.False(t, changed, "an older intent")
	broken := wider
	broken.SetpointMin = 40
	_, err = b.take(intentOf(6, broken))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, wider, newRulebook(dir, room).policy())

	require.NoError(t, os.WriteFile(b.path, []byte("{"), 0o600))
	require.Equal(t, spec.DefaultPolicy(), newRulebook(dir, room).policy(), "what cannot be read is forgotten")
}

// A policy that a person changed by signal, the command that needs it, and the command of an edge that has
// forgotten everything: all through a real broker.
func TestTheEdgeFollowsTheIntent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Rooms[0].Policy.LeaseTTL = spec.Duration(time.Minute)
	w.config.Rooms[0].AirConditioners[0].Max = 30
	w.startBroker()
	stop := w.start()
	w.lease()
	w.order(1, 29) // the command comes first: it waits for its policy
	wider := spec.DefaultPolicy()
	wider.SetpointMax = 29
	wider.SampleEvery = spec.Duration(100 * time.Millisecond)
	w.produce(wire.TopicIntent, []byte("hall"), intentOf(1, wider))
	acks := w.acks(has(wire.AckConfirmed, "command", 29))
	for _, a := range acks {
		require.NotEqual(t, wire.AckRejected, a.State)
	}
	stop()
	w.config.Dir = t.TempDir() // another disk
	w.produce(wire.TopicIntent, []byte("hall"), intentOf(2, wider, wire.IntentAC{AC: "ac1", Auto: 28, Desired: 28, CommandRevision: 2, Reason: "test"}))
	w.start()
	w.lease()
	acks = w.acks(has(wire.AckConfirmed, "command", 28))
	require.Equal(t, "intent-2", acks[len(acks)-1].ID)
}
