package docker

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// A Pi whose clock is an hour behind makes every helper look old: probes that run side by side must not remove each
// other's.
func TestHelpersAreOldByTheClockOfTheirEngine(t *testing.T) {
	var mu sync.Mutex
	var removed []string
	behind := time.Now().Add(-time.Hour)
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		require.NoError(t, json.NewEncoder(w).Encode(value))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodDelete:
			removed = append(removed, r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		case strings.HasSuffix(r.URL.Path, "/info"):
			answer(w, system.Info{SystemTime: behind.Format(time.RFC3339Nano)})
		case strings.HasSuffix(r.URL.Path, "/containers/json"):
			answer(w, []container.Summary{
				{ID: "running", Created: behind.Add(-time.Second).Unix(), Labels: map[string]string{LabelHelper: HelperProbe}},
				{ID: "left", Created: behind.Add(-2 * helperAge).Unix(), Labels: map[string]string{LabelHelper: HelperFolder}},
				{ID: "serving", Created: behind.Add(-2 * helperAge).Unix(), Labels: map[string]string{LabelHelper: HelperForward}},
			})
		}
	}))
	defer server.Close()
	engines := NewEngines(Options{})
	defer engines.Close()
	opened, err := engines.Open(spec.Box{Name: "pi", Engine: "tcp://" + server.Listener.Addr().String()})
	require.NoError(t, err)
	opened.(*Engine).sweepHelpers(t.Context(), "s")
	require.Equal(t, []string{"left"}, removed)
}
