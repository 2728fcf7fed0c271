package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// childBroker is the argument under which this program is the Kafka.
const childBroker = "broker"

// broker is Kafka in a process of its own, so that nobody's time is counted with it. It ends with its standard input.
func broker() error {
	options := []kfake.Opt{kfake.NumBrokers(1)}
	for topic, partitions := range wire.Topics() {
		options = append(options, kfake.SeedTopics(partitions, topic))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	fmt.Println(cluster.ListenAddrs()[0])
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// stage is a Kafka, the ui that is measured, and what produces readings.
type stage struct {
	o      options
	folder string
	rooms  []spec.Room
	kafka  kafka.Config
	url    string
	broker *exec.Cmd
	ui     *exec.Cmd
}

func newStage(ctx context.Context, o options) (*stage, error) {
	folder, err := os.MkdirTemp("", "bench-ui-")
	if err != nil {
		return nil, err
	}
	s := &stage{o: o, folder: folder, rooms: rooms(o)}
	for _, start := range []func(context.Context) error{s.startBroker, s.startUI} {
		if err := start(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func rooms(o options) []spec.Room {
	out := make([]spec.Room, o.Rooms)
	for i := range out {
		out[i] = spec.Room{Name: "room-" + strconv.Itoa(i+1), Policy: spec.DefaultPolicy(), AirConditioners: []spec.AirConditioner{
			{Name: "ac1", Min: 18, Max: 30}, {Name: "ac2", Min: 18, Max: 30},
		}}
		for n := range o.Sensors {
			out[i].Sensors = append(out[i].Sensors, spec.Sensor{ID: i*o.Sensors + n + 1, X: float64(n%5) / 5, Y: float64(n/5) / 5})
		}
	}
	return out
}

func (s *stage) startBroker(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.broker = exec.CommandContext(ctx, self, childBroker)
	s.broker.Stderr = os.Stderr
	if _, err := s.broker.StdinPipe(); err != nil { // closed when this process ends
		return err
	}
	out, err := s.broker.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.broker.Start(); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	s.kafka = kafka.Config{Brokers: []string{strings.TrimSpace(line)}}
	return nil
}

// startUI builds the real ui and starts it with Temporal and InfluxDB away.
func (s *stage) startUI(ctx context.Context) error {
	binary := filepath.Join(s.folder, "ui")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/overcloud/overcloud/ui").CombinedOutput(); err != nil {
		return fmt.Errorf("build the ui: %w\n%s", err, out)
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(s.rooms)
	if err != nil {
		return err
	}
	file := filepath.Join(s.folder, "rooms.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.folder, "ui.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.ui = exec.CommandContext(ctx, binary)
	s.ui.Stdout, s.ui.Stderr = log, log
	s.ui.Env = append(os.Environ(),
		"OVERCLOUD_ROOMS_FILE="+file, "OVERCLOUD_LISTEN_HOST=127.0.0.1", "UI_PORT="+port, "UI_DATA="+s.folder, "KAFKA_BROKERS="+s.kafka.Brokers[0],
		"TEMPORAL_ADDRESS=127.0.0.1:9", "INFLUX_URL=http://127.0.0.1:9", "LOG_LEVEL=error")
	if err := s.ui.Start(); err != nil {
		return fmt.Errorf("start the ui: %w", err)
	}
	s.url = "http://127.0.0.1:" + port
	return s.wait(ctx, log.Name())
}

func (s *stage) wait(ctx context.Context, log string) error {
	for range 200 {
		if s.answers(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	text, err := os.ReadFile(log)
	return errors.Join(fmt.Errorf("the ui does not answer:\n%s", text), err)
}

func (s *stage) answers(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// readings come from every sensor in its turn, at an even pace.
func (s *stage) readings(ctx context.Context) {
	producer, err := kafka.NewProducer(s.kafka)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/ui:", err)
		return
	}
	defer producer.Close()
	s.produce(ctx, producer, func(i int) (string, int) {
		room := s.rooms[i%len(s.rooms)]
		return room.Name, room.Sensors[i/len(s.rooms)%len(room.Sensors)].ID
	})
}

// produce sends readings at an even pace until ctx ends; from says which room and sensor each is of.
func (s *stage) produce(ctx context.Context, producer *kafka.Producer, from func(i int) (room string, sensor int)) {
	ticker := time.NewTicker(time.Second / time.Duration(s.o.Rate))
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		room, sensor := from(i)
		r := wire.Reading{
			Room: room, Sensor: sensor, At: time.Now(), Celsius: 22 + float64(i*7%60)/10, Humidity: 40 + float64(i%20)/2, HasHumidity: true,
		}
		record := kafka.Record{Topic: wire.TopicTemp, Key: []byte(room), Value: wire.AppendReading(nil, r)}
		go func() {
			if err := producer.Produce(ctx, record); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "bench/ui: produce:", err)
			}
		}()
	}
}

func (s *stage) pid() int { return s.ui.Process.Pid }

func (s *stage) close() {
	for _, process := range []*exec.Cmd{s.ui, s.broker} {
		if process == nil || process.Process == nil {
			continue
		}
		_ = process.Process.Signal(syscall.SIGTERM)
		_ = process.Wait()
	}
	_ = os.RemoveAll(s.folder)
}
