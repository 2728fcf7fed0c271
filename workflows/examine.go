package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/spec"
)

// ExamineRequest asks for a look at every box of a service.
type ExamineRequest struct {
	Service spec.Service `json:"service"`
}

// ExamineResult has one examination for each box, in the order of the specification.
type ExamineResult struct {
	Boxes []activities.Examination `json:"boxes"`
}

// InstallRequest asks for engines on boxes that have none.
type InstallRequest struct {
	Service string     `json:"service"`
	Boxes   []spec.Box `json:"boxes"`
	Who     string     `json:"who,omitempty"`
	Why     string     `json:"why,omitempty"`
}

// InstallOutcome has one report for each box, in the order of the request.
type InstallOutcome struct {
	Boxes []InstallReport `json:"boxes"`
}

// InstallReport is what became of one box.
type InstallReport struct {
	activities.InstallResult
	// Fault says in one sentence why the box has no engine now; empty when it has.
	Fault     string `json:"fault,omitempty"`
	FaultType string `json:"fault_type,omitempty"`
}

// phaseInstalling is the phase of a workflow that installs engines.
const phaseInstalling = "installing"

// boxesAtOnce bounds the boxes that are looked at, or installed on, at the same time: one service must not take all
// the worker's slots.
const boxesAtOnce = 16

// examine is for looking at one box. Its looks have bounds of their own, 5 s each and 10 s for the registries, 40 s in
// all; a worker that dies meanwhile gives its place to another one once.
func examine() workflow.ActivityOptions {
	return options(45*time.Second, 2*time.Minute, 10*time.Second, 2, time.Second)
}

// installing is for giving one box an engine: some 100 MB of packages, 20 minutes at 100 kB/s. It is begun again when
// the box or the worker went away, and then waits for the installation that runs on the box by itself.
func installing() workflow.ActivityOptions {
	return options(20*time.Minute, 40*time.Minute, 15*time.Second, 8, 30*time.Second)
}

// ExamineWorkflow looks at all boxes of a service at the same time, from the worker, since that is who has to reach
// them. It changes nothing, and a box that is ill is a result.
func ExamineWorkflow(ctx workflow.Context, in ExamineRequest) (ExamineResult, error) {
	return indexed(ctx, attributes{Service: in.Service.Name, Phase: phaseExamining, Boxes: boxNames(in.Service.Boxes)}, in, examineAll)
}

func examineAll(ctx workflow.Context, in ExamineRequest) (ExamineResult, error) {
	boxes := in.Service.Boxes
	result := ExamineResult{Boxes: make([]activities.Examination, len(boxes))}
	images := refs(in.Service)
	err := each(ctx, boxesAtOnce, boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		var doctor *activities.Doctor
		seen, err := call(ctx, as(examine(), "examine/"+box.Name, "examine "+box.Name), doctor.Examine, activities.ExamineInput{
			Box: box, Registries: in.Service.Registries, Secrets: in.Service.Secrets, Images: images, ProbeImage: in.Service.ProbeImage,
		})
		if sentence, kind := explain(err); err != nil && kind != TypeCancelled {
			seen = activities.Examination{Box: box.Name, Engine: box.Engine, Checks: []activities.Check{{
				Name: activities.CheckEngine, State: activities.CheckFail, Seen: sentence, Advice: "look at the worker's log",
			}}}
			err = nil
		}
		result.Boxes[i] = seen
		return err
	})
	return result, err
}

// InstallWorkflow gives every box of the request an engine, all at the same time. A box that cannot be given one is
// a report, and does not stop the others.
func InstallWorkflow(ctx workflow.Context, in InstallRequest) (InstallOutcome, error) {
	return indexed(ctx, attributes{Service: in.Service, Phase: phaseInstalling, Boxes: boxNames(in.Boxes)}, in, installAll)
}

func installAll(ctx workflow.Context, in InstallRequest) (InstallOutcome, error) {
	result := InstallOutcome{Boxes: make([]InstallReport, len(in.Boxes))}
	err := each(ctx, boxesAtOnce, in.Boxes, func(ctx workflow.Context, i int, box spec.Box) error {
		var doctor *activities.Doctor
		done, err := call(ctx, as(installing(), "install/"+box.Name, "install an engine on "+box.Name), doctor.InstallEngine,
			activities.InstallInput{Box: box, Who: in.Who})
		report := InstallReport{InstallResult: done}
		report.Box = box.Name
		report.Fault, report.FaultType = explain(err)
		result.Boxes[i] = report
		if report.FaultType == TypeCancelled {
			return err
		}
		return nil
	})
	return result, err
}
