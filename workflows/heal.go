package workflows

import "go.temporal.io/sdk/workflow"

// ReconcileWorkflow is what a service's Temporal Schedule runs: it tells the service to look at the world
// again. It leaves the work to ServiceWorkflow, which does one thing at a time.
func ReconcileWorkflow(ctx workflow.Context, service string) error {
	err := workflow.SignalExternalWorkflow(ctx, ServiceID(service), "", SignalReconcile, nil).Get(ctx, nil)
	if err != nil {
		return failure(err, "reconcile "+service, nil)
	}
	return nil
}

// healing is the change that brings back what the revision stitched last says: with the images resolved then,
// since a tag that has moved is a new revision, and without asking for approvals again. Before a first
// revision has been stitched it is the newest, tried again as if just applied.
func (s *service) healing(ctx workflow.Context) change {
	entry := AuditEntry{At: workflow.Now(ctx), What: auditReconcile}
	if s.good == nil {
		return change{revision: s.status.Revision, service: s.newest, planHash: s.hash, audit: entry}
	}
	return change{revision: s.good.Revision, service: s.good.Service, heal: true, audit: entry}
}

// refused says that nothing runs because the first plan was not the one that was shown.
func (s *service) refused() bool { return s.good == nil && s.status.FaultType == TypePlanChanged }
