package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// Tested is what became of a test notice on one channel.
type Tested struct {
	Channel string `json:"channel"`
	OK      bool   `json:"ok"`
	Fault   string `json:"fault,omitempty"`
	Millis  int64  `json:"ms"` // how long the channel took
}

// testMost bounds one test.
const testMost = 45 * time.Second

// Test sends a test notice through every channel, once, and says what became of it. It touches no alert.
func (n *Notifier) Test(ctx context.Context, who string) []Tested {
	var mu sync.Mutex
	at := map[string]Tested{}
	n.test(ctx, fmt.Sprintf("test-%d", n.config.Now().UnixMilli()), who, func(t Tested) {
		mu.Lock()
		defer mu.Unlock()
		at[t.Channel] = t
	})
	out := make([]Tested, len(n.ways))
	for i, w := range n.ways {
		out[i] = at[w.channel.Name()]
	}
	return out
}

// test sends the test notice of an ID through every channel at once and tells of each, from goroutines of their own, what
// became of it. It returns when all are told.
func (n *Notifier) test(ctx context.Context, id, who string, told func(Tested)) {
	ctx, cancel := context.WithTimeout(ctx, testMost)
	defer cancel()
	now := n.config.Now()
	a := wire.Alert{
		ID: id, Room: "test", Kind: "test", Severity: wire.SeverityWarning,
		BeganMillis: now.UnixMilli(), Evidence: "this is a test; nothing is wrong", Source: source,
	}
	if who != "" {
		a.Evidence = fmt.Sprintf("this is a test that %.100s asked for; nothing is wrong", who)
	}
	notice := Notice{Service: n.config.Service, ID: a.ID, At: now.UTC(), Alerts: []Line{{Event: EventTest, Alert: a, Says: a.Evidence}}}.write(now)
	var all sync.WaitGroup
	for _, w := range n.ways {
		all.Go(func() {
			began := time.Now()
			err := w.channel.Send(ctx, notice)
			tested := Tested{Channel: w.channel.Name(), OK: err == nil, Millis: time.Since(began).Milliseconds()}
			if err != nil {
				tested.Fault = err.Error()
			}
			told(tested)
		})
	}
	all.Wait()
}

// testEvery keeps whoever reaches the port from sending mail without end.
const testEvery = 10 * time.Second

// TestHandler is POST /api/v1/test: body {"who"}, which may be empty. It answers {"channels": […]} with 200 when every
// channel took the test notice and with 502 when one did not, 429 within ten seconds of the last, and 409 without a
// channel.
func (n *Notifier) TestHandler() http.Handler {
	var mu sync.Mutex
	var last time.Time
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Who string `json:"who"`
		}
		if r.ContentLength != 0 {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&body); err != nil {
				http.Error(w, `{"error":"the body is no JSON like {\"who\":\"kim\"}"}`, http.StatusBadRequest)
				return
			}
		}
		if len(n.ways) == 0 {
			http.Error(w, `{"error":"nothing is configured: set SMTP_ADDRESS or WEBHOOK_URL"}`, http.StatusConflict)
			return
		}
		mu.Lock()
		now := n.config.Now()
		early := !last.IsZero() && now.Sub(last) < testEvery
		if !early {
			last = now
		}
		mu.Unlock()
		if early {
			http.Error(w, `{"error":"a test was sent within the last 10 s"}`, http.StatusTooManyRequests)
			return
		}
		channels := n.Test(r.Context(), body.Who)
		status := http.StatusOK
		for _, c := range channels {
			if !c.OK {
				status = http.StatusBadGateway
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(map[string]any{"channels": channels}); err != nil {
			return // the asker is gone
		}
	})
}
