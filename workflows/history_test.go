package workflows

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

// keeping is a chain with a room, whose last function keeps its readings at the first one.
func keeping() spec.Service {
	service := chain()
	service.Rooms = []spec.Room{{Name: "lab"}}
	f := &service.Functions[slices.IndexFunc(service.Functions, func(f spec.Function) bool { return len(f.Consumes) > 0 })]
	provider := f.Consumes[0].Function
	f.Environment = append(slices.Clone(f.Environment), spec.Variable{Name: history.EnvURL, Value: "http://{{" + provider + ".host}}:{{" + provider + ".port}}"},
		spec.Variable{Name: history.EnvBucket, Value: "overcloud/autogen"})
	return service
}

func historyLines(w *world) (lines []string) {
	for _, line := range w.scheduler.Lines() {
		if strings.Contains(line, "history") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAServiceWithRoomsHasItsReadingsRolledUpWhereItKeepsThem(t *testing.T) {
	w := newWorld(t)
	changed := keeping()
	changed.History.Raw = spec.Duration(30 * 24 * time.Hour)
	off := keeping()
	off.History.Off = true
	var applied, ended answer
	_, err := w.run(keeping(),
		after(time.Minute, func() { w.SignalWorkflow(SignalReconcile, nil) }),
		after(2*time.Minute, func() {
			require.Len(t, historyLines(w), 1, "reconciling tells Temporal nothing new")
			require.Regexp(t, `^history smart-energy http://[^/{]+:\d+ overcloud/autogen$`, historyLines(w)[0])
			w.update(UpdateApply, ApplyRequest{Service: changed}, &applied)
		}),
		after(3*time.Minute, func() {
			require.Len(t, historyLines(w), 2, "another retention")
			w.update(UpdateApply, ApplyRequest{Service: off}, &ended)
		}),
		after(4*time.Minute, func() { require.Equal(t, "no history smart-energy", historyLines(w)[2]) }),
		w.down(5*time.Minute))
	require.NoError(t, err)
	require.Len(t, historyLines(w), 3, "there was nothing left to end")
}

func TestTheScheduleOfHistoryEndsWithTheService(t *testing.T) {
	w := newWorld(t)
	w.scheduler.Fail(fakes.Call{Method: "EnsureHistory"}, 1, fault.ErrInvalid)
	_, err := w.run(keeping(),
		after(time.Minute, func() {
			require.Equal(t, PhaseTuning, w.status().Phase, "a service without history is a service")
			w.SignalWorkflow(SignalReconcile, nil)
		}),
		after(2*time.Minute, func() { require.Len(t, historyLines(w), 1, "it is tried again") }),
		w.down(3*time.Minute))
	require.NoError(t, err)
	require.Equal(t, "no history smart-energy", historyLines(w)[1])
}

func TestAServiceWithoutRoomsHasNoHistory(t *testing.T) {
	w := newWorld(t)
	service := keeping()
	service.Rooms = nil
	_, err := w.run(service, w.down(time.Minute))
	require.NoError(t, err)
	require.Empty(t, historyLines(w))
}
