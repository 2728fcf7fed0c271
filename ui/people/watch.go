package people

import (
	"context"
	"strings"
	"time"
)

// watch is one request in progress, which ends when its session does.
type watch struct{ cancel context.CancelFunc }

// Watch gives a context that ends when the session or token under key does; call stop when the request is over.
func (h *House) Watch(ctx context.Context, key string) (watched context.Context, stop func()) {
	if key == "" {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel}
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stream[key] == nil {
		d.stream[key] = map[*watch]struct{}{}
	}
	d.stream[key][w] = struct{}{}
	return ctx, func() {
		cancel()
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.stream[key], w)
		if len(d.stream[key]) == 0 {
			delete(d.stream, key)
		}
	}
}

// Sweep forgets sessions that are over and ends what is being served to them and to tokens that hold no more. A session
// that is being served is in use.
func (h *House) Sweep() {
	now := h.now()
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, s := range d.held.Sessions {
		if len(d.stream[key]) > 0 && now.Sub(s.Seen) > time.Second && now.Sub(s.Seen) <= h.rules.Idle {
			s.Seen, d.dirty = now.UTC(), true
			d.held.Sessions[key] = s
		}
		if _, good := h.holds(s, now); !good {
			delete(d.held.Sessions, key)
			d.dirty = true
		}
	}
	for key, watches := range d.stream {
		if h.keyHolds(key, now) {
			continue
		}
		for w := range watches {
			w.cancel()
		}
	}
}

func (h *House) keyHolds(key string, now time.Time) bool {
	if id, is := strings.CutPrefix(key, tokenKey); is {
		token, known := h.book.view(now).Tokens[id]
		return known && !token.over(now)
	}
	if key == openKey {
		return h.open(now)
	}
	_, known := h.desk.held.Sessions[key]
	return known
}

// Run sweeps each second and saves what changed each minute, until ctx ends.
func (h *House) Run(ctx context.Context) error {
	each := time.NewTicker(time.Second)
	defer each.Stop()
	for {
		select {
		case <-ctx.Done():
			return h.saveDesk(true)
		case <-each.C:
			h.Sweep()
			if err := h.saveDesk(false); err != nil {
				h.rules.Log.Error("sessions", "err", err)
			}
		}
	}
}

func (h *House) saveDesk(now bool) error {
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirty && (now || h.now().Sub(d.saved) >= saveEvery) {
		return d.save(h.now())
	}
	return nil
}
