package box

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/filters"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// The versions of the Engine API that are answered: 1.47 is of Docker 27, 1.24 the oldest that clients of
// today still speak.
const (
	apiVersion    = "1.47"
	minAPIVersion = "1.24"
	serverVersion = "process-box/dev"
	// maxBody bounds a JSON request, in bytes.
	maxBody = 4 << 20
)

// handler answers a request, or returns the error to answer with.
type handler func(w http.ResponseWriter, r *http.Request) error

func (b *Box) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h handler) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := h(w, r); err != nil {
				b.refuse(w, r, err)
			}
		})
	}
	b.systemRoutes(handle)
	b.imageRoutes(handle)
	b.containerRoutes(handle)
	b.networkRoutes(handle)
	b.volumeRoutes(handle)
	handle("/", func(_ http.ResponseWriter, r *http.Request) error {
		return status.Unsupported("a process box does not serve %s %s; that takes a Docker engine", r.Method, r.URL.Path)
	})
	return b.guard(b.version(mux))
}

// guard keeps web pages out: a browser on this machine may send requests to loopback ports, and whoever
// reaches the Engine API can start programs.
func (b *Box) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if r.Header.Get("Origin") != "" || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
			b.refuse(w, r, status.Forbidden("the Engine API of a process box is for programs on this machine, not for web pages"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// version strips /v1.xx and says which versions are spoken.
func (b *Box) version(next http.Handler) http.Handler {
	prefix := regexp.MustCompile(`^/v(\d+)\.(\d+)/`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", apiVersion)
		w.Header().Set("Ostype", "linux")
		w.Header().Set("Docker-Experimental", "false")
		w.Header().Set("Server", "Docker/"+serverVersion+" (linux)")
		match := prefix.FindStringSubmatch(r.URL.Path)
		if match == nil {
			next.ServeHTTP(w, r)
			return
		}
		minor, err := strconv.Atoi(match[2])
		switch {
		case err != nil || match[1] != "1" || minor > 47:
			b.refuse(w, r, status.Invalid("client version %s.%s is too new. Maximum supported API version is %s", match[1], match[2], apiVersion))
			return
		case minor < 24:
			b.refuse(w, r, status.Invalid("client version %s.%s is too old. Minimum supported API version is %s, please upgrade your client to a newer version", match[1], match[2], minAPIVersion))
			return
		}
		stripped := *r.URL
		stripped.Path = r.URL.Path[len(match[0])-1:]
		stripped.RawPath = ""
		request := r.Clone(r.Context())
		request.URL = &stripped
		next.ServeHTTP(w, request)
	})
}

func (b *Box) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := status.Code(err)
	if code == http.StatusNotModified {
		w.WriteHeader(code)
		return
	}
	if code >= http.StatusInternalServerError {
		b.logger.Warn("request", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	_ = reply(w, code, map[string]string{"message": err.Error()}) // who no longer listens needs no error
}

func reply(w http.ResponseWriter, code int, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, err = w.Write(append(text, '\n'))
	if err != nil {
		return nil // the caller is gone; the status is out already
	}
	return nil
}

func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// body reads a JSON request; an empty one leaves into as it is.
func body(r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return status.Invalid("invalid JSON: %v", err)
	}
	return nil
}

// flag reads a query parameter as dockerd does: absent, 0, no, false and none are false.
func flag(r *http.Request, name string) bool {
	switch strings.ToLower(strings.TrimSpace(r.URL.Query().Get(name))) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// filtersOf reads the filters, of which only the known ones may be given.
func filtersOf(r *http.Request, known ...string) (filters.Args, error) {
	args, err := filters.FromJSON(r.URL.Query().Get("filters"))
	if err != nil {
		return args, status.Invalid("invalid filters: %v", err)
	}
	accepted := map[string]bool{}
	for _, name := range known {
		accepted[name] = true
	}
	if err := args.Validate(accepted); err != nil {
		return args, status.Invalid("%v", err)
	}
	return args, nil
}

// stream writes values one by one, each flushed.
type stream struct {
	encoder *json.Encoder
	flush   func() error
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{encoder: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
}

func (s *stream) send(value any) error {
	if err := s.encoder.Encode(value); err != nil {
		return err
	}
	return s.flush()
}
