package docker

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// Emptying a folder of its secrets takes a helper, which a full disk does not let be made; removing containers is how
// the disk gets room again.
func TestAContainerWithAFolderIsRemovedFromAFullDisk(t *testing.T) {
	removed := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodDelete:
			removed++
			w.WriteHeader(http.StatusNoContent)
		case strings.HasSuffix(r.URL.Path, "/stop"):
			w.WriteHeader(http.StatusNoContent)
		case strings.HasSuffix(r.URL.Path, "/containers/create"):
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"message":"mkdir /var/lib/docker/overlay2/x: no space left on device"}`))
		case strings.HasSuffix(r.URL.Path, "/web/json"):
			_ = json.NewEncoder(w).Encode(container.InspectResponse{
				ContainerJSONBase: &container.ContainerJSONBase{ID: "web", Image: "sha256:1"},
				Config:            &container.Config{Labels: map[string]string{LabelService: "s", LabelFolder: "/run/overcloud/web-h"}},
			})
		}
	}))
	defer server.Close()
	engines := NewEngines(Options{})
	defer engines.Close()
	engine, err := engines.Open(spec.Box{Name: "full", Engine: "tcp://" + server.Listener.Addr().String()})
	require.NoError(t, err)
	err = engine.Remove(t.Context(), "web", 0)
	require.ErrorIs(t, err, fault.ErrDiskFull, "that the secrets stay in the box's memory is said")
	require.ErrorContains(t, err, "empty the folder of its secrets")
	require.Equal(t, 1, removed)
}
