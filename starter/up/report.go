package up

import (
	"sync"
	"time"

	"github.com/overcloud/overcloud/starter/screen"
)

// report keeps the lines of the servers and, below them, those of the deploy.
type report struct {
	screen *screen.Screen

	mu      sync.Mutex
	servers []screen.Line
	deploy  []screen.Line
}

func newReport(s *screen.Screen) *report {
	return &report{screen: s, servers: []screen.Line{
		{ID: "temporal", Title: "Temporal and its Web UI", State: screen.Waiting},
		{ID: "registry", Title: "image registry", State: screen.Waiting},
		{ID: "boxes", Title: "process boxes rack-1, rack-2, pi-1", State: screen.Waiting},
	}}
}

// during marks a server's line as running while start runs, then as done or failed.
func (r *report) during(id string, start func() error) error {
	r.change(id, func(l *screen.Line) { l.State, l.Started = screen.Running, time.Now() })
	err := start()
	r.change(id, func(l *screen.Line) {
		l.State, l.Ended, l.Detail = screen.Done, time.Now(), ""
		if err != nil {
			l.State, l.Detail = screen.Failed, err.Error()
		}
	})
	return err
}

func (r *report) detail(id, text string) {
	r.change(id, func(l *screen.Line) { l.Detail = text })
}

func (r *report) change(id string, update func(*screen.Line)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.servers {
		if r.servers[i].ID == id {
			update(&r.servers[i])
		}
	}
	r.draw()
}

// Show replaces the lines of the deploy.
func (r *report) Show(lines []screen.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deploy = lines
	r.draw()
}

// Print writes above all lines.
func (r *report) Print(text string) { r.screen.Print(text) }

func (r *report) draw() {
	r.screen.Show(append(append([]screen.Line{}, r.servers...), r.deploy...))
}
