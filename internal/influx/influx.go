// Package influx writes line protocol to InfluxDB and reads series back, by the API of InfluxDB 2, which 1.8
// with Flux serves too (bucket "database/retention"). It knows no measurement: what lines say is the
// sink's business.
package influx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	apihttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/overcloud/overcloud/internal/fault"
)

// Config says where the data live.
type Config struct {
	URL   string // http://host:8086
	Token string // may be empty for 1.8 without authentication; "user:password" for 1.8 with it
	Org   string
	// Bucket is a bucket of 2.x, or database/retention of 1.8: overcloud/autogen.
	Bucket string
}

// Client writes and reads one bucket. It is safe for concurrent use.
type Client struct {
	config Config
	client influxdb2.Client
	write  api.WriteAPIBlocking
	query  api.QueryAPI
	http   *http.Client // without a limit of time: for answers that are long
}

// A batch of 5,000 lines takes some 20 ms; a server that is compacting on a slow disk, seconds.
const requestTimeout = 20 * time.Second

// New makes a client; it does not dial. Errors are ErrInvalid.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: InfluxDB's URL %q is not http://host:port", fault.ErrInvalid, cfg.URL)
	}
	if cfg.Bucket == "" {
		return nil, fmt.Errorf("%w: no InfluxDB bucket is given (for 1.8 write database/retention)", fault.ErrInvalid)
	}
	options := influxdb2.DefaultOptions().SetPrecision(time.Millisecond).SetLogLevel(0).
		SetHTTPClient(&http.Client{Timeout: requestTimeout, Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		}})
	patient := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: time.Minute}}
	client := influxdb2.NewClientWithOptions(cfg.URL, cfg.Token, options)
	return &Client{
		config: cfg, client: client,
		write: client.WriteAPIBlocking(cfg.Org, cfg.Bucket), query: client.QueryAPI(cfg.Org),
		http: patient,
	}, nil
}

// Close gives up idle connections.
func (c *Client) Close() {
	c.client.Close()
	c.http.CloseIdleConnections()
}

// Write writes a batch of lines of line protocol, times in ms, and returns when InfluxDB has accepted all of
// them. Writing a batch twice leaves one of each. Errors:
//   - ErrUnreachable: try the same batch again (network, overload, the server's own fault);
//   - ErrNotFound: there is no such database or bucket; nothing was written;
//   - ErrUnauthorised: the token is refused; nothing was written;
//   - ErrRejected: at least one line will never be taken. Others of the batch may have been written; see Partial.
func (c *Client) Write(ctx context.Context, lines []byte) error {
	return c.writeTo(ctx, c.write, c.config.Bucket, lines)
}

// WriteIn writes as Write does, into another bucket.
func (c *Client) WriteIn(ctx context.Context, bucket string, lines []byte) error {
	return c.writeTo(ctx, c.client.WriteAPIBlocking(c.config.Org, bucket), bucket, lines)
}

func (c *Client) writeTo(ctx context.Context, to api.WriteAPIBlocking, bucket string, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if err := to.WriteRecord(ctx, string(lines)); err != nil {
		return c.explain(ctx, err, "write to "+bucket)
	}
	return nil
}

// Ping asks whether the server answers. Errors: ErrUnreachable.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.client.Ping(ctx); err != nil {
		return c.explain(ctx, err, "ping")
	}
	return nil
}

func (c *Client) explain(ctx context.Context, err error, doing string) error {
	doing += " at " + c.config.URL
	var answer *apihttp.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case !errors.As(err, &answer) || answer.StatusCode == 0:
		return fmt.Errorf("%s: %w: %w", doing, fault.ErrUnreachable, err)
	}
	says := saying(answer)
	switch code := answer.StatusCode; {
	case code == http.StatusNotFound, absent(says):
		return fmt.Errorf("%s: %w: there is no bucket %s (%s)", doing, fault.ErrNotFound, c.config.Bucket, says)
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%s: %w: %s", doing, fault.ErrUnauthorised, says)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return fmt.Errorf("%s: %w: status %d: %s", doing, fault.ErrUnreachable, code, says)
	}
	if partial := newPartial(says); partial != nil {
		return fmt.Errorf("%s: %w", doing, partial)
	}
	return fmt.Errorf("%s: %w: %s", doing, fault.ErrRejected, says)
}

// saying is the server's own words; 1.8 puts them into a header where the client does not look.
func saying(answer *apihttp.Error) string {
	const most = 500
	text := answer.Message
	if text == "" {
		text = answer.Header.Get("X-Influxdb-Error")
	}
	if text == "" {
		text = answer.Error()
	}
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "?"))
}
