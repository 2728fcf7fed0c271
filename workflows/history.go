package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/history"
)

// HistoryID is the ID of the Temporal Schedule that rolls up a service's readings.
func HistoryID(service string) string { return "history/" + service }

// HistoryReport says what a run of HistoryWorkflow has done.
type HistoryReport struct {
	Windows int       `json:"windows"`
	Samples int64     `json:"samples"` // raw values that were read
	Until   time.Time `json:"until,omitzero"`
	// Left is what the next run goes on with; nil when all is done.
	Left *history.Pass         `json:"left,omitempty"`
	Trim activities.TrimResult `json:"trim,omitzero"`
	// Refused says why InfluxDB did not take some of what was rolled up.
	Refused string `json:"refused,omitempty"`
}

// roundsMost bounds one run to some hours of work, and its history to a few hundred events. The cursor is in InfluxDB: the
// next scheduled run goes on.
const roundsMost = 30

// rollingUp is for a stretch of windows: ten minutes of work, and a window more. It heartbeats each second; 15 s without
// one is a dead worker, and another one goes on where that was. InfluxDB may be away for a while; then the next scheduled
// run makes up for it.
func rollingUp() workflow.ActivityOptions {
	return options(20*time.Minute, 30*time.Minute, 15*time.Second, 0, 30*time.Second)
}

// HistoryWorkflow rolls up what is new of a service's readings, and what came late, to minutes and hours, then gives raw
// readings their retention. A Temporal Schedule starts it again and again; any run may be killed, repeated, or left out:
// the next one finds in InfluxDB how far they came.
func HistoryWorkflow(ctx workflow.Context, in activities.HistoryInput) (HistoryReport, error) {
	var report HistoryReport
	var archive *activities.History
	if err := act(ctx, as(quick(), "prepare", "buckets of minutes and hours"), archive.PrepareHistory, in); err != nil {
		return report, err
	}
	for range roundsMost {
		rolled, err := call(ctx, as(rollingUp(), "", "roll up"), archive.RollUp, activities.RollUpInput{HistoryInput: in, Pass: report.Left})
		if err != nil {
			return report, err
		}
		report.Windows, report.Samples, report.Until = report.Windows+rolled.Windows, report.Samples+rolled.Samples, rolled.Until
		report.Refused = cmp.Or(rolled.Refused, report.Refused)
		if report.Left = nil; rolled.Pass.Done() {
			break
		}
		report.Left = &rolled.Pass
	}
	switch {
	case report.Left != nil:
		return report, nil
	case report.Refused != "": // what the minutes lack must not be removed
		report.Trim.Why = "InfluxDB refused some of what was rolled up"
		return report, nil
	}
	var err error
	report.Trim, err = call(ctx, as(quick(), "trim", "retention of raw readings"), archive.TrimHistory, in)
	return report, err
}
