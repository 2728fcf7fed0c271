package device

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

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// place is one thing in a simulated room, over HTTP.
type place struct {
	url    string
	client *http.Client
}

func (s Simulation) at(room, kind, name string) place {
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	address := strings.TrimSuffix(s.URL, "/") + "/api/v1/room/" + url.PathEscape(room) + "/" + kind + "/" + url.PathEscape(name)
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

type simulatedThermometer struct{ place }

// Read asks the simulated room.
func (t simulatedThermometer) Read(ctx context.Context) (Measurement, error) {
	var answer struct {
		Celsius  *float64 `json:"celsius"`
		Humidity *float64 `json:"humidity"`
	}
	if err := t.exchange(ctx, http.MethodGet, t.url, nil, &answer); err != nil {
		return Measurement{}, fmt.Errorf("read simulated sensor: %w", err)
	}
	if answer.Celsius == nil {
		return Measurement{}, fmt.Errorf("read simulated sensor: the answer has no temperature: %w", fault.ErrRejected)
	}
	m := Measurement{Celsius: *answer.Celsius}
	if answer.Humidity != nil {
		m.Humidity, m.HasHumidity = *answer.Humidity, true
	}
	return m, nil
}

type simulatedTransmitter struct{ place }

// Send puts the frame into the simulated room.
func (t simulatedTransmitter) Send(ctx context.Context, frame infrared.Frame) error {
	var answer struct{}
	if err := t.exchange(ctx, http.MethodPost, t.url, frame, &answer); err != nil {
		return fmt.Errorf("send simulated infrared: %w", err)
	}
	return nil
}

type simulatedReceiver struct{ place }

// Heard asks what the simulated receiver heard.
func (r simulatedReceiver) Heard(ctx context.Context, cursor int64) ([]infrared.Frame, int64, error) {
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
