package box

import (
	"net/http"
	"strings"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// inspectDistribution asks a registry about an image, as a pull would begin.
func (b *Box) inspectDistribution(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("rest"), "/json")
	if !ok {
		return status.Unsupported("a process box does not serve %s", r.URL.Path)
	}
	auth, err := images.Authenticator(r.Header.Get("X-Registry-Auth"))
	if err != nil {
		return err
	}
	answer, err := b.images.Distribution(r.Context(), name, auth)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, answer)
}
