package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/influx"
	"github.com/overcloud/overcloud/ui/series"
)

// database makes the database of 1.8.
func database(ctx context.Context, server string) error {
	form := url.Values{"q": {`CREATE DATABASE "overcloud"`}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/query", strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("create the database: %s", answer.Status)
	}
	return nil
}

// ranges are what the page's buttons ask for.
func ranges() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{10 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day, 30 * day, 90 * day, 365 * day}
}

const times = 7

// measure prints the median time of an answer as JSON, and its size, for each range: of all curves and of one sensor.
func measure(ctx context.Context, c *influx.Client) error {
	fmt.Printf("%-8s %-8s %8s %7s %9s %10s %10s %12s %12s\n", "range", "tier", "step", "points", "bytes", "all, first", "all, again", "one sensor", "events 100")
	now, err := newest(ctx, c)
	if err != nil {
		return err
	}
	for _, length := range ranges() {
		r := series.Request{Room: theRoom(), From: now.Add(-length), To: now, Points: 1500}
		var answer series.Answer
		var stored *series.Stored
		size := 0
		all, err := timed(func() (err error) {
			stored = series.New(c, bucket) // that has read nothing yet
			if answer, err = stored.Curves(ctx, r); err != nil {
				return err
			}
			text, err := json.Marshal(answer)
			size = len(text)
			return err
		})
		if err != nil {
			return err
		}
		again, err := timed(func() error { _, err := stored.Curves(ctx, r); return err })
		if err != nil {
			return err
		}
		r.Only = []string{"sensor/1"}
		one, err := timed(func() error {
			stored := series.New(c, bucket)
			a, err := stored.Curves(ctx, r)
			if err == nil {
				_, err = json.Marshal(a)
			}
			return err
		})
		if err != nil {
			return err
		}
		events, err := timed(func() error {
			_, err := stored.Events(ctx, series.EventsRequest{Room: room, From: r.From, To: r.To, Now: now, Limit: 100})
			return err
		})
		if err != nil {
			return err
		}
		fmt.Printf("%-8s %-8s %8s %7d %9d %10s %10s %12s %12s\n", short(length), answer.Tier, time.Duration(answer.StepMillis)*time.Millisecond, len(answer.Times),
			size, all.Round(time.Millisecond), again.Round(time.Millisecond), one.Round(time.Millisecond), events.Round(time.Millisecond))
	}
	return nil
}

// newest is just after the last reading of sensor 1.
func newest(ctx context.Context, c *influx.Client) (time.Time, error) {
	point, ok, err := c.Latest(ctx, "temp", "temperature", map[string]string{"sensor": "1"}, time.Now().AddDate(0, 0, -30))
	if err == nil && !ok {
		err = errors.New("nothing is stored")
	}
	return point.Time.Add(time.Second), err
}

func timed(do func() error) (time.Duration, error) {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[times/2], nil
}

func short(d time.Duration) string {
	if d >= 24*time.Hour {
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
	return d.String()
}
