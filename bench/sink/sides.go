package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// direct posts ready-made lines in batches of 5,000 over two connections: what InfluxDB can take here.
func (s *stage) direct(ctx context.Context, database string) (result, error) {
	if err := s.database(ctx, database); err != nil {
		return result{}, err
	}
	var bodies [][]byte
	var body []byte
	for i := range s.options.messages {
		r := s.reading(i)
		body = fmt.Appendf(body, "temp,room=%s,sensor=%d,quality=good temperature=%g,humidity=%g %d\n", r.Room, r.Sensor, r.Celsius, r.Humidity, r.At.UnixMilli())
		if (i+1)%5000 == 0 || i+1 == s.options.messages {
			bodies, body = append(bodies, body), nil
		}
	}
	return s.measure(ctx, func(ctx context.Context) (*exec.Cmd, error) {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(2)
		for _, body := range bodies {
			group.Go(func() error { return post(ctx, s.influx+"/write?precision=ms&db="+database, body) })
		}
		return nil, group.Wait()
	})
}

func post(ctx context.Context, address string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return err
}

// ours runs the sink as it is shipped.
func (s *stage) ours(ctx context.Context, database string) (result, error) {
	if err := s.database(ctx, database); err != nil {
		return result{}, err
	}
	worker, err := binary(s.options, "worker")
	if err != nil {
		return result{}, err
	}
	health, err := freeAddress(ctx)
	if err != nil {
		return result{}, err
	}
	port := health[strings.LastIndexByte(health, ':')+1:]
	return s.measure(ctx, func(ctx context.Context) (*exec.Cmd, error) {
		return s.start(ctx, []string{
			"KAFKA_BROKERS=" + s.kafka, "INFLUX_URL=" + s.influx, "INFLUX_BUCKET=" + database + "/autogen", "HEALTH_PORT=" + port,
			"OVERCLOUD_LISTEN_HOST=127.0.0.1", "SINK_GROUP=" + database,
		}, worker, "sink")
	})
}

// peer runs Telegraf with the settings of its documentation for throughput.
func (s *stage) peer(ctx context.Context, database string) (result, error) {
	if err := s.database(ctx, database); err != nil {
		return result{}, err
	}
	config := filepath.Join(s.dir, database+".conf")
	text := fmt.Sprintf(`[agent]
interval = "1s"
flush_interval = "1s"
metric_batch_size = 5000
metric_buffer_limit = 200000
omit_hostname = true
[[outputs.influxdb]]
urls = [%q]
database = %q
skip_database_creation = true
[[inputs.kafka_consumer]]
brokers = [%q]
topics = ["temp"]
version = "2.6.0"
consumer_group = %q
offset = "oldest"
max_undelivered_messages = 50000
data_format = "csv"
csv_header_row_count = 0
csv_column_names = ["ts", "id", "humidity", "temperature"]
csv_column_types = ["int", "string", "float", "float"]
csv_tag_columns = ["id"]
csv_timestamp_column = "ts"
csv_timestamp_format = "unix_ms"
csv_measurement_column = ""
name_override = "temp"
`, s.influx, database, s.kafka, database)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return result{}, err
	}
	return s.measure(ctx, func(ctx context.Context) (*exec.Cmd, error) {
		return s.start(ctx, nil, s.options.telegraf, "--config", config, "--quiet")
	})
}

// measure runs a side and looks at InfluxDB's own count until it has everything; the rate is that of the first 98 %.
func (s *stage) measure(ctx context.Context, side func(context.Context) (*exec.Cmd, error)) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	before, err := s.accepted(ctx)
	if err != nil {
		return result{}, err
	}
	began := time.Now() // of the last look that saw nothing
	ended := make(chan error, 1)
	var child *exec.Cmd
	go func() {
		var err error
		child, err = side(ctx)
		ended <- err
	}()
	r := result{}
	for first := true; ; {
		looked := time.Now()
		count, err := s.accepted(ctx)
		switch {
		case err != nil:
			return r, err
		case count == before:
			began = looked
		case first:
			first = false
		}
		// Who collects batches waits for the last one to fill, in vain: that is no throughput.
		if r.points == 0 && count-before >= s.options.messages*98/100 {
			r.points, r.took = count-before, time.Since(began)
		}
		if count-before >= s.options.messages {
			break
		}
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("only %d of %d points came: %w", count-before, s.options.messages, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := <-ended; err != nil {
		return r, err
	}
	if child != nil {
		r.memoryKB = peak(child.Process.Pid)
		stop(child)
	}
	return r, nil
}

// peak is the most that a process had resident, kB.
func peak(pid int) int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			if err == nil {
				return kilobytes
			}
		}
	}
	return 0
}
