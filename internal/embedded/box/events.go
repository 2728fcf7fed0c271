package box

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// keptEvents is how many past events can be asked for; dockerd's number.
const keptEvents = 256

// events tells listeners what happens in the box.
type events struct {
	mu        sync.Mutex
	past      []apievents.Message
	listeners map[chan apievents.Message]struct{}
}

func newEvents() *events { return &events{listeners: map[chan apievents.Message]struct{}{}} }

func (e *events) tell(kind apievents.Type, action apievents.Action, id string, attributes map[string]string) {
	now := time.Now()
	message := apievents.Message{
		Type: kind, Action: action, Scope: "local", Time: now.Unix(), TimeNano: now.UnixNano(),
		Actor: apievents.Actor{ID: id, Attributes: maps.Clone(attributes)},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.past = append(e.past, message); len(e.past) > keptEvents {
		e.past = append([]apievents.Message{}, e.past[1:]...)
	}
	for listener := range e.listeners {
		select {
		case listener <- message:
		default: // too slow: it loses events, the box loses no time
		}
	}
}

func (e *events) listen() (past []apievents.Message, next chan apievents.Message, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next = make(chan apievents.Message, keptEvents)
	e.listeners[next] = struct{}{}
	return append(past, e.past...), next, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.listeners, next)
	}
}

func (b *Box) serveEvents(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "type", "event", "container", "image", "label", "network", "volume", "scope", "daemon")
	if err != nil {
		return err
	}
	since, err := moment(r, "since")
	if err != nil {
		return err
	}
	until, err := moment(r, "until")
	if err != nil {
		return err
	}
	ctx := r.Context()
	if !until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	past, next, stop := b.events.listen()
	defer stop()
	w.Header().Set("Content-Type", "application/json")
	out := newStream(w)
	if err := out.flush(); err != nil {
		return nil
	}
	for _, message := range past {
		if !since.IsZero() && message.TimeNano >= since.UnixNano() && wanted(args, message) {
			if out.send(message) != nil {
				return nil // the listener is gone
			}
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-next:
			if wanted(args, message) && out.send(message) != nil {
				return nil
			}
		}
	}
}

func wanted(args filters.Args, message apievents.Message) bool {
	actor := func(field string, kind apievents.Type) bool {
		return !args.Contains(field) || (message.Type == kind &&
			(args.FuzzyMatch(field, message.Actor.ID) || args.ExactMatch(field, message.Actor.Attributes["name"])))
	}
	action, _, _ := strings.Cut(string(message.Action), ":")
	return args.ExactMatch("type", string(message.Type)) &&
		(args.ExactMatch("event", string(message.Action)) || args.ExactMatch("event", action)) &&
		args.ExactMatch("scope", message.Scope) &&
		args.MatchKVList("label", message.Actor.Attributes) &&
		actor("container", apievents.ContainerEventType) && actor("network", apievents.NetworkEventType) &&
		actor("volume", apievents.VolumeEventType) && actor("daemon", apievents.DaemonEventType) &&
		(!args.Contains("image") || args.ExactMatch("image", message.Actor.Attributes["image"]) || args.ExactMatch("image", message.Actor.ID))
}
