package stream

import (
	"context"
	"errors"
)

// ErrEnded says that a stream has come to its end: the reader goes away and comes back.
var ErrEnded = errors.New("the stream has ended")

// Reader is one who follows. It is used by one goroutine, and left with Leave.
type Reader struct {
	hub    *Hub
	packed bool
	at     uint64 // number of the next event
	seq    uint64 // the patch up to which it knows everything
	first  *event // what it begins with
	begun  bool   // the head of the compressed stream is out
}

// Join begins to follow: after lastID (of an event that this process sent) with one patch of what was missed, with the
// whole state otherwise. Packed streams are compressed as gzip. Errors: a state that cannot be encoded.
func (h *Hub) Join(lastID string, packed bool) (*Reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	// A clock that was put back makes what was looked at before of a time to come.
	if passed := h.now().UnixMilli() - h.snapshot.Now; passed < 0 || passed >= least.Milliseconds() {
		h.look() // so that the times are those of now
		h.whole = nil
		clear(h.catchUp)
	}
	r := &Reader{hub: h, packed: packed, at: h.next, seq: h.seq}
	if seq, is := h.known(lastID); is {
		r.first = h.since(seq)
	} else {
		whole, err := h.all()
		if err != nil {
			return nil, err
		}
		r.first = whole
	}
	h.readers++
	if h.quit == nil {
		h.quit = make(chan struct{})
		go h.watch(h.quit)
	}
	return r, nil
}

// Leave ends a reader. When the last one has left, the hub rests.
func (r *Reader) Leave() {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers--
	if h.readers == 0 {
		close(h.quit)
		h.quit = nil
	}
}

// Next appends to out what the reader has not had yet, and waits for it if there is none. Errors: ErrEnded when ctx or
// stopping ends first.
func (r *Reader) Next(ctx context.Context, stopping <-chan struct{}, out []byte) ([]byte, error) {
	if r.packed && !r.begun {
		out, r.begun = append(out, packedHead...), true
	}
	if r.first != nil {
		out = append(out, r.first.bytes(r.packed)...)
		r.first = nil
		return out, nil
	}
	for {
		events, wake := r.take()
		if len(events) > 0 {
			for _, e := range events {
				out = append(out, e.bytes(r.packed)...)
			}
			return out, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ErrEnded
		case <-stopping:
			return nil, ErrEnded
		}
	}
}

// take is what is new, or else what tells of more. Who is so far behind that the events are gone gets one patch.
func (r *Reader) take() (events []*event, wake <-chan struct{}) {
	h := r.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.next-r.at > window {
		switch {
		case r.seq >= h.floor:
			events = append(events, h.since(r.seq))
		default:
			if whole, err := h.all(); err == nil {
				events = append(events, whole)
			}
		}
	} else {
		for ; r.at < h.next; r.at++ {
			events = append(events, h.events[r.at%window])
		}
	}
	r.at, r.seq = h.next, h.seq
	return events, h.wake
}
