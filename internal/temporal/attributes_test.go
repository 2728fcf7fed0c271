package temporal

import (
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/workflows"
)

// The stock command line finds what failed on a box, and what runs.
func TestWorkflowsAreFoundByTheirAttributes(t *testing.T) {
	l := newLab(t)
	require.NoError(t, l.EnsureAttributes(t.Context()), "a second time changes nothing")
	l.work(t)
	l.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "kafka"}, 1, fault.ErrPortTaken)
	_, err := l.StartService(t.Context(), service())
	require.NoError(t, err)
	l.await(t, func(s workflows.Status) bool { return s.Phase == workflows.PhaseFailed })

	l.found(t, `OverCloudBox="rack-1" AND OverCloudPhase="failed"`, "ServiceWorkflow service/smart-energy", "StitchWorkflow stitch/smart-energy/1")
	l.found(t, `OverCloudOutcome="PORT_TAKEN" AND OverCloudRevision=1 AND WorkflowType="StitchWorkflow"`, "StitchWorkflow stitch/smart-energy/1")
	l.found(t, `OverCloudService="smart-energy" AND OverCloudOutcome="done"`,
		"DeployWorkflow deploy/smart-energy/1", "MatchWorkflow match/smart-energy/1", "PlaceWorkflow place/smart-energy/1")

	require.NoError(t, l.Reconcile(t.Context(), "smart-energy"))
	l.await(t, tuning)
	l.found(t, `OverCloudPhase="tuning" AND OverCloudBox="rack-1"`, "ServiceWorkflow service/smart-energy", "TuneWorkflow tune/smart-energy/hall")
	_, err = l.Down(t.Context(), "smart-energy", workflows.DownRequest{})
	require.NoError(t, err)
	l.found(t, `OverCloudPhase="down"`, "ServiceWorkflow service/smart-energy")
}

// found asks with the stock command line until exactly these workflows are listed, by type and ID.
func (l *lab) found(t *testing.T, query string, want ...string) {
	t.Helper()
	var out []byte
	require.Eventually(t, func() bool {
		list := exec.CommandContext(t.Context(), testbin.Path(t, "temporal"), "workflow", "list", "--address", l.address, "--query", query, "--output", "jsonl")
		var err error
		if out, err = list.CombinedOutput(); err != nil {
			return false
		}
		lines := strings.Count(string(out), "\n")
		for _, one := range want {
			kind, id, _ := strings.Cut(one, " ")
			if !strings.Contains(string(out), `"workflowId":"`+id+`"`) || !strings.Contains(string(out), `"name":"`+kind+`"`) {
				return false
			}
		}
		return lines == len(want)
	}, 10*time.Second, 100*time.Millisecond, "%s", func() string { return query + "\n" + string(out) }())
}

func TestAttributesThatANamespaceRefuses(t *testing.T) {
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: testbin.Path(t, "temporal"), LogLevel: "error",
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := Dial(Options{Address: server.FrontendHostPort()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = c.SDK().OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default", SearchAttributes: map[string]enumspb.IndexedValueType{"OverCloudPhase": enumspb.INDEXED_VALUE_TYPE_INT},
	})
	require.NoError(t, err)
	err = c.EnsureAttributes(t.Context())
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.EqualError(t, err, "namespace default has the search attribute OverCloudPhase as Int and not as Keyword: remove it with `temporal operator search-attribute remove --name OverCloudPhase --namespace default`")

	for i := range 3 { // an SQL store has three places for this type: ours finds none
		_, err = c.SDK().OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
			Namespace: "default", SearchAttributes: map[string]enumspb.IndexedValueType{"Full" + string(rune('A'+i)): enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST},
		})
		require.NoError(t, err)
	}
	_, err = c.SDK().OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: "default", SearchAttributes: []string{"OverCloudPhase"},
	})
	require.NoError(t, err)
	err = c.EnsureAttributes(t.Context())
	require.ErrorIs(t, err, fault.ErrUnauthorised)
	require.Contains(t, err.Error(), "`temporal operator search-attribute create --namespace default --name OverCloudService --type Keyword --name OverCloudBox --type KeywordList")

	nobody, err := Dial(Options{Address: server.FrontendHostPort(), Namespace: "nowhere"})
	require.NoError(t, err)
	t.Cleanup(nobody.Close)
	require.ErrorIs(t, nobody.EnsureAttributes(t.Context()), fault.ErrNotFound)
}
