package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/spec"
)

// Archive is one InfluxDB: 1.8 or 2.x. Errors: ErrUnreachable, ErrNotFound, ErrUnauthorised, ErrRejected, ErrInvalid.
type Archive interface {
	history.Reader
	// Keep makes a bucket that is not there and gives it this retention; zero is for ever.
	Keep(ctx context.Context, bucket string, keep time.Duration) error
	// WriteIn writes lines of line protocol and returns when they are stored.
	WriteIn(ctx context.Context, bucket string, lines []byte) error
	Close()
}

// Archives opens them, without dialling. An empty token means the worker's own. Errors: ErrInvalid.
type Archives interface {
	Open(place history.Place, token string) (Archive, error)
}

// History rolls raw readings up to minutes and hours.
type History struct {
	Archives Archives
	Secrets  Secrets
	// Budget is how long one RollUp goes on before it hands over to the next; zero is ten minutes.
	Budget time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// HistoryInput says which service's readings are kept, where, and for how long.
type HistoryInput struct {
	Service string        `json:"service"`
	Place   history.Place `json:"place"`
	Keep    spec.History  `json:"keep,omitzero"`
}

// RollUpInput goes on with a pass, or begins the one that is due.
type RollUpInput struct {
	HistoryInput
	Pass *history.Pass `json:"pass,omitempty"`
}

// RollUpResult says how far it came.
type RollUpResult struct {
	// Pass is what is left of it; nothing when it is Done.
	Pass    history.Pass `json:"pass"`
	Windows int          `json:"windows"`
	Samples int64        `json:"samples"` // that were read
	Until   time.Time    `json:"until,omitzero"`
	// Refused says why InfluxDB did not take some of what was rolled up; empty when it took all.
	Refused string `json:"refused,omitempty"`
}

// TrimResult says whether raw readings have their retention.
type TrimResult struct {
	Trimmed bool   `json:"trimmed"`
	Why     string `json:"why,omitempty"`
}

// PrepareHistory makes the buckets of minutes and hours, or gives them another retention. A second run changes nothing.
func (h *History) PrepareHistory(ctx context.Context, in HistoryInput) error {
	archive, err := h.open(ctx, in)
	if err != nil {
		return Fault(err)
	}
	defer archive.Close()
	for _, tier := range []history.Tier{history.Minutes, history.Hours} {
		if err := archive.Keep(ctx, history.In(in.Place.Bucket, tier), history.Keep(in.Keep, tier)); err != nil {
			return Fault(fmt.Errorf("make the bucket of %s: %w", tier, err))
		}
	}
	return nil
}

// RollUp rolls up one window after another, for at most Budget. Every window is stored before the cursor moves, and a
// window is the same points however often it is stored: killed anywhere, a second run loses and doubles nothing. It
// heartbeats what is left of the pass, with which the next attempt goes on.
func (h *History) RollUp(ctx context.Context, in RollUpInput) (RollUpResult, error) {
	archive, err := h.open(ctx, in.HistoryInput)
	if err != nil {
		return RollUpResult{}, Fault(err)
	}
	defer archive.Close()
	r := rollUp{archive: archive, in: in, now: h.now()}
	var left newest[*history.Pass]
	defer beat(ctx, func() any { return left.now() })()
	if err := r.begin(ctx); err != nil {
		return RollUpResult{}, Fault(fmt.Errorf("look where the history of %s is: %w", in.Service, err))
	}
	left.set(new(r.pass))
	until := time.Now().Add(cmp.Or(h.Budget, 10*time.Minute))
	for length := time.Duration(0); time.Now().Before(until); {
		began := time.Now()
		length = max(length, history.WindowLeast)
		more, err := r.window(ctx, length)
		if err != nil {
			return RollUpResult{}, Fault(fmt.Errorf("roll up %s from %s: %w", in.Service, r.pass.From.Format(time.RFC3339), err))
		}
		if !more {
			break
		}
		left.set(new(r.pass))
		length = history.Stretch(length, time.Since(began))
	}
	return RollUpResult{Pass: r.pass, Windows: r.windows, Samples: r.samples, Until: r.cursor.Until, Refused: r.refused}, nil
}

// TrimHistory gives raw readings their retention, once everything was rolled up: what is removed then is only what the
// minutes have. A second run changes nothing.
func (h *History) TrimHistory(ctx context.Context, in HistoryInput) (TrimResult, error) {
	archive, err := h.open(ctx, in)
	if err != nil {
		return TrimResult{}, Fault(err)
	}
	defer archive.Close()
	cursor, err := readCursor(ctx, archive, in, h.now())
	if err != nil {
		return TrimResult{}, Fault(fmt.Errorf("look where the history of %s is: %w", in.Service, err))
	}
	if !cursor.MayTrim(h.now()) {
		return TrimResult{Why: "not everything is rolled up yet"}, nil
	}
	if err := archive.Keep(ctx, in.Place.Bucket, history.Keep(in.Keep, history.Raw)); err != nil {
		return TrimResult{}, Fault(fmt.Errorf("give raw readings their retention: %w", err))
	}
	return TrimResult{Trimmed: true}, nil
}

func (h *History) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

func (h *History) open(ctx context.Context, in HistoryInput) (Archive, error) {
	token := ""
	if in.Place.Token.From != "" {
		value, err := h.Secrets.Resolve(ctx, in.Place.Token)
		if err != nil {
			return nil, fmt.Errorf("token of %s: %w", in.Place.URL, err)
		}
		token = string(value)
	}
	return h.Archives.Open(in.Place, token)
}

func readCursor(ctx context.Context, archive Archive, in HistoryInput, now time.Time) (history.Cursor, error) {
	var cursor history.Cursor
	err := archive.Rows(ctx, history.CursorQuery(in.Place.Bucket, now), func(s history.Sample) error {
		cursor.Take(s)
		return nil
	})
	return cursor, err
}

// rollUp is one run of RollUp.
type rollUp struct {
	archive Archive
	in      RollUpInput
	now     time.Time
	cursor  history.Cursor
	pass    history.Pass
	windows int
	samples int64
	refused string
}

// begin finds the pass: what an attempt before this one left of it, what was asked for, or the one that is due.
func (r *rollUp) begin(ctx context.Context) error {
	var err error
	if r.cursor, err = readCursor(ctx, r.archive, r.in.HistoryInput, r.now); err != nil {
		return err
	}
	var left *history.Pass
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &left) == nil && left != nil {
		r.pass = *left
		return nil
	}
	if r.in.Pass != nil {
		r.pass = *r.in.Pass
		return nil
	}
	oldest, err := r.oldest(ctx)
	r.pass = history.Next(r.cursor, oldest, r.now, r.in.Keep)
	return err
}

// oldest is the time of the oldest raw record that is rolled up; zero when there is none.
func (r *rollUp) oldest(ctx context.Context) (oldest time.Time, err error) {
	err = r.archive.Rows(ctx, history.Oldest(r.in.Place.Bucket, r.now), func(s history.Sample) error {
		if at := time.UnixMilli(s.At).UTC(); oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
		return nil
	})
	return oldest, err
}

// window rolls up the next window and moves the cursor; there is no more when the pass has ended.
func (r *rollUp) window(ctx context.Context, length time.Duration) (more bool, err error) {
	from, to, ok := r.pass.Window(length)
	if !ok {
		return false, nil
	}
	roller := history.NewRoller(to, r.now, r.in.Keep, func(tier history.Tier, lines []byte) error {
		return r.store(ctx, tier, lines)
	})
	err = r.archive.Rows(ctx, history.Scan(r.in.Place.Bucket, from, to), func(s history.Sample) error {
		r.samples++
		return roller.Add(s)
	})
	if err == nil {
		err = roller.Close()
	}
	if err != nil {
		return false, err
	}
	r.pass, r.cursor = r.pass.After(r.cursor, to, r.now)
	r.windows++
	return true, r.archive.WriteIn(ctx, history.In(r.in.Place.Bucket, history.Hours), r.cursor.Line())
}

// store writes to a tier. What it will never take (a field that somebody has written with another type, say) must not
// hold up the rest: it is left out, and said, and raw readings stay as long as it is so.
func (r *rollUp) store(ctx context.Context, tier history.Tier, lines []byte) error {
	err := r.archive.WriteIn(ctx, history.In(r.in.Place.Bucket, tier), lines)
	if errors.Is(err, fault.ErrRejected) {
		activity.GetLogger(ctx).Warn("some of a rolled up window was refused", "service", r.in.Service, "tier", string(tier), "cause", err.Error())
		r.refused = err.Error()
		return nil
	}
	return err
}
