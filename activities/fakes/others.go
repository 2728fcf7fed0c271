package fakes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// Registry resolves what it was given. Log line: resolve REF [from REPOSITORY as USER …], for the sources that are mirrors
// or have a user.
type Registry struct {
	Log
	Faults

	mu     sync.Mutex
	images map[string]plan.Image
}

// NewRegistry knows these images, by Ref.
func NewRegistry(images ...plan.Image) *Registry {
	r := &Registry{images: map[string]plan.Image{}}
	for _, image := range images {
		r.images[image.Ref] = image
	}
	return r
}

// Set adds an image or moves a reference to another one.
func (r *Registry) Set(image plan.Image) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images[image.Ref] = image
}

// Resolve implements activities.Registry.
func (r *Registry) Resolve(ctx context.Context, ref string, from []activities.Source) (plan.Image, error) {
	if err := r.check(ctx, Call{Method: "Resolve", Subject: ref}); err != nil {
		return plan.Image{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	line := "resolve " + ref
	own, path := spec.SplitImage(ref)
	for _, source := range from {
		if source.Repository != own+"/"+path || source.User != "" {
			line += " from " + source.Repository
		}
		if source.User != "" {
			line += " as " + source.User
		}
	}
	r.Add("%s", line)
	image, found := r.images[ref]
	if !found {
		return plan.Image{}, fmt.Errorf("manifest unknown: %w", fault.ErrNotFound)
	}
	return image, nil
}

// Streams keep what was published. Log lines: command ROOM/AC REVISION SETPOINT, intent ROOM REVISION,
// alert ID began|ended, answer KIND ALERT.
type Streams struct {
	Log
	Faults

	mu       sync.Mutex
	commands []wire.Command
	intents  []wire.Intent
	alerts   []wire.Alert
	answers  []wire.Answer
}

// Command implements activities.Streams; the Subject of its Call is ROOM/AC.
func (s *Streams) Command(ctx context.Context, c wire.Command) error {
	if err := s.check(ctx, Call{Method: "Command", Subject: c.Room + "/" + c.AC}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Add("command %s/%s %d %d", c.Room, c.AC, c.Revision, c.Setpoint)
	s.commands = append(s.commands, c)
	return nil
}

// Intent implements activities.Streams; the Subject of its Call is the room.
func (s *Streams) Intent(ctx context.Context, i wire.Intent) error {
	if err := s.check(ctx, Call{Method: "Intent", Subject: i.Room}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Add("intent %s %d", i.Room, i.Revision)
	s.intents = append(s.intents, i)
	return nil
}

// Alert implements activities.Streams; the Subject of its Call is the alert's ID.
func (s *Streams) Alert(ctx context.Context, a wire.Alert) error {
	if err := s.check(ctx, Call{Method: "Alert", Subject: a.ID}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := "began"
	if a.EndedMillis != 0 {
		state = "ended"
	}
	s.Add("alert %s %s", a.ID, state)
	s.alerts = append(s.alerts, a)
	return nil
}

// Answer implements activities.Streams; the Subject of its Call is the alert's ID.
func (s *Streams) Answer(ctx context.Context, a wire.Answer) error {
	if err := s.check(ctx, Call{Method: "Answer", Subject: a.Alert}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Add("answer %s %s", a.Kind, a.Alert)
	s.answers = append(s.answers, a)
	return nil
}

// Answers are the answers so far, in order.
func (s *Streams) Answers() []wire.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Answer(nil), s.answers...)
}

// Commands are the commands so far, in order.
func (s *Streams) Commands() []wire.Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Command(nil), s.commands...)
}

// Intents are the intents so far, in order.
func (s *Streams) Intents() []wire.Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Intent(nil), s.intents...)
}

// Alerts are the alerts so far, in order.
func (s *Streams) Alerts() []wire.Alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Alert(nil), s.alerts...)
}

// Secrets resolves what it was given: values by the secret's From. Another one is ErrSecret.
type Secrets map[string]string

// Resolve implements activities.Secrets.
func (s Secrets) Resolve(_ context.Context, secret spec.Secret) ([]byte, error) {
	value, found := s[secret.From]
	if !found {
		return nil, fmt.Errorf("secret %s: nothing at %s: %w", secret.Name, secret.From, fault.ErrSecret)
	}
	return []byte(value), nil
}

// Scheduler keeps the reconciling schedules. Log lines: schedule SERVICE EVERY, unschedule SERVICE.
type Scheduler struct {
	Log
	Faults

	mu    sync.Mutex
	every map[string]time.Duration
}

// EnsureReconcile implements activities.Scheduler.
func (s *Scheduler) EnsureReconcile(ctx context.Context, service string, every time.Duration) error {
	if err := s.check(ctx, Call{Method: "EnsureReconcile", Subject: service}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.every == nil {
		s.every = map[string]time.Duration{}
	}
	s.Add("schedule %s %s", service, every)
	s.every[service] = every
	return nil
}

// DeleteReconcile implements activities.Scheduler.
func (s *Scheduler) DeleteReconcile(ctx context.Context, service string) error {
	if err := s.check(ctx, Call{Method: "DeleteReconcile", Subject: service}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Add("unschedule %s", service)
	delete(s.every, service)
	return nil
}

// EnsureHistory implements activities.Scheduler. Log line: history SERVICE URL BUCKET.
func (s *Scheduler) EnsureHistory(ctx context.Context, in activities.HistoryInput) error {
	if err := s.check(ctx, Call{Method: "EnsureHistory", Subject: in.Service}); err != nil {
		return err
	}
	s.Add("history %s %s %s", in.Service, in.Place.URL, in.Place.Bucket)
	return nil
}

// DeleteHistory implements activities.Scheduler. Log line: no history SERVICE.
func (s *Scheduler) DeleteHistory(ctx context.Context, service string) error {
	if err := s.check(ctx, Call{Method: "DeleteHistory", Subject: service}); err != nil {
		return err
	}
	s.Add("no history %s", service)
	return nil
}

// Every is the interval of a service's schedule; zero when it has none.
func (s *Scheduler) Every(service string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.every[service]
}
