package influx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	apihttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/overcloud/overcloud/internal/fault"
)

// Keep makes a bucket that is not there, and gives it this retention (zero: for ever): a retention policy of 1.8, a
// bucket of 2.x; the server is asked which it is. A second time changes nothing. Shortening it removes what is older.
// Errors: ErrInvalid, ErrNotFound (the database of 1.8, the organisation of 2.x), ErrUnauthorised, ErrUnreachable,
// ErrRejected.
func (c *Client) Keep(ctx context.Context, bucket string, keep time.Duration) error {
	two, err := c.two(ctx)
	if err != nil {
		return err
	}
	if two {
		return c.keepBucket(ctx, bucket, keep)
	}
	return c.keepPolicy(ctx, bucket, keep)
}

// shard is how much one file of a bucket holds: InfluxDB removes whole ones, and a query opens all that it touches.
// These are its own choices, but for what is kept for ever: a year of hours is in 4 files instead of 52.
func shard(keep time.Duration) time.Duration {
	const day = 24 * time.Hour
	switch {
	case keep == 0 || keep > 5*365*day:
		return 13 * 7 * day
	case keep > 180*day:
		return 7 * day
	case keep >= 2*day:
		return day
	}
	return time.Hour
}

// two says whether the server is a 2.x: 1.8 does not know the API of buckets.
func (c *Client) two(ctx context.Context) (bool, error) {
	answer, err := c.do(ctx, http.MethodGet, "/api/v2/buckets?limit=1", nil)
	if err == nil {
		answer.Body.Close()
		return true, nil
	}
	var refused *apihttp.Error
	if errors.As(err, &refused) {
		switch refused.StatusCode {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			return false, nil
		}
	}
	return false, c.explain(ctx, err, "ask for the version")
}

// policy is a retention policy of 1.8.
type policy struct {
	keep, shard time.Duration
	found       bool
}

func (c *Client) keepPolicy(ctx context.Context, bucket string, keep time.Duration) error {
	database, name, found := strings.Cut(bucket, "/")
	if !found || database == "" || name == "" {
		return fmt.Errorf("%w: bucket %q of InfluxDB 1.8 is not database/retention", fault.ErrInvalid, bucket)
	}
	now, err := c.policy(ctx, database, name)
	if err != nil {
		return err
	}
	on := identifier(name) + " ON " + identifier(database)
	switch {
	case !now.found:
		_, err = c.influxQL(ctx, "CREATE RETENTION POLICY "+on+" DURATION "+duration(keep)+" REPLICATION 1 SHARD DURATION "+duration(shard(keep)))
	case now.keep != keep:
		statement := "ALTER RETENTION POLICY " + on + " DURATION " + duration(keep)
		if keep > 0 && keep < now.shard { // what is there already is removed when its whole file is past
			statement += " SHARD DURATION " + duration(shard(keep))
		}
		_, err = c.influxQL(ctx, statement)
	}
	return err
}

func (c *Client) policy(ctx context.Context, database, name string) (policy, error) {
	rows, err := c.influxQL(ctx, "SHOW RETENTION POLICIES ON "+identifier(database))
	if err != nil {
		return policy{}, err
	}
	for _, row := range rows {
		if row["name"] != name {
			continue
		}
		keep, err := time.ParseDuration(fmt.Sprint(row["duration"]))
		if err != nil {
			return policy{}, fmt.Errorf("%w: retention policy %s: %w", fault.ErrUnreachable, name, err)
		}
		files, err := time.ParseDuration(fmt.Sprint(row["shardGroupDuration"]))
		if err != nil {
			return policy{}, fmt.Errorf("%w: retention policy %s: %w", fault.ErrUnreachable, name, err)
		}
		return policy{keep, files, true}, nil
	}
	return policy{}, nil
}

// identifier quotes a name of InfluxQL.
func identifier(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

func duration(d time.Duration) string {
	if d == 0 {
		return "INF"
	}
	return fmt.Sprintf("%ds", int64(d.Seconds()))
}

// influxQL runs one statement of 1.8 and gives the rows of its answer by column.
func (c *Client) influxQL(ctx context.Context, statement string) ([]map[string]any, error) {
	answer, err := c.do(ctx, http.MethodPost, "/query", []byte(url.Values{"q": {statement}}.Encode()))
	if err != nil {
		return nil, c.explain(ctx, err, "manage buckets")
	}
	defer answer.Body.Close()
	var told struct {
		Results []struct {
			Error  string
			Series []struct {
				Columns []string
				Values  [][]any
			}
		}
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 8<<20)).Decode(&told); err != nil {
		return nil, fmt.Errorf("manage buckets at %s: %w: %w", c.config.URL, fault.ErrUnreachable, err)
	}
	var rows []map[string]any
	for _, result := range told.Results {
		if result.Error != "" { // the body of a 200
			return nil, c.heard(result.Error, "manage buckets")
		}
		for _, series := range result.Series {
			for _, values := range series.Values {
				row := map[string]any{}
				for i, column := range series.Columns {
					row[column] = values[i]
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// bucket is a bucket of 2.x.
type bucket struct {
	ID    string          `json:"id,omitempty"`
	Org   string          `json:"orgID,omitempty"`
	Name  string          `json:"name"`
	Rules []retentionRule `json:"retentionRules"`
}

type retentionRule struct {
	Type  string `json:"type"`
	Every int64  `json:"everySeconds"` // 0: for ever
	Shard int64  `json:"shardGroupDurationSeconds,omitempty"`
}

// rule is the bucket's retention.
func (b bucket) rule() retentionRule {
	for _, rule := range b.Rules {
		if rule.Type == "expire" {
			return rule
		}
	}
	return retentionRule{Type: "expire"}
}

func (c *Client) keepBucket(ctx context.Context, name string, keep time.Duration) error {
	doing := "manage bucket " + name
	query := url.Values{"name": {name}, "org": {c.config.Org}}
	var found struct {
		Buckets []bucket `json:"buckets"`
	}
	err := c.json(ctx, http.MethodGet, "/api/v2/buckets?"+query.Encode(), nil, &found)
	var refused *apihttp.Error
	if err != nil && (!errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound) {
		return c.explain(ctx, err, doing)
	}
	rule := retentionRule{Type: "expire", Every: int64(keep.Seconds())}
	for _, b := range found.Buckets {
		now := b.rule()
		if now.Shard > 0 && rule.Every > 0 && rule.Every < now.Shard { // what is there already is removed when its whole file is past
			rule.Shard = int64(shard(keep).Seconds())
		}
		switch {
		case b.Name != name:
		case now.Every == rule.Every:
			return nil
		default:
			return c.explained(ctx, c.json(ctx, http.MethodPatch, "/api/v2/buckets/"+url.PathEscape(b.ID),
				map[string]any{"retentionRules": []retentionRule{rule}}, nil), doing)
		}
	}
	var orgs struct {
		Orgs []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"orgs"`
	}
	if err := c.json(ctx, http.MethodGet, "/api/v2/orgs?org="+url.QueryEscape(c.config.Org), nil, &orgs); err != nil {
		return c.explain(ctx, err, doing)
	}
	rule.Shard = int64(shard(keep).Seconds())
	for _, org := range orgs.Orgs {
		if org.Name == c.config.Org {
			made := bucket{Org: org.ID, Name: name, Rules: []retentionRule{rule}}
			return c.explained(ctx, c.json(ctx, http.MethodPost, "/api/v2/buckets", made, nil), doing)
		}
	}
	return fmt.Errorf("%s at %s: %w: there is no organisation %s", doing, c.config.URL, fault.ErrNotFound, c.config.Org)
}

// explained is explain for what may have gone well.
func (c *Client) explained(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	return c.explain(ctx, err, doing)
}

// json asks with JSON and reads JSON.
func (c *Client) json(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	answer, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(answer.Body, 8<<20)).Decode(out)
}
