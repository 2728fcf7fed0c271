package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mostManifest bounds what a manifest may be, bytes, as other registries do.
const mostManifest = 4 << 20

// manifestStore keeps each accepted manifest as a file <dir>/<repository>/manifests/<tag or digest>, and gives
// them back to the protocol's handler, which holds them in memory, at the next start. Stored rather than pushed
// again: what runs names images by digests, also those that this build has no binaries for any more.
type manifestStore struct{ dir string }

// storedManifest is one such file.
type storedManifest struct {
	ContentType string `json:"content_type"`
	Content     []byte `json:"content"`
}

// keep writes down what the next handler accepts, and forgets what it deletes.
func (s *manifestStore) keep(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		path, ok := s.file(req.URL.Path)
		switch {
		case ok && req.Method == http.MethodPut:
			s.put(w, req, path, next)
		case ok && req.Method == http.MethodDelete:
			answer := &statusWriter{ResponseWriter: w}
			next.ServeHTTP(answer, req)
			if answer.status == http.StatusAccepted {
				os.Remove(path) //nolint:errcheck // at worst it is there again after a restart
			}
		default:
			next.ServeHTTP(w, req)
		}
	})
}

func (s *manifestStore) put(w http.ResponseWriter, req *http.Request, path string, next http.Handler) {
	content, err := io.ReadAll(io.LimitReader(req.Body, mostManifest+1))
	if err != nil || len(content) > mostManifest {
		Refuse(w, http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", fmt.Sprintf("a manifest has at most %d bytes", mostManifest))
		return
	}
	stored, err := json.Marshal(storedManifest{req.Header.Get("Content-Type"), content})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(content))
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, req)
	if answer.Code == http.StatusCreated { // before the client hears it: what it was told must outlive us
		digest := filepath.Join(filepath.Dir(path), answer.Header().Get("Docker-Content-Digest"))
		if err := errors.Join(writeFile(path, stored), writeFile(digest, stored)); err != nil {
			Refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes()) //nolint:errcheck // the client is gone
}

// file is where the manifest of a request path lives. Only names of the protocol are taken, so that nothing
// leaves the folder.
func (s *manifestStore) file(urlPath string) (string, bool) {
	rest, ok := strings.CutPrefix(urlPath, "/v2/")
	repository, reference, found := strings.Cut(rest, "/manifests/")
	if !ok || !found || repository == "" || reference == "" || strings.Contains(reference, "/") || !filepath.IsLocal(rest) {
		return "", false
	}
	return filepath.Join(s.dir, filepath.FromSlash(repository), "manifests", reference), true
}

// replay gives stored manifests to the protocol's handler, images before the indexes that name them.
func replay(ctx context.Context, stored []*kept, protocol http.Handler) error {
	stored = slices.Clone(stored)
	slices.SortStableFunc(stored, func(a, b *kept) int { return a.depth() - b.depth() })
	for _, one := range stored {
		path := "/v2/" + one.repository + "/manifests/" + one.reference
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, path, bytes.NewReader(one.Content))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", one.ContentType)
		answer := httptest.NewRecorder()
		protocol.ServeHTTP(answer, req)
		if answer.Code != http.StatusCreated {
			return fmt.Errorf("%s: %s", path, strings.TrimSpace(answer.Body.String()))
		}
	}
	return nil
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Refuse answers as the protocol says: a status, a code and a sentence.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string][]one{"errors": {{code, message}}}) //nolint:errcheck // the client is gone
}
