package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/overcloud/overcloud/internal/wire"
)

// stage is the servers of a run.
type stage struct {
	options   options
	dir       string
	kafka     string // host:port
	influx    string // http://host:port
	bytes     int    // of all values in Kafka
	processes []*exec.Cmd
}

// broker is Kafka in a process of its own, so that nobody's memory and time is counted with it.
func broker() error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, wire.TopicTemp))
	if err != nil {
		return err
	}
	fmt.Println(cluster.ListenAddrs()[0])
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	return err
}

func raise(ctx context.Context, o options, dir string) (*stage, error) {
	s := &stage{options: o, dir: dir}
	err := errors.Join(s.startKafka(ctx), s.startInflux(ctx))
	if err == nil {
		err = s.produce(ctx)
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// start starts a child that ends with this process.
func (s *stage) start(ctx context.Context, env []string, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // a benchmark runs the binaries that it is told
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(s.dir, filepath.Base(name)+"-"+strconv.Itoa(len(s.processes))+".log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.processes = append(s.processes, cmd)
	return cmd, nil
}

func (s *stage) end() {
	for _, p := range s.processes {
		stop(p)
	}
}

// stop ends a child that may have ended already.
func stop(p *exec.Cmd) {
	if p.ProcessState == nil {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
}

func (s *stage) startKafka(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "broker")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if _, err := cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.processes = append(s.processes, cmd)
	_, err = fmt.Fscanln(out, &s.kafka)
	return err
}

func (s *stage) startInflux(ctx context.Context) error {
	influxd, err := binary(s.options, "influxd")
	if err != nil {
		return err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	backup, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	config := filepath.Join(s.dir, "influxd.conf")
	text := fmt.Sprintf("reporting-disabled = true\nbind-address = %q\n[meta]\ndir = %q\n[data]\ndir = %q\nwal-dir = %q\nquery-log-enabled = false\n"+
		"[monitor]\nstore-enabled = false\n[http]\nbind-address = %q\nlog-enabled = false\nflux-enabled = true\n[logging]\nlevel = \"error\"\n",
		backup, filepath.Join(s.dir, "meta"), filepath.Join(s.dir, "data"), filepath.Join(s.dir, "wal"), address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	s.influx = "http://" + address
	if _, err := s.start(ctx, nil, influxd, "-config", config); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		if _, err := get(ctx, s.influx+"/ping"); err == nil {
			return nil
		} else if time.Now().After(deadline) {
			return fmt.Errorf("InfluxDB does not answer: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// database makes one; each side has its own, so that none pays for another's series.
func (s *stage) database(ctx context.Context, name string) error {
	_, err := get(ctx, s.influx+"/query?q="+url.QueryEscape("CREATE DATABASE "+name))
	return err
}

// produce fills the topic: 4 sensors in each room, a reading of each for every 10 s.
func (s *stage) produce(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(wire.TopicTemp),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer client.Close()
	failed := make(chan error, 1)
	for i := range s.options.messages {
		r := s.reading(i)
		value := wire.AppendReading(nil, r)
		s.bytes += len(value)
		client.Produce(ctx, &kgo.Record{Key: []byte(r.Room), Value: value, Timestamp: r.At}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// reading is the i-th one; each has a series and a time of its own.
func (s *stage) reading(i int) wire.Reading {
	sensors := 4 * s.options.rooms
	sensor, tick := i%sensors, i/sensors
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return wire.Reading{
		Room: "room-" + strconv.Itoa(sensor/4), Sensor: sensor + 1, At: begin.Add(time.Duration(tick) * 10 * time.Second),
		Celsius: 20 + float64((tick*7+sensor)%80)/10, Humidity: 40 + float64((tick*3+sensor)%150)/10, HasHumidity: true,
	}
}

// accepted is how many points InfluxDB has taken since its start, by its own count.
func (s *stage) accepted(ctx context.Context) (int, error) {
	data, err := get(ctx, s.influx+"/debug/vars")
	if err != nil {
		return 0, err
	}
	var vars map[string]json.RawMessage
	if err := json.Unmarshal(data, &vars); err != nil {
		return 0, err
	}
	for name, raw := range vars {
		if !strings.HasPrefix(name, "httpd") {
			continue
		}
		var part struct {
			Values struct {
				OK int `json:"pointsWrittenOK"`
			}
		}
		if err := json.Unmarshal(raw, &part); err != nil {
			return 0, err
		}
		return part.Values.OK, nil
	}
	return 0, errors.New("InfluxDB does not count its points")
}

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", response.Status, data)
	}
	return data, err
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
