package lab

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/registry"
)

// mirror is a pull-through cache of one registry. What is named by digest it fetches once, passing the bytes on
// as they come, and keeps; a tag it asks anew each time, and answers from its memory while the registry is away.
type mirror struct {
	dir      string
	upstream string // URL
	client   *http.Client

	mu       sync.Mutex
	fetching map[string]chan struct{} // by file; closed when the fetch has ended, well or not
}

// about is what a mirror keeps beside a body.
type about struct {
	ContentType string `json:"content_type"`
	Digest      string `json:"digest"`
}

func newMirror(dir, upstream string, ca *x509.CertPool) (*mirror, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &mirror{
		dir: dir, upstream: upstream, fetching: map[string]chan struct{}{},
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca}, ResponseHeaderTimeout: 30 * time.Second}},
	}, nil
}

// ServeHTTP implements http.Handler.
func (m *mirror) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := req.URL.Path
	named := strings.Contains(path, "/manifests/") || strings.Contains(path, "/blobs/")
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		registry.Refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "a mirror takes no pushes")
	case path == "/v2/" || path == "/v2":
		w.WriteHeader(http.StatusOK)
	case !named:
		registry.Refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "a mirror knows manifests and blobs")
	default:
		m.serve(w, req)
	}
}

// file is where an answer is kept; a path may hold anything, a hash of it cannot.
func (m *mirror) file(path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(m.dir, hex.EncodeToString(sum[:]))
}

func (m *mirror) serve(w http.ResponseWriter, req *http.Request) {
	file := m.file(req.URL.Path)
	byDigest := strings.Contains(req.URL.Path, "sha256:")
	for {
		if byDigest && m.fromCache(w, req, file) {
			return
		}
		m.mu.Lock()
		other, busy := m.fetching[file]
		if !busy {
			m.fetching[file] = make(chan struct{})
		}
		m.mu.Unlock()
		if !busy {
			break
		}
		select { // the second waits for the first, and fetches itself only when that failed
		case <-other:
		case <-req.Context().Done():
			return
		}
	}
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		close(m.fetching[file])
		delete(m.fetching, file)
	}()
	if err := m.fetch(w, req, file); err != nil && !m.fromMemory(w, req, file) {
		registry.Refuse(w, http.StatusBadGateway, "UNAVAILABLE", err.Error())
	}
}

// fromMemory answers what a tag was when somebody last asked.
func (m *mirror) fromMemory(w http.ResponseWriter, req *http.Request, file string) bool {
	digest, err := os.ReadFile(file + ".tag")
	if err != nil {
		return false
	}
	before, _, _ := strings.Cut(req.URL.Path, "/manifests/")
	return m.fromCache(w, req, m.file(before+"/manifests/"+string(digest)))
}

// fromCache answers with what is kept, if anything is.
func (m *mirror) fromCache(w http.ResponseWriter, req *http.Request, file string) bool {
	text, err := os.ReadFile(file + ".json")
	if err != nil {
		return false
	}
	var what about
	if json.Unmarshal(text, &what) != nil {
		return false
	}
	body, err := os.Open(file)
	if err != nil {
		return false
	}
	defer body.Close()
	info, err := body.Stat()
	if err != nil {
		return false
	}
	what.header(w, info.Size())
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodGet {
		io.Copy(w, body) //nolint:errcheck // the client is gone
	}
	return true
}

func (a about) header(w http.ResponseWriter, size int64) {
	w.Header().Set("Content-Type", a.ContentType)
	w.Header().Set("Docker-Content-Digest", a.Digest)
	if size >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
}

// fetch asks the registry and passes its answer on, keeping it when it came whole. An error means that nothing
// was answered yet.
func (m *mirror) fetch(w http.ResponseWriter, req *http.Request, file string) error {
	// Not bound to the client alone: one that leaves must not leave the others without the blob.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), 10*time.Minute)
	defer cancel()
	asked, err := http.NewRequestWithContext(ctx, req.Method, m.upstream+req.URL.Path, nil)
	if err != nil {
		return err
	}
	asked.Header["Accept"] = req.Header["Accept"]
	answer, err := m.client.Do(asked)
	if err != nil {
		return fmt.Errorf("the mirror asks %s: %w", m.upstream, err)
	}
	defer answer.Body.Close()
	what := about{answer.Header.Get("Content-Type"), answer.Header.Get("Docker-Content-Digest")}
	what.header(w, answer.ContentLength)
	if answer.StatusCode == http.StatusOK && !strings.Contains(req.URL.Path, "sha256:") {
		if err := os.WriteFile(file+".tag", []byte(what.Digest), 0o644); err != nil {
			return err
		}
	}
	if answer.StatusCode != http.StatusOK || req.Method != http.MethodGet {
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body) //nolint:errcheck // the client is gone
		return nil
	}
	w.WriteHeader(http.StatusOK)
	m.keep(w, answer, what, file)
	return nil
}

// keep writes a body to its file and to the client; the file stays only if all of it came.
func (m *mirror) keep(w http.ResponseWriter, answer *http.Response, what about, file string) {
	part, err := os.CreateTemp(m.dir, "part-*")
	if err != nil {
		io.Copy(w, answer.Body) //nolint:errcheck // the client is gone
		return
	}
	defer os.Remove(part.Name()) //nolint:errcheck // gone already when all went well
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(part, sum, &optional{w: w}), answer.Body)
	if err := errors.Join(err, part.Close()); err != nil {
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
	if what.Digest != "" && what.Digest != "sha256:"+hex.EncodeToString(sum.Sum(nil)) {
		return // damaged on the way: the client sees it too
	}
	text, err := json.Marshal(what)
	if err == nil && os.Rename(part.Name(), file) == nil {
		os.WriteFile(file+".json", text, 0o644) //nolint:errcheck // it is fetched again then
	}
}

// optional is a writer that may fail without anybody minding.
type optional struct {
	w      io.Writer
	failed bool
}

func (o *optional) Write(content []byte) (int, error) {
	if !o.failed {
		_, err := o.w.Write(content)
		o.failed = err != nil
	}
	return len(content), nil
}
