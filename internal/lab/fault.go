package lab

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/registry"
)

// Fault is one way in which a registry misbehaves. The zero value does nothing; what is set is done together.
// Where nothing else is said it hits every request; numbers of bytes count those of answers' bodies.
type Fault struct {
	// Path limits it to requests whose path contains this: "/blobs/", "/manifests/", an image's name, a digest.
	Path string
	// From limits it to requests of this IP address: one box's engine.
	From string
	// Times is how many requests it hits before it is over; zero means all, until Heal.
	Times int

	// Status answers so, instead of the registry: 401, 403, 404, 429, 500, 503.
	Status int
	// RetryAfter goes with Status 429 or 503 as a header, in whole seconds.
	RetryAfter time.Duration
	// BytesPerSecond is what all the answers that it hits get together.
	BytesPerSecond int64
	// StallAfter sends so many bytes of an answer and then nothing, with the connection open, until the client
	// leaves or Heal. At least 1.
	StallAfter int64
	// CutAfter sends so many bytes of an answer and then drops the connection. At least 1.
	CutAfter int64
	// Damage flips one bit of each layer, so that it is not what its digest says. A blob below 4 KiB counts as an
	// image's configuration and stays whole.
	Damage bool
}

// Request is one that a registry has answered, or is answering.
type Request struct {
	Method, Path string
	From         string // IP address of the client: a box's, or this machine's own
	Status       int    // zero while there is no answer yet
	Bytes        int64  // of the answer's body so far
	Began        time.Time
	Ended        time.Time // zero while it lasts
}

// faults stands in front of a registry: it counts requests, asks for the password and misbehaves as told.
type faults struct {
	next           http.Handler
	user, password string // empty: everybody may

	mu       sync.Mutex
	active   []*activeFault
	requests []*Request
}

// activeFault is a Fault at work.
type activeFault struct {
	Fault
	left   int           // of Times
	healed chan struct{} // closed by Heal
	// free is when the next byte may go, for BytesPerSecond.
	free time.Time
}

// add makes a fault work, beside those that do already; the first that fits a request is the one that hits it.
func (f *faults) add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, &activeFault{Fault: fault, left: fault.Times, healed: make(chan struct{})})
}

// heal ends all faults; stalled answers go on.
func (f *faults) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.active {
		close(one.healed)
	}
	f.active = nil
}

func (f *faults) log() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	requests := make([]Request, len(f.requests))
	for i, one := range f.requests {
		requests[i] = *one
	}
	return requests
}

func (f *faults) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

// begin notes a request and finds the fault that hits it, or nil.
func (f *faults) begin(req *http.Request) (*Request, *activeFault) {
	from, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		from = req.RemoteAddr
	}
	noted := &Request{Method: req.Method, Path: req.URL.Path, From: from, Began: time.Now()}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, noted)
	for _, one := range f.active {
		over := one.Times > 0 && one.left == 0
		if over || !strings.Contains(req.URL.Path, one.Path) || (one.From != "" && one.From != from) {
			continue
		}
		one.left--
		return noted, one
	}
	return noted, nil
}

// ServeHTTP implements http.Handler.
func (f *faults) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	noted, hit := f.begin(req)
	out := &answer{ResponseWriter: w, faults: f, noted: noted, fault: hit, ctx: req.Context()}
	defer func() {
		f.mu.Lock()
		noted.Ended = time.Now()
		f.mu.Unlock()
	}()
	switch {
	case hit != nil && hit.Status != 0:
		hit.refuse(out)
	case !f.allowed(req):
		out.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
		registry.Refuse(out, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	default:
		out.damage = hit != nil && hit.Damage && strings.Contains(req.URL.Path, "/blobs/")
		f.next.ServeHTTP(out, req)
	}
}

func (f *faults) allowed(req *http.Request) bool {
	user, password, _ := req.BasicAuth()
	given, wanted := user+":"+password, f.user+":"+f.password
	return f.user == "" || subtle.ConstantTimeCompare([]byte(given), []byte(wanted)) == 1
}

// refuse answers with the fault's status, in the words of the distribution protocol.
func (a *activeFault) refuse(w http.ResponseWriter) {
	code, message := "UNKNOWN", "the registry is out of order"
	switch a.Status {
	case http.StatusUnauthorized:
		code, message = "UNAUTHORIZED", "authentication required"
		w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
	case http.StatusForbidden:
		code, message = "DENIED", "requested access to the resource is denied"
	case http.StatusNotFound:
		code, message = "MANIFEST_UNKNOWN", "manifest unknown"
	case http.StatusTooManyRequests:
		code, message = "TOOMANYREQUESTS", "You have reached your pull rate limit."
	case http.StatusServiceUnavailable:
		code, message = "UNAVAILABLE", "the registry is being maintained"
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter.Seconds())))
	}
	registry.Refuse(w, a.Status, code, message)
}

// answer passes an answer on, as the fault lets it.
type answer struct {
	http.ResponseWriter
	faults *faults
	noted  *Request
	fault  *activeFault // nil: none
	ctx    context.Context
	damage bool // flip a bit of the next byte
	sent   int64
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.faults.mu.Lock()
	a.noted.Status = status
	a.faults.mu.Unlock()
	const least = 4 << 10 // bytes
	if size, err := strconv.Atoi(a.Header().Get("Content-Length")); err != nil || size < least {
		a.damage = false
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController flush.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Write implements http.ResponseWriter.
func (a *answer) Write(content []byte) (int, error) {
	if a.damage && len(content) > 0 {
		content = append([]byte{content[0] ^ 1}, content[1:]...)
		a.damage = false
	}
	written := 0
	for written < len(content) {
		piece, err := a.next(content[written:])
		if err != nil {
			return written, err
		}
		a.count(len(piece)) // before they go: who has them may ask at once
		n, err := a.ResponseWriter.Write(piece)
		a.count(n - len(piece))
		written += n
		a.sent += int64(n)
		if err != nil {
			return written, err
		}
		if a.fault != nil {
			if err := http.NewResponseController(a.ResponseWriter).Flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (a *answer) count(n int) {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	a.noted.Bytes += int64(n)
}

// next waits until something may be sent and gives it: all that is left when nothing is wrong.
func (a *answer) next(content []byte) ([]byte, error) {
	if a.fault == nil {
		return content, nil
	}
	if limit := a.fault.CutAfter; limit > 0 {
		if a.sent >= limit {
			panic(http.ErrAbortHandler) // the one way to drop a connection in the middle of an answer
		}
		content = content[:min(int64(len(content)), limit-a.sent)]
	}
	if limit := a.fault.StallAfter; limit > 0 && a.sent >= limit {
		select {
		case <-a.ctx.Done():
			return nil, a.ctx.Err()
		case <-a.fault.healed:
			return content, nil
		}
	} else if limit > 0 {
		content = content[:min(int64(len(content)), limit-a.sent)]
	}
	return a.faults.throttle(a.ctx, a.fault, content)
}

// throttle gives pieces of a twentieth of a second, each when its turn has come. All answers share the turns.
func (f *faults) throttle(ctx context.Context, fault *activeFault, content []byte) ([]byte, error) {
	rate := fault.BytesPerSecond
	if rate <= 0 {
		return content, nil
	}
	piece := content[:min(int64(len(content)), max(rate/20, 1))]
	f.mu.Lock()
	turn := fault.free
	if now := time.Now(); turn.Before(now) {
		turn = now
	}
	fault.free = turn.Add(time.Duration(float64(len(piece)) / float64(rate) * float64(time.Second)))
	f.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-fault.healed:
		return content, nil
	case <-time.After(time.Until(turn)):
		return piece, nil
	}
}
