package workflows

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// clinic is a workflow environment over a Doctor with fakes. Every box answers at one port.
func clinic(t *testing.T) (*testsuite.TestWorkflowEnvironment, *fakes.Checks, *fakes.Shells, []spec.Box) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	var boxes []spec.Box
	for _, name := range []string{"rack-1", "rack-2", "rack-3"} {
		boxes = append(boxes, spec.Box{Name: name, Engine: "tcp://" + listener.Addr().String(), SSH: "root@" + name})
	}
	checks, shells := fakes.NewChecks(), &fakes.Shells{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(&activities.Doctor{Engines: checks, Shells: shells, Poll: time.Millisecond})
	return env, checks, shells, boxes
}

func answerNow() activities.EngineAnswer {
	return activities.EngineAnswer{Version: "20.10.24", API: "1.41", OurAPI: "1.51", OS: "linux", Arch: "amd64", MemoryLimit: true}
}

func TestAllBoxesAreExaminedAndAnIllOneIsAResult(t *testing.T) {
	env, checks, _, boxes := clinic(t)
	checks.Answer("rack-1", answerNow())
	checks.Answer("rack-3", answerNow())
	env.ExecuteWorkflow(ExamineWorkflow, ExamineRequest{Service: spec.Service{
		Name: "shop", Boxes: boxes, Functions: []spec.Function{{Name: "app", Image: "registry.lan/app:1"}},
	}})
	require.NoError(t, env.GetWorkflowError())
	var result ExamineResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Len(t, result.Boxes, 3)
	for i, ill := range []bool{false, true, false} {
		require.Equal(t, boxes[i].Name, result.Boxes[i].Box)
		require.Equal(t, ill, result.Boxes[i].Failed(), result.Boxes[i])
	}
	require.Equal(t, 1, checks.Count("reach rack-1 registry.lan/app:1"))
	require.Zero(t, checks.Count("reach rack-2"), "an engine that is away reaches nothing")
}

func TestABoxThatCannotBeGivenAnEngineDoesNotStopTheOthers(t *testing.T) {
	env, checks, shells, boxes := clinic(t)
	checks.Answer("rack-1", answerNow())
	shells.Fail(fakes.Call{Method: "Run", Box: "rack-2"}, 0, fmt.Errorf("SSH to root@rack-2: its host key has CHANGED: %w", fault.ErrRejected))
	tries := 0
	shells.Before(fakes.Call{Method: "Run", Box: "rack-2"}, func(context.Context, fakes.Call) error { tries++; return nil })
	shells.Say("os-release", activities.Ran{Out: "id=debian\npretty=Debian 12\nroot=self\ninit=systemd"})
	shells.Say("tail -n 8", activities.Ran{Out: "ended 0\ndone"})
	shells.Before(fakes.Call{Method: "Run", Box: "rack-3"}, func(context.Context, fakes.Call) error {
		if shells.Count("run rack-3") == 2 {
			checks.Answer("rack-3", answerNow())
		}
		return nil
	})
	env.ExecuteWorkflow(InstallWorkflow, InstallRequest{Service: "shop", Boxes: boxes, Who: "tess"})
	require.NoError(t, env.GetWorkflowError())
	var outcome InstallOutcome
	require.NoError(t, env.GetWorkflowResult(&outcome))
	require.Equal(t, []InstallReport{
		{InstallResult: activities.InstallResult{Box: "rack-1", Already: true, Engine: "20.10.24"}},
		{InstallResult: activities.InstallResult{Box: "rack-2"}, Fault: "install an engine on rack-2: SSH to root@rack-2: its host key has CHANGED: rejected", FaultType: activities.TypeRejected},
		{InstallResult: activities.InstallResult{Box: "rack-3", Distribution: "Debian 12", Engine: "20.10.24"}},
	}, outcome.Boxes)
	require.Equal(t, 1, tries, "a host key that has changed is not tried again")
}
