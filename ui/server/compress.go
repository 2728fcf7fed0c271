package server

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// worthwhile is from how many bytes on an answer is compressed: less fits into one packet anyhow.
const worthwhile = 1024

// compress sends JSON and CSV compressed to whom reads gzip. What brings its own encoding, as the event streams and
// the page's files do, passes through.
func compress() echo.MiddlewareFunc {
	writers := &sync.Pool{New: func() any { return gzip.NewWriter(io.Discard) }}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !acceptsGzip(c.Request()) || c.Request().Method == http.MethodHead {
				return next(c)
			}
			plain := c.Response().Writer
			w := &packer{ResponseWriter: plain, writers: writers}
			c.Response().Writer = w
			defer func() { c.Response().Writer = plain }()
			err := next(c)
			if err != nil {
				c.Error(err) // while the writer is still there
			}
			return w.close()
		}
	}
}

// packer decides at the first bytes of an answer whether to compress it.
type packer struct {
	http.ResponseWriter
	writers *sync.Pool
	status  int
	decided bool
	packed  *gzip.Writer // nil: it goes as it is
}

func (p *packer) WriteHeader(status int) {
	p.status = status
	if status < http.StatusOK || status == http.StatusNoContent || status == http.StatusNotModified {
		p.decide(0)
	}
}

// decide looks at the header and at how much comes first: answers that are no stream come in one piece.
func (p *packer) decide(first int) {
	if p.decided {
		return
	}
	p.decided = true
	h := p.Header()
	kind := h.Get(echo.HeaderContentType)
	isJSON := strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "application/problem+json")
	if isJSON || strings.HasPrefix(kind, "text/csv") {
		h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
		if h.Get(echo.HeaderContentEncoding) == "" && (first >= worthwhile || !isJSON && first > 0) {
			h.Set(echo.HeaderContentEncoding, "gzip")
			h.Del(echo.HeaderContentLength)
			if tag := h.Get("ETag"); tag != "" {
				h.Set("ETag", packedTag(tag)) // a strong one is of one encoding only
			}
			p.packed, _ = p.writers.Get().(*gzip.Writer)
			p.packed.Reset(p.ResponseWriter)
		}
	}
	if p.status != 0 {
		p.ResponseWriter.WriteHeader(p.status)
	}
}

func (p *packer) Write(text []byte) (int, error) {
	p.decide(len(text))
	if p.packed != nil {
		return p.packed.Write(text)
	}
	return p.ResponseWriter.Write(text)
}

// FlushError hands on what was written so far.
func (p *packer) FlushError() error {
	p.decide(0)
	if p.packed != nil {
		if err := p.packed.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Flush is FlushError for those who cannot take an error.
func (p *packer) Flush() { _ = p.FlushError() }

// Hijack hands the connection on.
func (p *packer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(p.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach the connection.
func (p *packer) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *packer) close() error {
	if p.status != 0 {
		p.decide(0)
	}
	if p.packed == nil {
		return nil
	}
	err := p.packed.Close()
	p.packed.Reset(io.Discard)
	p.writers.Put(p.packed)
	return err
}

const packedSuffix = `-gzip"`

// packedTag is the tag of the compressed form of what has a tag.
func packedTag(tag string) string {
	if strings.HasPrefix(tag, "W/") {
		return tag
	}
	return strings.TrimSuffix(tag, `"`) + packedSuffix
}
