//go:build integration

package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/scale"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/workflows"
)

// A function that keeps its processors busy is given replicas until its most, by the engines' own statistics, also when
// the worker that measures is killed half way; nobody asks. Set OVERCLOUD_SLOW to wait the five minutes in which an
// idle one gives them back, too.
func TestABusyFunctionScalesUp(t *testing.T) {
	s := newStage(t, lab.Options{Boxes: 2})
	image := labtest.Image(t, s.lab, lab.TestImage{Name: "burner", Bytes: 1 << 20})
	burner := s.app("burner", image)
	burner.Command, burner.Healthcheck, burner.Ports = []string{"burn"}, nil, nil
	burner.Resources = spec.Resources{CPUs: 0.1, LimitCPUs: 0.1, MemoryBytes: 16 << 20}
	burner.Tune = &spec.Tune{Metric: scale.CPU, Target: 40, Least: 1, Most: 3}
	service := s.service("busy", burner)
	s.runs(service)
	begun := time.Now()

	measured := func() bool {
		tuning, err := s.client.Tuning(t.Context(), "busy", "burner")
		return err == nil && tuning.Load != nil && tuning.Load.Measured == 1
	}
	require.Eventually(t, measured, time.Minute, 200*time.Millisecond)
	time.Sleep(30 * time.Second) // half of the minute that a decision takes
	s.killWorker()
	s.startWorker()
	status := s.until("busy", 4*time.Minute, "three replicas", func(st workflows.Status) bool {
		return st.Phase == workflows.PhaseTuning && len(st.Functions) == 3
	})
	t.Logf("at its most after %s, the worker killed once", time.Since(begun).Round(time.Second))
	last := status.Audit[len(status.Audit)-1]
	require.Equal(t, workflows.Tuning, last.Who)
	require.True(t, strings.HasPrefix(last.Why, "cpu "), last.Why)
	t.Log(last.Why)

	out, code := s.starter("status", "busy")
	require.Zero(t, code, out)
	require.Contains(t, out, "3 (1 to 3)")
	t.Log("\n" + out)

	require.Zero(t, s.changes(service).Changes(), "the file's number of replicas is only where it began")
	if os.Getenv("OVERCLOUD_SLOW") != "" {
		s.quieten(t, "busy")
		idle := time.Now()
		s.until("busy", 8*time.Minute, "one replica", func(st workflows.Status) bool {
			return st.Phase == workflows.PhaseTuning && len(st.Functions) == 1
		})
		t.Logf("at its least %s after it became idle", time.Since(idle).Round(time.Second))
	}
	require.Empty(t, s.down("busy", true).Stayed)
}

// quieten stops the processes of a service's containers without ending them: they run and use nothing.
func (s *stage) quieten(t *testing.T, service string) {
	t.Helper()
	for _, box := range s.lab.Boxes() {
		client := labtest.Client(t, box)
		for name := range s.containers(box, service) {
			inspected, err := client.ContainerInspect(t.Context(), name)
			require.NoError(t, err)
			_, err = s.lab.Exec(t.Context(), box.Name, "kill", "-STOP", strconv.Itoa(inspected.State.Pid))
			require.NoError(t, err)
		}
	}
}
