package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// sweepWorld has boxes with a bit of everything: what runs, what was left, what is young and what is a stranger's.
func sweepWorld(t *testing.T) *world {
	w := newWorld(t)
	w.SetStartTime(time.Unix(1_800_000_000, 0)) // a whole second, as engines count
	put := func(box, name, service string, age time.Duration, revision int) {
		w.engines.Put(box, plan.Container{
			ID: name, Name: name, Service: service, State: "running", Created: w.Now().Add(-age).Unix(), Revision: revision,
		})
	}
	put("rack-1", "shop-web-1", "shop", time.Hour, 4)
	put("rack-1", "shop-old-1", "shop", time.Minute, 3)
	put("rack-1", "shop-young-1", "shop", time.Minute, 0)
	put("rack-2", "shop-web-1", "shop", time.Hour, 4)
	put("rack-2", "gone-db-1", "gone", time.Hour, 1)
	put("rack-2", "gone-web-1", "gone", time.Minute, 1)
	put("rack-2", "stranger", "", time.Hour, 0)
	w.services.Run("shop", activities.Placed{
		Revision: 4, Boxes: chain().Boxes, Refs: []string{"127.0.0.1:5000/some:1"},
		Wanted: []activities.Container{{Box: "rack-1", Name: "shop-web-1"}},
	}, "sha256:kept")
	return w
}

func (w *world) sweepNow(in SweepInput) (SweepReport, error) {
	w.ExecuteWorkflow(SweepWorkflow, in)
	var report SweepReport
	if err := w.GetWorkflowError(); err != nil {
		return report, err
	}
	return report, w.GetWorkflowResult(&report)
}

func TestASweepShowsOrphansWithReasonsAndRemovesTheOldOnes(t *testing.T) {
	for _, dryRun := range []bool{true, false} {
		w := sweepWorld(t)
		report, err := w.sweepNow(SweepInput{Service: "shop", DryRun: dryRun})
		require.NoError(t, err)
		none := "revision 4 of shop has no such container here"
		require.Equal(t, []SweepItem{
			{Box: "rack-1", Name: "shop-old-1", Reason: none, Gone: !dryRun},
			{Box: "rack-1", Name: "shop-young-1", Reason: none + "; it is 1m0s old and left alone until it is 5m0s", Waits: true},
			{Box: "rack-2", Name: "shop-web-1", Reason: none, Gone: !dryRun},
		}, report.Items)
		require.Empty(t, report.Stayed)
		left := len(w.engines.Containers("rack-1")) + len(w.engines.Containers("rack-2"))
		require.Equal(t, map[bool]int{true: 7, false: 5}[dryRun], left)
	}
}

func TestASweepOfAllTakesWhatServicesThatNoLongerRunHaveLeft(t *testing.T) {
	w := sweepWorld(t)
	w.engines.Lose("rack-1")
	report, err := w.sweepNow(SweepInput{Boxes: chain().Boxes})
	require.NoError(t, err)
	require.Equal(t, []SweepItem{
		{Box: "rack-2", Name: "gone-db-1", Reason: "service gone does not run", Gone: true},
		{Box: "rack-2", Name: "gone-web-1", Reason: "service gone does not run; it is 1m0s old and left alone until it is 5m0s", Waits: true},
	}, report.Items)
	require.Len(t, report.Stayed, 1)
	require.Contains(t, report.Stayed[0], "box rack-1 does not answer")
	require.Equal(t, []string{"remove rack-2 gone-db-1"}, w.acting())
}

func TestASweepRemovesNothingWhenAServiceDoesNotAnswer(t *testing.T) {
	w := sweepWorld(t)
	w.services.Fail(fakes.Call{Method: "Placed"}, 1000, fault.ErrUnreachable)
	_, err := w.sweepNow(SweepInput{Boxes: chain().Boxes})
	require.Error(t, err)
	require.Empty(t, w.acting())

	w = sweepWorld(t)
	_, err = w.sweepNow(SweepInput{Service: "nobody"})
	require.ErrorContains(t, err, "no service nobody is running")
}

func TestASweepOfImagesLeavesWhatAnyServiceNames(t *testing.T) {
	for _, dryRun := range []bool{true, false} {
		w := sweepWorld(t)
		for _, digest := range []string{"sha256:kept", "sha256:dropped"} {
			w.pulled("rack-1", digest)
		}
		report, err := w.sweepNow(SweepInput{Service: "shop", Images: true, DryRun: dryRun})
		require.NoError(t, err)
		require.Len(t, report.Items, 1)
		require.Equal(t, "127.0.0.1:5000/some@sha256:dropped", report.Items[0].Name)
		require.EqualValues(t, 1000, report.Items[0].Bytes)
		want := []string{"sha256:kept"}
		if dryRun {
			want = []string{"sha256:dropped", "sha256:kept"}
		}
		require.Equal(t, want, w.engines.Images("rack-1"))
	}
}

// pulled brings an image to a box.
func (w *world) pulled(box, digest string) {
	w.t.Helper()
	engine, err := w.engines.Open(spec.Box{Name: box})
	require.NoError(w.t, err)
	require.NoError(w.t, engine.Pull(w.t.Context(), plan.Pull{Image: "some", Digest: digest}, activities.Source{}, nil))
}

// basecamp/kamal#1590: a prune that fails must not fail the deploy.
func TestImagesOfDroppedRevisionsGoAfterTheirTimeAndAFailureOnlyWarns(t *testing.T) {
	w := newWorld(t)
	words := []string{"ui", "b", "c", "d", "e", "f", "g"}
	digest := func(n int) string { return image("ui", words[n]).Digest }
	moments := []moment{w.down(time.Hour)}
	for n := range words[1:] {
		moments = append(moments, after(time.Duration(n+1)*time.Minute, func() {
			w.registry.Set(image("ui", words[n+1]))
			w.update(UpdateApply, ApplyRequest{Service: chain()}, &answer{})
		}))
	}
	moments = append(moments,
		after(10*time.Minute, func() {
			require.Equal(t, []int{7, 6, 5, 4, 3}, numbers(w.revisions()))
			require.Contains(t, w.engines.Images("rack-2"), digest(0), "its time has not come")
			w.services.Run("other", activities.Placed{}, digest(0))
			w.engines.Fail(fakes.Call{Method: "RemoveImage"}, 1, fault.ErrRejected)
			w.services.Run("smart-energy", activities.Placed{}, digest(2), digest(3), digest(4), digest(5), digest(6))
		}),
		after(30*time.Minute, func() {
			require.Contains(t, w.engines.Images("rack-2"), digest(0), "another service names it")
			require.Contains(t, w.engines.Images("rack-2"), digest(1), "it could not be removed")
			status := w.status()
			require.Equal(t, PhaseTuning, status.Phase)
			require.Contains(t, entryOf(t, status, "collect images").Outcome, "some stayed: image ")
		}))
	_, err := w.run(chain(), moments...)
	require.NoError(t, err)
}

// Down, then nobody: ten minutes later the images have gone. Up again within that time keeps them.
func TestDownLetsItsImagesBeCollected(t *testing.T) {
	for _, again := range []bool{false, true} {
		w := newWorld(t)
		w.SetDetachedChildWait(true)
		_, err := w.run(chain(), after(time.Minute, func() {
			require.Len(t, w.engines.Images("rack-2"), 2)
			if again {
				w.services.Run("smart-energy", activities.Placed{}, image("sink", "sink").Digest, image("ui", "ui").Digest, image("kafka", "kafka").Digest)
			}
		}), w.down(2*time.Minute))
		require.NoError(t, err)
		require.Equal(t, map[bool]int{false: 0, true: 2}[again], len(w.engines.Images("rack-2")))
	}
}

func TestCollectedImagesAreThoseThatNobodyUsesOrNames(t *testing.T) {
	w := newWorld(t)
	for _, digest := range []string{"sha256:named", "sha256:used", "sha256:free", "sha256:strangers"} {
		w.pulled("rack-1", digest)
	}
	engine, err := w.engines.Open(spec.Box{Name: "rack-1"})
	require.NoError(t, err)
	_, _, err = engine.EnsureContainer(t.Context(), "any", plan.Placement{Function: "f", Container: "c", Digest: "sha256:used"}, nil)
	require.NoError(t, err)
	w.services.Run("shop", activities.Placed{}, "sha256:named")
	w.OnSignalExternalWorkflow("default-test-namespace", "service/gone", "", signalNotice, mock.Anything).Return(nil)
	w.ExecuteWorkflow(CollectWorkflow, CollectInput{
		Service: "gone", Boxes: chain().Boxes[:1], After: spec.Duration(CollectAfter),
		Images: []RevisionImage{{Digest: "sha256:named"}, {Digest: "sha256:used"}, {Digest: "sha256:free"}},
	})
	require.NoError(t, w.GetWorkflowError())
	var result CollectResult
	require.NoError(t, w.GetWorkflowResult(&result))
	require.Equal(t, CollectResult{Removed: 1, Bytes: 1000}, result)
	require.Equal(t, []string{"sha256:named", "sha256:strangers", "sha256:used"}, w.engines.Images("rack-1"))
}

func TestNoImageIsCollectedWhenAServiceDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.pulled("rack-1", "sha256:free")
	w.services.Fail(fakes.Call{Method: "Named"}, 1000, fault.ErrUnreachable)
	w.OnSignalExternalWorkflow("default-test-namespace", "service/gone", "", signalNotice, mock.Anything).Return(nil)
	w.ExecuteWorkflow(CollectWorkflow, CollectInput{Service: "gone", Boxes: chain().Boxes[:1], Images: []RevisionImage{{Digest: "sha256:free"}}})
	require.NoError(t, w.GetWorkflowError())
	var result CollectResult
	require.NoError(t, w.GetWorkflowResult(&result))
	require.Len(t, result.Stayed, 1)
	require.Equal(t, []string{"sha256:free"}, w.engines.Images("rack-1"))
}
