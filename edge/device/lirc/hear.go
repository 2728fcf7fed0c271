package lirc

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// broadcasts is a receiver that lircd has.
type broadcasts struct{ client *lirc.Client }

// Heard returns the keys that lircd recognised, each as a frame of Remote and Keys. A key that is held down counts
// once. Errors are fault.ErrUnreachable.
func (b *broadcasts) Heard(ctx context.Context, cursor int64) ([]infrared.Frame, int64, error) {
	if err := b.client.Connect(ctx); err != nil {
		return nil, cursor, err
	}
	heard, next := b.client.Heard(cursor)
	var frames []infrared.Frame
	for _, h := range heard {
		if h.Repeat > 0 {
			continue
		}
		key := strings.ToUpper(h.Key)
		frames = append(frames, infrared.Frame{CarrierHz: 38_000, Remote: h.Remote, Keys: []string{key}, Code: infrared.Code(key)})
	}
	return frames, next, nil
}

// Describe says which lircd it is.
func (b *broadcasts) Describe() string { return describe(b.client) }

// Check asks lircd for its version. Errors are fault.ErrUnreachable.
func (b *broadcasts) Check(ctx context.Context) (string, error) {
	version, err := b.client.Version(ctx)
	if err != nil {
		return "", err
	}
	return "lircd " + version + " at " + b.client.Address().Host, nil
}

// Close drops the connection; a later Heard makes another.
func (b *broadcasts) Close() error { return b.client.Close() }

// ear is a receiver of the kernel's. It listens from the first time that it is asked until nobody has asked for a
// while, so one that was forgotten (after a new configuration) leaves nothing behind.
type ear struct {
	path string
	open lirc.Open

	mu      sync.Mutex
	kept    []infrared.Frame // the newest
	last    int64            // number of the newest; rises by one
	stop    context.CancelFunc
	idle    *time.Timer
	err     error // why it does not hear
	retryAt time.Time
}

const (
	remembered = 32
	idleFor    = time.Minute
	retryEvery = 2 * time.Second
)

// Heard returns the frames after the cursor. A device that is gone is an error until it is back. Errors are those of
// lirc.Listen.
func (e *ear) Heard(_ context.Context, cursor int64) ([]infrared.Frame, int64, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.stop != nil:
		e.idle.Reset(idleFor)
	case time.Now().After(e.retryAt):
		e.start()
	}
	if e.err != nil {
		return nil, cursor, e.err
	}
	if cursor < 0 || cursor >= e.last {
		return nil, e.last, nil
	}
	from := max(0, len(e.kept)-int(e.last-cursor))
	return append([]infrared.Frame(nil), e.kept[from:]...), e.last, nil
}

// start listens on a goroutine of its own. The caller has the lock.
func (e *ear) start() {
	ctx, stop := context.WithCancel(context.Background())
	e.stop, e.idle = stop, time.AfterFunc(idleFor, stop)
	go func() {
		err := lirc.Listen(ctx, e.open, e.path, e.ready, e.heard)
		stop()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.idle.Stop()
		e.stop, e.err = nil, err
		if err != nil {
			e.retryAt = time.Now().Add(retryEvery)
		}
	}()
}

func (e *ear) ready() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = nil
}

func (e *ear) heard(f infrared.Frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	e.kept = append(e.kept, f)
	if len(e.kept) > remembered {
		e.kept = append(e.kept[:0], e.kept[len(e.kept)-remembered:]...)
	}
}

// Describe says what the device can.
func (e *ear) Describe() string {
	text, err := e.Check(context.Background())
	if err != nil {
		return e.path + ", which is not there"
	}
	return text
}

// Check opens the device and asks what it can. Errors are those of lirc.Listen.
func (e *ear) Check(context.Context) (string, error) {
	features, err := ask(e.open, e.path)
	if err != nil {
		return "", err
	}
	if !features.Has(lirc.CanHear) {
		return "", fmt.Errorf("%s: the device %s: it cannot be a receiver: %w", e.path, features, fault.ErrInvalid)
	}
	return e.path + ": " + features.String(), nil
}

// Close stops listening; a later Heard begins again.
func (e *ear) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stop != nil {
		e.stop()
	}
	return nil
}
