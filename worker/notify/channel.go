package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/mail"
)

// Channel is one way to tell people. Send may be called again with the same notice; errors that are neither
// ErrRejected, ErrInvalid nor a Partly are tried again.
type Channel interface {
	// Name is in the journal on the topic notice: do not change it.
	Name() string
	Send(ctx context.Context, notice Notice) error
}

// Partly says that some people were told, and that trying again would reach no more.
type Partly struct{ Err error }

// Error says who was not told, and why.
func (p Partly) Error() string { return p.Err.Error() }

// Unwrap is the cause.
func (p Partly) Unwrap() error { return p.Err }

// Mail tells by mail.
type Mail struct {
	Sender *mail.Sender
	// Escalate are addresses beside the sender's that hear of escalated alerts.
	Escalate []string
	// List names the mailing list in List-Id: the service.
	List string

	mu sync.Mutex
	// took are the addresses whose server took a notice, by the notice's ID: they do not get it again when another's
	// fails.
	took map[string][]string
	owed []owing
}

// owing is a notice that some have and one recipient's server has put off: nobody else waits for that.
type owing struct {
	message mail.Message
	to      string
	since   time.Time
}

// The bounds of what is owed. It is kept in memory only.
const (
	owedFor  = time.Hour
	owedMost = 200
)

// Name is mail.
func (*Mail) Name() string { return "mail" }

// Send mails a notice to everybody who has not got it yet. Who is put off while others got it gets it by Owed.
func (m *Mail) Send(ctx context.Context, notice Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.took == nil {
		m.took = map[string][]string{}
	}
	to := m.Sender.Recipients()
	if notice.Escalated {
		to = append(to, m.Escalate...)
	}
	to = slices.DeleteFunc(to, func(address string) bool { return slices.Contains(m.took[notice.ID], address) })
	message := mail.Message{
		ID: notice.ID, Thread: notice.Thread, List: m.List, Subject: notice.Subject, Text: notice.Text, HTML: notice.HTML(),
		Date: notice.At, Urgent: notice.priority(0, 0, 0, 1) == 1, To: to,
	}
	var later, never []error
	var waiting []owing
	for _, d := range m.Sender.Send(ctx, message) {
		switch {
		case d.Err == nil:
			m.took[notice.ID] = append(m.took[notice.ID], d.To)
		case final(d.Err):
			never = append(never, fmt.Errorf("to %s: %w", d.To, d.Err))
		default:
			later = append(later, fmt.Errorf("to %s: %w", d.To, d.Err))
			waiting = append(waiting, owing{message, d.To, time.Now()})
		}
	}
	some := len(m.took[notice.ID]) > 0
	if len(later) > 0 && (!some || len(m.owed)+len(waiting) > owedMost) {
		return errors.Join(shortened(later)...)
	}
	m.owed = append(m.owed, waiting...)
	delete(m.took, notice.ID)
	switch {
	case len(never) == 0:
		return nil
	case some:
		return Partly{errors.Join(never...)}
	}
	return errors.Join(shortened(never)...)
}

// Owed tries what is owed again, and says how much is left and what is given up.
func (m *Mail) Owed(ctx context.Context) (left int, lost error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keep []owing
	for _, o := range m.owed {
		one := o.message
		one.To = []string{o.to}
		err := m.Sender.Send(ctx, one)[0].Err
		switch {
		case err == nil:
		case final(err), time.Since(o.since) > owedFor:
			lost = errors.Join(lost, fmt.Errorf("to %s: %w", o.to, err))
		default:
			keep = append(keep, o)
		}
	}
	m.owed = keep
	return len(keep), lost
}

func final(err error) bool {
	return errors.Is(err, fault.ErrRejected) || errors.Is(err, fault.ErrInvalid)
}

// shortened says once what is the same for all, as when the server is away.
func shortened(errs []error) []error {
	first := errors.Unwrap(errs[0])
	for _, err := range errs[1:] {
		if errors.Unwrap(err).Error() != first.Error() {
			return errs
		}
	}
	return []error{first}
}
