package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// The looks are one second apart; settle is two, stuck is three.
func TestWaitForASwarmService(t *testing.T) {
	task := func(id string, slot int, state, desired, hash, words string) SwarmTask {
		return SwarmTask{ID: id, Slot: slot, Node: "n", State: state, Desired: desired, Hash: hash, Fault: words}
	}
	up := task("a", 1, "running", "running", "h", "")
	old := task("o", 1, "running", "running", "before", "")
	bad := func(id string) SwarmTask {
		return task(id, 1, "failed", "shutdown", "h", "task: non-zero exit (3)")
	}
	homeless := task("p", 1, "pending", "running", "h", "no suitable node (host-mode port already in use on 1 node)")
	type looks = []SwarmServiceState
	at := func(update string, tasks ...SwarmTask) SwarmServiceState {
		return SwarmServiceState{There: true, Change: "c", Update: update, Tasks: tasks}
	}
	for _, c := range []struct {
		name  string
		in    AwaitInSwarmInput
		looks looks
		up    bool
		kind  error
		words string
	}{
		{"is up when a check vouches for it", AwaitInSwarmInput{HasCheck: true}, looks{at("", up)}, true, nil, ""},
		{"must settle without one", AwaitInSwarmInput{}, looks{at("", up), at("", up)}, false, nil, ""},
		{"has settled", AwaitInSwarmInput{}, looks{at("", up), at("", up), at("", up)}, true, nil, ""},
		{"settles anew when a task is another", AwaitInSwarmInput{}, looks{at("", up), at("", up), at("", task("b", 1, "running", "running", "h", ""))}, false, nil, ""},
		{"does not take the old task for the new", AwaitInSwarmInput{HasCheck: true}, looks{at("", old)}, false, nil, ""},
		{"waits for the monitor of an update", AwaitInSwarmInput{HasCheck: true, Change: "c"}, looks{at("updating", up)}, false, nil, ""},
		{"waits for the end of what nobody wants", AwaitInSwarmInput{HasCheck: true}, looks{at("", up, task("x", 2, "running", "remove", "h", ""))}, false, nil, ""},
		{
			"but not for ever",
			AwaitInSwarmInput{HasCheck: true},
			looks{at("", up, task("x", 2, "running", "remove", "h", "")), at("", up), at("", up), at("", up, task("x", 2, "running", "remove", "h", ""))},
			true, nil, "",
		},
		{"does not wait for what is held", AwaitInSwarmInput{HasCheck: true, Replicas: 2, Held: 1}, looks{at("", up, homeless)}, true, nil, ""},
		{"is told when the swarm takes an update back", AwaitInSwarmInput{Change: "c", Anew: true}, looks{at("updating", bad("1")), at("rollback_completed", old)}, false, fault.ErrExited, "task 1 on box is failed: task: non-zero exit (3)"},
		{"waits for the end of that", AwaitInSwarmInput{Change: "c"}, looks{at("updating", bad("1")), at("rollback_started", old)}, false, nil, ""},
		{"takes an old rollback for what it is", AwaitInSwarmInput{HasCheck: true}, looks{at("rollback_completed", up)}, true, nil, ""},
		{"is told when an update is paused", AwaitInSwarmInput{Change: "c", Anew: true}, looks{at("updating", bad("1")), at("paused", old)}, false, fault.ErrExited, "the swarm paused the update"},
		{"sees that somebody else changed it", AwaitInSwarmInput{Change: "mine"}, looks{at("", up)}, false, fault.ErrUnhealthy, "somebody else"},
		{"sees that it was removed", AwaitInSwarmInput{}, looks{{}}, false, fault.ErrNotFound, "somebody removed it"},
		{"lets two failures pass", AwaitInSwarmInput{Anew: true}, looks{at("", bad("1"), bad("2"))}, false, nil, ""},
		{"gives up after three", AwaitInSwarmInput{Anew: true}, looks{at("", bad("1"), bad("2"), bad("3"))}, false, fault.ErrExited, "non-zero exit (3)"},
		{"does not count those of its past", AwaitInSwarmInput{HasCheck: true}, looks{at("", bad("1"), bad("2"), bad("3")), at("", up, bad("1"), bad("2"), bad("3"))}, true, nil, ""},
		{"gives up at once on what is not begun again", AwaitInSwarmInput{Anew: true, Once: true}, looks{at("", bad("1"))}, false, fault.ErrExited, ""},
		{"gives up at once without an image", AwaitInSwarmInput{Anew: true}, looks{at("", task("1", 1, "rejected", "shutdown", "h", "No such image: x"))}, false, fault.ErrNotFound, "No such image"},
		{"gives a task time to find a node", AwaitInSwarmInput{}, looks{at("", homeless), at("", homeless)}, false, nil, ""},
		{"and then says why it finds none", AwaitInSwarmInput{}, looks{at("", homeless), at("", homeless), at("", homeless), at("", homeless)}, false, fault.ErrPortTaken, "port already in use"},
		{"waits for a good end", AwaitInSwarmInput{Completed: true}, looks{at("", up)}, false, nil, ""},
		{"has ended well", AwaitInSwarmInput{Completed: true}, looks{at("", task("a", 1, "complete", "shutdown", "h", ""))}, true, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Hash, c.in.Replicas = "h", max(c.in.Replicas, 1)
			c.in.Nodes = []BoxNode{{Box: spec.Box{Name: "box"}, Node: "n"}}
			w := &swarmWait{in: c.in, settle: 2 * time.Second, stuck: 3 * time.Second}
			now := time.Unix(1000, 0)
			var is bool
			var err error
			for i, look := range c.looks {
				is, err = w.judge(look, now.Add(time.Duration(i)*time.Second))
				if i < len(c.looks)-1 {
					require.NoError(t, err, "look %d", i)
				}
			}
			require.Equal(t, c.up, is)
			if c.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.words)
		})
	}
}
