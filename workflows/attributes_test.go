package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// searchAttributes are one value of each, for servers of tests to learn their types from.
func searchAttributes() temporal.SearchAttributes {
	all := attributes{Service: "s", Boxes: []string{"b"}, Phase: "p", Outcome: "o", Revision: 1}
	return temporal.NewSearchAttributes(all.updates(attributes{})...)
}

func TestEveryAttributeIsOneThatTheNamespaceIsGiven(t *testing.T) {
	given := map[string]enumspb.IndexedValueType{}
	for _, one := range Attributes() {
		given[one.Name] = one.Type
	}
	written := map[string]enumspb.IndexedValueType{}
	for key := range searchAttributes().GetUntypedValues() {
		written[key.GetName()] = key.GetValueType()
	}
	require.Equal(t, given, written)
}

func TestBoxesInTheIndexStayBelowTheServersLimit(t *testing.T) {
	var boxes []spec.Box
	for i := range 1000 {
		boxes = append(boxes, spec.Box{Name: fmt.Sprintf("rack-%d", i)})
	}
	names := boxNames(boxes)
	require.Greater(t, len(names), 100)
	require.Less(t, len(strings.Join(names, `","`)), 2<<10)
	require.Equal(t, []string{"a", "b"}, someNames([]string{"b", "", "a", "b"}))
}

// What the index is told of a service that fails, is healed and goes down; TestWorkflowsAreFoundByTheirAttributes
// asks a real server.
func TestTheIndexFollowsAService(t *testing.T) {
	w := newWorld(t)
	w.engines.Fail(fakes.Call{Method: "EnsureContainer", Subject: "sink"}, 1, fault.ErrPortTaken)
	said := map[string][]string{} // by phase and outcome
	w.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		a := args.Get(0).(temporal.SearchAttributes)
		phase, _ := a.GetKeyword(temporal.NewSearchAttributeKeyKeyword(AttributePhase))
		outcome, _ := a.GetKeyword(temporal.NewSearchAttributeKeyKeyword(AttributeOutcome))
		boxes, _ := a.GetKeywordList(temporal.NewSearchAttributeKeyKeywordList(AttributeBox))
		said[phase+" "+outcome] = append(said[phase+" "+outcome], strings.Join(boxes, ","))
	}).Return(nil)
	_, err := w.run(chain(), after(20*time.Second, func() { w.SignalWorkflow(SignalReconcile, nil) }), w.down(time.Minute))
	require.NoError(t, err)
	require.Contains(t, said["failed PORT_TAKEN"], "rack-2", "the stitch says where it failed")
	require.Contains(t, said["failed PORT_TAKEN"], "rack-1,rack-2", "the service has its boxes all the same")
	require.Contains(t, said["stitching done"], "rack-1,rack-2")
	require.Contains(t, said["tuning done"], "rack-1,rack-2")
	require.NotEmpty(t, said["down done"])
	for key := range said {
		require.NotContains(t, key, "secret")
	}
}
