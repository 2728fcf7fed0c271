package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// CollectAfter is how long images are left alone after the last revision that is kept has stopped naming them: who
// goes back, or comes up again, within that time finds them there.
const CollectAfter = 10 * time.Minute

// CollectInput are images that a service no longer names.
type CollectInput struct {
	Service string          `json:"service"`
	Boxes   []spec.Box      `json:"boxes"`
	Images  []RevisionImage `json:"images"`
	After   spec.Duration   `json:"after"`
}

// CollectResult says what went.
type CollectResult struct {
	Removed int   `json:"removed"` // images, counted on each box
	Bytes   int64 `json:"bytes"`
	// Stayed are those that could not go, with the reason; the ones that somebody uses are not among them.
	Stayed []string `json:"stayed,omitempty"`
}

// collectID is the ID of a collecting; what is the revision that let the images go, or down and when.
func collectID(service, what string) string { return "collect/" + service + "/" + what }

// CollectWorkflow removes images from boxes by reference count: after its time, those that no container uses and no
// revision of any running service names. It is nobody's business whether that works: what stays is said, and is no
// failure of the service, which may be down long since.
func CollectWorkflow(ctx workflow.Context, in CollectInput) (CollectResult, error) {
	return indexed(ctx, attributes{Service: in.Service, Boxes: boxNames(in.Boxes)}, in, collectAll)
}

func collectAll(ctx workflow.Context, in CollectInput) (CollectResult, error) {
	if err := sleep(ctx, in.After.D(), "before unused images go"); err != nil {
		return CollectResult{}, err
	}
	result, err := collect(ctx, in)
	if err != nil {
		reason, _ := explain(err)
		result.Stayed = append(result.Stayed, reason)
	}
	if result.Removed > 0 || len(result.Stayed) > 0 {
		notice := Notice{From: workflow.GetInfo(ctx).WorkflowExecution.ID, Collected: &result}
		err := workflow.SignalExternalWorkflow(ctx, ServiceID(in.Service), "", signalNotice, notice).Get(ctx, nil)
		if err != nil && !temporal.IsCanceledError(err) {
			workflow.GetLogger(ctx).Info("nobody is left to be told what was collected", "service", in.Service, "answer", err)
		}
	}
	return result, nil
}

func collect(ctx workflow.Context, in CollectInput) (CollectResult, error) {
	var prune *activities.Prune
	var result CollectResult
	named, err := call(ctx, as(quick(), "named", "the images that running services name"), prune.Named, activities.NamedInput{})
	if err != nil {
		return result, err
	}
	ask := activities.PruneInput{Keep: named.Digests}
	for _, image := range in.Images {
		ask.Names = append(ask.Names, image.Image)
		if !slices.Contains(named.Digests, image.Digest) {
			ask.Digests = append(ask.Digests, image.Digest)
			ask.Digests = append(ask.Digests, image.Manifests...)
		}
	}
	if len(ask.Digests) == 0 {
		return result, nil
	}
	pruned := pruneAll(ctx, in.Boxes, ask)
	for _, one := range pruned {
		result.Stayed = append(result.Stayed, one.Stayed...)
		for _, image := range one.Images {
			result.Removed, result.Bytes = result.Removed+1, result.Bytes+image.Bytes
		}
	}
	return result, nil
}

// pruneAll removes images from boxes, side by side. A box that does not answer is no error: that it did not is among
// what stayed.
func pruneAll(ctx workflow.Context, boxes []spec.Box, ask activities.PruneInput) []activities.PruneResult {
	var prune *activities.Prune
	results := make([]activities.PruneResult, len(boxes))
	err := each(ctx, groundAtOnce, boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		in := ask
		in.Box = box
		pruned, err := call(ctx, as(sweep(), "prune/"+box.Name, "images on "+box.Name), prune.Images, in)
		if err != nil {
			reason, _ := explain(err)
			pruned.Stayed = append(pruned.Stayed, "images on "+box.Name+": "+reason)
		}
		results[i] = pruned
		return nil
	})
	if err != nil && len(results) > 0 {
		results[0].Stayed = append(results[0].Stayed, "not all boxes were asked: "+err.Error())
	}
	return results
}

// collect lets the images of dropped revisions be collected when their time has come, by a workflow of its own that
// outlives this one.
func (s *service) collect(ctx workflow.Context) {
	named := s.good.kept().Images
	for _, old := range s.kept {
		named = append(named, old.Images...)
	}
	images := slices.DeleteFunc(s.dropped, func(i RevisionImage) bool {
		return slices.ContainsFunc(named, func(n RevisionImage) bool { return n.Digest == i.Digest })
	})
	s.dropped = nil
	if len(images) > 0 {
		s.letCollect(ctx, fmt.Sprint(s.good.Revision), s.boxes(), images)
	}
}

// revisionImages are images as they were resolved, to be collected.
func revisionImages(resolved []plan.Image) []RevisionImage {
	all := make([]RevisionImage, 0, len(resolved))
	for _, image := range resolved {
		one := RevisionImage{Image: image.Ref, Digest: image.Digest}
		for _, platform := range image.Platforms {
			one.Manifests = append(one.Manifests, platform.Digest)
		}
		all = append(all, one)
	}
	return all
}

// collectDown lets everything be collected that the service has brought: it is down.
func (s *service) collectDown(ctx workflow.Context, boxes []spec.Box) {
	images := s.dropped
	if s.good != nil {
		images = append(images, s.good.kept().Images...)
	}
	for _, old := range s.kept {
		images = append(images, old.Images...)
	}
	images = append(images, revisionImages(s.tried.Resolved)...)
	if len(images) > 0 {
		s.letCollect(ctx, fmt.Sprintf("down/%d", workflow.Now(ctx).Unix()), boxes, images)
	}
}

func (s *service) letCollect(ctx workflow.Context, what string, boxes []spec.Box, images []RevisionImage) {
	ctx, _ = workflow.NewDisconnectedContext(ctx) // its end must not cancel what is started here
	in := CollectInput{Service: s.status.Service, Boxes: boxes, After: spec.Duration(CollectAfter)}
	for _, image := range images {
		if !slices.ContainsFunc(in.Images, func(i RevisionImage) bool { return i.Digest == image.Digest }) {
			in.Images = append(in.Images, image)
		}
	}
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            collectID(s.status.Service, what),
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         fmt.Sprintf("remove %d images that nobody names any more", len(in.Images)),
	}), CollectWorkflow, in)
	err := future.GetChildWorkflowExecution().Get(ctx, nil)
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		workflow.GetLogger(ctx).Warn("images will not be collected", "error", err)
	}
}

// collected notes in the audit what a collecting came to; a failure is a warning, and no more.
func (s *service) collected(ctx workflow.Context, result CollectResult) {
	entry := AuditEntry{
		At: workflow.Now(ctx), What: "collect images", Outcome: "accepted",
		Why: fmt.Sprintf("%d that nobody names any more went, %.1f MB", result.Removed, float64(result.Bytes)/1e6),
	}
	if len(result.Stayed) > 0 {
		entry.Outcome = "some stayed: " + strings.Join(result.Stayed, "; ")
	}
	s.record(entry)
}
