package workflows

import "go.temporal.io/sdk/workflow"

// ReconcileWorkflow is what a service's Temporal Schedule runs: it tells the service to look at the world
// again. It leaves the work to ServiceWorkflow, which does one thing at a time.
func ReconcileWorkflow(ctx workflow.Context, service string) error {
	index(ctx, attributes{Service: service}, attributes{})
	err := workflow.SignalExternalWorkflow(ctx, ServiceID(service), "", SignalReconcile, nil).Get(ctx, nil)
	if err != nil {
		return failure(err, "reconcile "+service, nil)
	}
	return nil
}
