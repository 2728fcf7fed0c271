package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/ui/server"
	"github.com/overcloud/overcloud/ui/state"
)

// pulse is how often the stage's sensors say something.
const pulse = time.Second

// Stage is a Control Room on a loopback port: the real server over a World. It can be closed and opened again on the same
// port, as a process that is restarted: what the store and the streams knew is gone then, and told anew.
type Stage struct {
	World *World
	// People are those who may come in; nil: a loopback house where nobody is set up, so that everybody may do everything.
	People *people.House
	data   string // folder of what the server keeps

	mu      sync.Mutex
	address string // host:port; port 0 until it was opened first
	store   *state.Store
	stop    func()
	open    map[net.Conn]bool
	streams []string // what each asker for the event stream had heard last, "" for nothing
}

// NewStage makes a stage that listens nowhere yet. Data is a folder for what the server keeps on disk.
func NewStage(world *World, address, data string) *Stage {
	return &Stage{World: world, address: address, data: data}
}

// Origin is http://host:port of the page.
func (s *Stage) Origin() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.address
}

// Store is what the server that is open now shows.
func (s *Stage) Store() *state.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store
}

// Open starts the server; it answers when Open returns.
func (s *Stage) Open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.address)
	if err != nil {
		cancel()
		return fmt.Errorf("listen on %s: %w", s.address, err)
	}
	s.address = listener.Addr().String()
	s.store = state.NewStore(s.World.rooms)
	s.World.Fill(s.store, time.Now())
	if s.People == nil {
		s.People, err = people.Open(people.Rules{SignIn: people.SignInAuto, Listen: s.address, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	}
	if err != nil {
		cancel()
		return errors.Join(err, listener.Close())
	}
	s.open = map[net.Conn]bool{}
	serving := &http.Server{Handler: s.witness(server.New(s.options(ctx)).Handler()), ReadHeaderTimeout: 10 * time.Second, ConnState: s.track}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := serving.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the stage", "err", err)
		}
	}()
	go s.play(ctx, s.store)
	s.stop = func() {
		cancel()
		_ = serving.Close() // a crash closes nothing in order
		<-ended
	}
	return nil
}

// witness notes who asks for the event stream.
func (s *Stage) witness(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/events" {
			s.mu.Lock()
			s.streams = append(s.streams, r.Header.Get("Last-Event-ID"))
			s.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Stage) track(conn net.Conn, now http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now == http.StateNew {
		s.open[conn] = true
	}
	if now == http.StateClosed || now == http.StateHijacked {
		delete(s.open, conn)
	}
}

// Streams are the event ids with which the event stream was asked for, oldest first.
func (s *Stage) Streams() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.streams)
}

// Drop breaks every connection off; the server goes on.
func (s *Stage) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		conn.Close()
	}
}

// options are the server's, with the world in place of what is outside the process.
func (s *Stage) options(ctx context.Context) server.Options {
	stored := past{s.World}
	return server.Options{
		Service: "smart-energy", Store: s.store, Operator: s.World, Graphs: s.World, Stored: stored,
		Services: services{s.World}, Boxes: s.World, BoxHistory: stored, Logs: s.World,
		Tunes: s.World, Answers: s.World, AlertHistory: stored, Notices: s.World, People: s.People, Data: s.data,
		TemporalWeb: "http://127.0.0.1:8233/namespaces/default/workflows",
		Log:         slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: time.Now, Stopping: ctx.Done(),
	}
}

// play moves the world on until ctx ends.
func (s *Stage) play(ctx context.Context, store *state.Store) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s.World.Fill(store, now)
		}
	}
}

// Close ends the server and every connection to it, as a crash does.
func (s *Stage) Close() {
	s.mu.Lock()
	stop := s.stop
	s.stop = nil
	s.mu.Unlock() // closing connections asks for it
	if stop != nil {
		stop()
	}
}
