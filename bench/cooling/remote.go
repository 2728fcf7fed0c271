package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/room"
)

// distant is a plant in another program: any that speaks the interface of functions/room with a stepped clock.
type distant struct {
	client  *http.Client
	base    string // http://host:port/api/v1
	name    string
	profile infrared.Profile
	layout  Layout
	before  *Weather // as it was told
	view    *view    // since the last step; nil for unknown
}

// view is what is used of GET /api/v1/room/R.
type view struct {
	Sensors []struct {
		Sensor   int     `json:"sensor"`
		Celsius  float64 `json:"celsius"`
		Humidity float64 `json:"humidity"`
	} `json:"sensors"`
	State struct {
		LoadW    float64 `json:"load_w"`
		OutdoorC float64 `json:"outdoor_c"`
		CoolingJ float64 `json:"cooling_j"`
		LoadJ    float64 `json:"load_j"`
		Machines []struct {
			Name   string `json:"name"`
			Starts int    `json:"starts"`
		} `json:"air_conditioners"`
		Probes []struct {
			TrueC float64 `json:"true_c"`
		} `json:"probes"`
	} `json:"state"`
}

// distantCases are the rooms that a program serves. What happens to them is that of the ordinary rooms, by their own load.
func distantCases(ctx context.Context, address string, seed uint64, span time.Duration) ([]Case, error) {
	d := distant{client: &http.Client{Timeout: 30 * time.Second}, base: strings.TrimSuffix(address, "/") + "/api/v1"}
	var clock struct {
		Stepped bool `json:"stepped"`
	}
	if err := d.ask(ctx, http.MethodGet, "/clock", nil, &clock); err != nil {
		return nil, err
	}
	if !clock.Stepped {
		return nil, fmt.Errorf("the clock of %s runs by itself: start it with ROOM_SPEED=0", address)
	}
	var names struct {
		Rooms []string `json:"rooms"`
	}
	if err := d.ask(ctx, http.MethodGet, "/room", nil, &names); err != nil {
		return nil, err
	}
	var all []Case
	for _, name := range names.Rooms {
		d.name = name
		v, err := d.look(ctx)
		if err != nil {
			return nil, err
		}
		d.view = nil
		if len(v.State.Machines) == 0 || len(v.Sensors) == 0 || len(v.State.Probes) != len(v.Sensors) {
			return nil, fmt.Errorf("room %s of %s needs a machine and a sensor, and its true inlets", name, address)
		}
		c, err := ordinary("small", seed, span)
		if err != nil {
			return nil, err
		}
		c.Name, c.Parameters, c.Probes = name, room.Parameters{LoadW: v.State.LoadW}, nil
		c.Days.loadW = v.State.LoadW
		for _, m := range v.State.Machines {
			c.Parameters.AirConditioners = append(c.Parameters.AirConditioners, room.AirConditioner{Name: m.Name})
		}
		for _, s := range v.Sensors {
			c.Probes = append(c.Probes, room.Probe{ID: s.Sensor})
		}
		all = append(all, c)
	}
	return all, nil
}

// newDistant begins the room anew.
func newDistant(ctx context.Context, address, remote string, c Case) (*distant, error) {
	profile, err := infrared.ByName(remote)
	if err != nil {
		return nil, err
	}
	d := &distant{
		client: &http.Client{Timeout: 30 * time.Second}, base: strings.TrimSuffix(address, "/") + "/api/v1",
		name: c.Name, profile: profile, layout: c.layout(),
	}
	if err := d.ask(ctx, http.MethodPost, "/clock", map[string]bool{"restart": true}, nil); err != nil {
		return nil, err
	}
	// Frames are lost in the actuator, as in every other plant.
	return d, d.ask(ctx, http.MethodPut, d.path("infrared"), map[string]float64{"loss": 0}, nil)
}

func (d *distant) path(parts ...string) string {
	path := "/room/" + url.PathEscape(d.name)
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

func (d *distant) Layout() Layout { return d.layout }

func (d *distant) Tell(ctx context.Context, machine int, o Order) error {
	state := infrared.State{Power: o.Power, Setpoint: o.Setpoint}.WithDefaults()
	frame, err := d.profile.Encode(state, nil)
	if err != nil {
		return err
	}
	return d.ask(ctx, http.MethodPost, d.path("ir", d.layout.Machines[machine]), frame, nil)
}

func (d *distant) Happen(ctx context.Context, w Weather) error {
	old := d.before
	d.before = &w
	if old == nil || old.LoadW != w.LoadW {
		if err := d.ask(ctx, http.MethodPut, d.path("load"), map[string]float64{"watts": w.LoadW}, nil); err != nil {
			return err
		}
	}
	if old == nil || old.OutdoorC != w.OutdoorC {
		if err := d.ask(ctx, http.MethodPut, d.path("outdoor"), map[string]float64{"celsius": w.OutdoorC}, nil); err != nil {
			return err
		}
	}
	if old == nil || old.DoorKgS != w.DoorKgS {
		return d.ask(ctx, http.MethodPut, d.path("door"), map[string]float64{"kg_s": w.DoorKgS}, nil)
	}
	return nil
}

func (d *distant) Advance(ctx context.Context, by time.Duration) error {
	d.view = nil
	return d.ask(ctx, http.MethodPost, "/clock", map[string]float64{"advance_s": by.Seconds()}, nil)
}

func (d *distant) Seen(ctx context.Context) (Seen, error) {
	v, err := d.look(ctx)
	if err != nil {
		return Seen{}, err
	}
	s := Seen{LoadW: v.State.LoadW, OutdoorC: v.State.OutdoorC}
	for _, r := range v.Sensors {
		s.Celsius, s.Humidity = append(s.Celsius, r.Celsius), append(s.Humidity, r.Humidity)
	}
	for _, name := range d.layout.Machines {
		var meter struct {
			Watts *float64 `json:"watts"`
		}
		if err := d.ask(ctx, http.MethodGet, d.path("ac", name, "power"), nil, &meter); err != nil {
			return s, err
		}
		watts := math.NaN()
		if meter.Watts != nil {
			watts = *meter.Watts
		}
		s.Watts = append(s.Watts, watts)
	}
	return s, nil
}

func (d *distant) Truth(ctx context.Context) (Truth, error) {
	v, err := d.look(ctx)
	if err != nil {
		return Truth{}, err
	}
	t := Truth{CoolingJ: v.State.CoolingJ, LoadJ: v.State.LoadJ}
	for _, p := range v.State.Probes {
		t.Inlets = append(t.Inlets, p.TrueC)
	}
	for _, m := range v.State.Machines {
		t.Starts += m.Starts
	}
	return t, nil
}

// Twin is nil: another program's room cannot be copied, so every spell above 27 °C counts.
func (d *distant) Twin() Plant { return nil }

func (d *distant) look(ctx context.Context) (*view, error) {
	if d.view == nil {
		v := &view{}
		if err := d.ask(ctx, http.MethodGet, d.path(), nil, v); err != nil {
			return nil, err
		}
		d.view = v
	}
	return d.view, nil
}

// ask sends body, if any, and reads the answer into into, if any.
func (d *distant) ask(ctx context.Context, method, path string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, d.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := d.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, d.base+path, errors.Unwrap(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, d.base+path, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, d.base+path, response.Status, strings.TrimSpace(string(answer)))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s is no simulated room: %w", method, d.base+path, err)
	}
	return nil
}
