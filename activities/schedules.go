package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// Scheduler keeps the schedules that reconcile services. Errors: ErrUnreachable, ErrInvalid.
type Scheduler interface {
	// EnsureReconcile makes the service's schedule or gives it another interval.
	EnsureReconcile(ctx context.Context, service string, every time.Duration) error
	// DeleteReconcile removes it; one that is gone already is no error.
	DeleteReconcile(ctx context.Context, service string) error
	// EnsureHistory makes the schedule that rolls up the service's readings, or gives it this input and interval.
	EnsureHistory(ctx context.Context, in HistoryInput) error
	// DeleteHistory removes it and ends its run; one that is gone already is no error.
	DeleteHistory(ctx context.Context, service string) error
}

// Schedules keeps the reconciling schedules.
type Schedules struct {
	Schedules Scheduler
}

// ReconcileInput names a service and how often it is reconciled.
type ReconcileInput struct {
	Service string        `json:"service"`
	Every   spec.Duration `json:"every,omitempty"`
}

// EnsureReconcile makes the service's schedule, or changes its interval. A second run changes nothing.
func (s *Schedules) EnsureReconcile(ctx context.Context, in ReconcileInput) error {
	if err := s.Schedules.EnsureReconcile(ctx, in.Service, in.Every.D()); err != nil {
		return Fault(fmt.Errorf("schedule the reconciling of %s: %w", in.Service, err))
	}
	return nil
}

// DeleteReconcile removes the service's schedule. A second run finds it gone, which is well.
func (s *Schedules) DeleteReconcile(ctx context.Context, in ReconcileInput) error {
	if err := s.Schedules.DeleteReconcile(ctx, in.Service); err != nil {
		return Fault(fmt.Errorf("end the reconciling of %s: %w", in.Service, err))
	}
	return nil
}

// EnsureHistory makes the schedule that rolls up the service's readings, or changes it. A second run changes nothing.
func (s *Schedules) EnsureHistory(ctx context.Context, in HistoryInput) error {
	if err := s.Schedules.EnsureHistory(ctx, in); err != nil {
		return Fault(fmt.Errorf("schedule the history of %s: %w", in.Service, err))
	}
	return nil
}

// DeleteHistory removes that schedule; what was rolled up stays. A second run finds it gone, which is well.
func (s *Schedules) DeleteHistory(ctx context.Context, in ReconcileInput) error {
	if err := s.Schedules.DeleteHistory(ctx, in.Service); err != nil {
		return Fault(fmt.Errorf("end the history of %s: %w", in.Service, err))
	}
	return nil
}
