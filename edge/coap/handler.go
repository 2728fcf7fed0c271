package coap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/message/pool"
	"github.com/plgd-dev/go-coap/v3/net/responsewriter"
	"github.com/plgd-dev/go-coap/v3/udp/client"

	"github.com/overcloud/overcloud/internal/fault"
)

// Setpoints of the 2017 system, °C: its remotes knew SET_18 to SET_30.
const coldest, warmest = 18, 30

// handler answers requests.
type handler struct {
	tell   Tell
	bucket *bucket
}

// tellMost is how long an order may take: CoAP's clients ask again after 2 to 3 s, and get the same answer.
const tellMost = 5 * time.Second

type writer = responsewriter.ResponseWriter[*client.Conn]

// serve answers one request: 2.04 when it is carried out, otherwise one sentence.
func (h *handler) serve(w *writer, r *pool.Message) {
	if wait := h.bucket.take(time.Now()); wait > 0 {
		respond(w, codes.TooManyRequests, "too many requests", wait)
		return
	}
	if path, err := r.Path(); err == nil && strings.Trim(path, "/") != "" {
		respond(w, codes.NotFound, "there is nothing at "+strconv.Quote(clip(path)), 0)
		return
	}
	if r.Code() != codes.PUT {
		respond(w, codes.MethodNotAllowed, "only PUT is known", 0)
		return
	}
	queries, err := r.Queries()
	if err != nil {
		queries = nil // it has none
	}
	name, order, err := parse(queries)
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), tellMost)
		defer cancel()
		err = h.tell(ctx, name, order)
	}
	var later *fault.RetryAfter
	switch {
	case err == nil:
		respond(w, codes.Changed, "", 0)
	case errors.As(err, &later):
		respond(w, codes.TooManyRequests, err.Error(), later.After)
	case errors.Is(err, fault.ErrNotFound):
		respond(w, codes.NotFound, err.Error(), 0)
	case errors.Is(err, fault.ErrInvalid):
		respond(w, codes.BadRequest, err.Error(), 0)
	default:
		respond(w, codes.InternalServerError, "the order was not carried out", 0)
		quiet(err)
	}
}

// respond answers with a sentence, and with the time to wait (Max-Age, RFC 8516) when there is one.
func respond(w *writer, code codes.Code, text string, wait time.Duration) {
	var body io.ReadSeeker
	if text != "" {
		body = bytes.NewReader([]byte(strings.TrimPrefix(text, fault.ErrInvalid.Error()+": ")))
	}
	var opts []message.Option
	if wait > 0 {
		value := make([]byte, 4)
		n, err := message.EncodeUint32(value, uint32(min(math.Ceil(wait.Seconds()), math.MaxUint32)))
		if err == nil {
			opts = append(opts, message.Option{ID: message.MaxAge, Value: value[:n]})
		}
	}
	if err := w.SetResponse(code, message.TextPlain, body, opts...); err != nil {
		quiet(err)
	}
}

// parse reads name=AC and temperature=T: a setpoint of 18 to 30, on or off, or POWER_ON and POWER_OFF as in 2017.
func parse(queries []string) (name string, o Order, err error) {
	refused := func(format string, args ...any) (string, Order, error) {
		return "", Order{}, fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
	}
	said := map[string]string{}
	for _, q := range queries {
		key, value, _ := strings.Cut(q, "=")
		if key != "name" && key != "temperature" {
			return refused("%q is neither name nor temperature", clip(key))
		}
		if _, twice := said[key]; twice {
			return refused("%s is given twice", key)
		}
		// Some clients of 2017 sent the query as in a web address.
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		said[key] = value
	}
	switch {
	case said["name"] == "":
		return refused("name is missing: write ?name=AC&temperature=24")
	case said["temperature"] == "":
		return refused("temperature is missing: write a number from %d to %d, on or off", coldest, warmest)
	}
	switch t := strings.ToLower(said["temperature"]); t {
	case "on", "power_on":
		return said["name"], Order{Power: true}, nil
	case "off", "power_off":
		return said["name"], Order{}, nil
	default:
		n, err := strconv.Atoi(t)
		if err != nil || strings.HasPrefix(t, "+") {
			return refused("temperature %q is no whole number from %d to %d, nor on or off", clip(t), coldest, warmest)
		}
		if n < coldest || n > warmest {
			return refused("temperature %d is outside %d to %d °C", n, coldest, warmest)
		}
		return said["name"], Order{Power: true, Setpoint: n}, nil
	}
}

// clip bounds what is said back to somebody.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}

// bucket bounds the requests of all peers together: people press a button now and then.
type bucket struct {
	mu   sync.Mutex
	left float64
	at   time.Time
}

// burst requests at once, and then so many each second.
const burst, eachSecond = 10, 2

func newBucket(now time.Time) *bucket { return &bucket{left: burst, at: now} }

// take takes one request, or says how long to wait.
func (b *bucket) take(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*eachSecond)
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / eachSecond * float64(time.Second))
	}
	b.left--
	return 0
}

// placed is a session that gives its place back once.
type placed struct {
	net.Conn
	leave chan struct{}
	once  sync.Once
}

// HandshakeContext is what the server asks of a DTLS connection before it reads.
func (p *placed) HandshakeContext(ctx context.Context) error {
	if h, ok := p.Conn.(interface{ HandshakeContext(context.Context) error }); ok {
		return h.HandshakeContext(ctx)
	}
	return nil
}

// Close closes the session.
func (p *placed) Close() error {
	p.once.Do(func() { <-p.leave })
	return p.Conn.Close()
}
