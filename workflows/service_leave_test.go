package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestBoxesThatWereLeftAreSwept(t *testing.T) {
	w := newWorld(t)
	next := chain()
	next.Boxes = next.Boxes[:1]
	for i := range next.Functions {
		next.Functions[i].Constraints = nil
	}
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
		after(2*time.Minute, func() {
			require.Empty(t, w.engines.Containers("rack-2"))
			require.Len(t, w.engines.Running("rack-1"), 3)
		}),
		w.down(3*time.Minute))
	require.NoError(t, err)
}

// A box that leaves the specification while it is away keeps what it runs; nobody forgets that.
func TestABoxThatWasLeftWhileItWasAwayIsSweptLater(t *testing.T) {
	w := newWorld(t)
	next := chain()
	next.Boxes = next.Boxes[:1]
	for i := range next.Functions {
		next.Functions[i].Constraints = nil
	}
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.engines.Lose("rack-2")
			w.update(UpdateApply, ApplyRequest{Service: next}, &applied)
		}),
		after(5*time.Minute, func() {
			status := w.status()
			require.Equal(t, PhaseTuning, status.Phase)
			left := entryOf(t, status, "leave 1 boxes")
			require.Contains(t, left.Outcome, "some stayed")
			w.engines.Find("rack-2")
			require.Len(t, w.engines.Running("rack-2"), 2)
		}),
		w.down(6*time.Minute))
	require.NoError(t, err)
	require.Empty(t, w.engines.Containers("rack-2"))
}

// What a failed specification may have started somewhere is swept by down, also when what ran before was healed since.
func TestDownSweepsTheBoxesOfFailedSpecifications(t *testing.T) {
	w := newWorld(t, "rack-1", "rack-2", "rack-3")
	next := chain()
	next.Boxes = append(next.Boxes, spec.Box{Name: "rack-3", Engine: "tcp://127.0.0.1:23753", Address: "10.0.0.3"})
	next.Functions[2].Constraints = on("rack-3")
	var applied answer
	_, err := w.run(chain(),
		after(time.Minute, func() {
			w.engines.Fail(fakes.Call{Method: "EnsureContainer", Box: "rack-3"}, 1, fault.ErrRejected)
			w.update(UpdateApply, ApplyRequest{Service: next}, &applied)
		}),
		after(5*time.Minute, func() {
			require.Equal(t, PhaseFailed, w.status().Phase)
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(6*time.Minute, func() { require.Equal(t, PhaseTuning, w.status().Phase) }),
		w.down(7*time.Minute))
	require.NoError(t, err)
	require.Equal(t, 1, w.engines.Count("sweep rack-3"))
}

// A box with another name or another address is the same box: sweeping the old one would take away what was just
// started on the new one.
func TestABoxThatIsCalledOtherwiseIsNotLeft(t *testing.T) {
	for what, change := range map[string]func(*spec.Box){
		"address": func(b *spec.Box) { b.Engine = "tcp://rack-2.lan:2375" },
		"name":    func(b *spec.Box) { b.Name = "rack-9" },
	} {
		w := newWorld(t, "rack-1", "rack-2", "rack-9")
		next := chain()
		change(&next.Boxes[1])
		for i := range next.Functions[1:] {
			next.Functions[1+i].Constraints = on(next.Boxes[1].Name)
		}
		var applied answer
		_, err := w.run(chain(),
			after(time.Minute, func() { w.update(UpdateApply, ApplyRequest{Service: next}, &applied) }),
			after(5*time.Minute, func() {
				require.Equal(t, PhaseTuning, w.status().Phase, what)
				require.Zero(t, w.engines.Count("sweep "), what)
			}),
			w.down(6*time.Minute))
		require.NoError(t, err)
	}
}
