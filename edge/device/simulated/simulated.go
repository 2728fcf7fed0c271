// Package simulated owns devices that stand in a simulated room (functions/room) and are reached over HTTP.
package simulated

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/spec"
)

// Simulation is where simulated devices find their rooms.
type Simulation struct {
	URL    string // base address of the simulated rooms; empty when there are none
	Client *http.Client
}

// Thermometer finds the device behind a sensor's source, simulated://room/1. Errors are ErrInvalid.
func (s Simulation) Thermometer(room string, sensor spec.Sensor) (device.Thermometer, error) {
	rest := strings.TrimPrefix(sensor.Source, device.Simulated)
	if s.URL == "" {
		return nil, fmt.Errorf("sensor %d is simulated and SIMULATED_ROOM is not set: %w", sensor.ID, fault.ErrInvalid)
	}
	id := rest[strings.LastIndex(rest, "/")+1:]
	if n, err := strconv.Atoi(id); err != nil || n < 0 {
		return nil, fmt.Errorf("sensor %d: source %q does not end with a sensor number (write simulated://room/1): %w",
			sensor.ID, sensor.Source, fault.ErrInvalid)
	}
	return thermometer{s.of(room, "sensors", id)}, nil
}

// Infrared finds the devices behind an air conditioner's transmitter, simulated://ac1. Errors are ErrInvalid.
func (s Simulation) Infrared(room string, ac spec.AirConditioner) (device.Transmitter, device.Receiver, error) {
	name := strings.TrimPrefix(ac.Transmitter, device.Simulated)
	switch {
	case s.URL == "":
		return nil, nil, fmt.Errorf("air conditioner %s is simulated and SIMULATED_ROOM is not set: %w", ac.Name, fault.ErrInvalid)
	case name == "" || strings.Contains(name, "/"):
		return nil, nil, fmt.Errorf("air conditioner %s: transmitter %q names no machine (write simulated://ac1): %w",
			ac.Name, ac.Transmitter, fault.ErrInvalid)
	}
	near := s.of(room, "ir", name)
	return transmitter{near}, receiver{near}, nil
}

// loadMeter is the name of the meter of what a simulated room's boxes draw; any other is that of an air conditioner.
const loadMeter = "load"

// Meter finds a simulated electricity meter: simulated://ac1 of an air conditioner, simulated://load of the room's
// boxes. Errors are ErrInvalid.
func (s Simulation) Meter(room, address string) (device.Meter, error) {
	name := strings.TrimPrefix(address, device.Simulated)
	switch {
	case s.URL == "":
		return nil, fmt.Errorf("its meter is simulated and SIMULATED_ROOM is not set: %w", fault.ErrInvalid)
	case name == "" || strings.Contains(name, "/"):
		return nil, fmt.Errorf("meter %q names no machine (write simulated://ac1, or simulated://load for the boxes): %w", address, fault.ErrInvalid)
	case name == loadMeter:
		return meter{s.of(room, "load")}, nil
	}
	return meter{s.of(room, "ac", name, "power")}, nil
}

// timeout is for one exchange with a simulated room; a real sensor blocks for up to a second.
const timeout = 2 * time.Second

// place is one thing in a simulated room, over HTTP.
type place struct {
	url    string
	client *http.Client
}

// of is one thing in a room, by the parts of its path.
func (s Simulation) of(room string, path ...string) place {
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	address := strings.TrimSuffix(s.URL, "/") + "/api/v1/room/" + url.PathEscape(room)
	for _, part := range path {
		address += "/" + url.PathEscape(part)
	}
	return place{url: address, client: client}
}

func (p place) exchange(ctx context.Context, method, address string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, address, &data)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", fault.ErrUnreachable, err)
	}
	defer response.Body.Close()
	answer := io.LimitReader(response.Body, 1<<20)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer)
		return fmt.Errorf("%w: the simulated room answers %s: %s", fault.ErrRejected, response.Status, bytes.TrimSpace(text))
	}
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("read the simulated room's answer: %w", err)
	}
	return nil
}

type thermometer struct{ place }

// Read asks the simulated room.
func (t thermometer) Read(ctx context.Context) (device.Measurement, error) {
	var answer struct {
		Celsius  *float64 `json:"celsius"`
		Humidity *float64 `json:"humidity"`
	}
	if err := t.exchange(ctx, http.MethodGet, t.url, nil, &answer); err != nil {
		return device.Measurement{}, fmt.Errorf("read simulated sensor: %w", err)
	}
	if answer.Celsius == nil {
		return device.Measurement{}, fmt.Errorf("read simulated sensor: the answer has no temperature: %w", fault.ErrRejected)
	}
	m := device.Measurement{Celsius: *answer.Celsius}
	if answer.Humidity != nil {
		m.Humidity, m.HasHumidity = *answer.Humidity, true
	}
	return m, nil
}

type transmitter struct{ place }

// Send puts the frame into the simulated room.
func (t transmitter) Send(ctx context.Context, frame infrared.Frame) error {
	var answer struct{}
	if err := t.exchange(ctx, http.MethodPost, t.url, frame, &answer); err != nil {
		return fmt.Errorf("send simulated infrared: %w", err)
	}
	return nil
}

type meter struct{ place }

// Watts asks the simulated room.
func (m meter) Watts(ctx context.Context) (float64, error) {
	var answer struct {
		Watts *float64 `json:"watts"`
	}
	if err := m.exchange(ctx, http.MethodGet, m.url, nil, &answer); err != nil {
		return 0, fmt.Errorf("read simulated meter: %w", err)
	}
	if answer.Watts == nil {
		return 0, fmt.Errorf("read simulated meter: the answer has no power: %w", fault.ErrRejected)
	}
	return *answer.Watts, nil
}

type receiver struct{ place }

// Heard asks what the simulated receiver heard.
func (r receiver) Heard(ctx context.Context, cursor int64) ([]infrared.Frame, int64, error) {
	var answer struct {
		Last  int64            `json:"last"`
		Heard []infrared.Frame `json:"heard"`
	}
	address := r.url + "/heard?since=" + strconv.FormatInt(cursor, 10)
	if err := r.exchange(ctx, http.MethodGet, address, nil, &answer); err != nil {
		return nil, cursor, fmt.Errorf("listen to simulated infrared: %w", err)
	}
	if cursor < 0 {
		return nil, answer.Last, nil
	}
	return answer.Heard, answer.Last, nil
}
