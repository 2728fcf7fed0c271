package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// load is `room load`: it changes the servers' load in a running simulated room.
func load(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("room load", flag.ContinueOnError)
	flags.SetOutput(errs)
	room := flags.String("room", "", "name of the room (default: the only one)")
	watts := flags.Float64("watts", 0, "electric power of its servers, W")
	factor := flags.Float64("factor", 0, "times its ordinary power; 1 is ordinary")
	base := flags.String("url", "http://127.0.0.1:8095", "where the simulated rooms answer")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case (*watts > 0) == (*factor > 0) || flags.NArg() > 0:
		fmt.Fprintln(errs, "room load: give one of --watts and --factor, above 0, as in: room load --factor 2.5")
		return 2
	}
	where := strings.TrimSuffix(*base, "/") + "/api/v1/room"
	if *room == "" {
		name, err := onlyRoom(ctx, where)
		if err != nil {
			fmt.Fprintf(errs, "room load: %v\n", err)
			return 1
		}
		*room = name
	}
	body := map[string]float64{"watts": *watts}
	if *factor > 0 {
		body = map[string]float64{"factor": *factor}
	}
	if err := ask(ctx, http.MethodPut, where+"/"+url.PathEscape(*room)+"/load", body, nil); err != nil {
		fmt.Fprintf(errs, "room load: %v\n", err)
		return 1
	}
	if *factor > 0 {
		fmt.Fprintf(out, "simulated room %s: load times %g\n", *room, *factor)
	} else {
		fmt.Fprintf(out, "simulated room %s: load %g W\n", *room, *watts)
	}
	return 0
}

// onlyRoom is the name of the room when there is one.
func onlyRoom(ctx context.Context, where string) (string, error) {
	var all struct {
		Rooms []string `json:"rooms"`
	}
	if err := ask(ctx, http.MethodGet, where, nil, &all); err != nil {
		return "", err
	}
	if len(all.Rooms) != 1 {
		return "", fmt.Errorf("there are %d rooms (%s): name one with --room", len(all.Rooms), strings.Join(all.Rooms, ", "))
	}
	return all.Rooms[0], nil
}

// ask sends body, if any, and reads the answer into into, if any.
func ask(ctx context.Context, method, address string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no simulated room answers at %s (give its --url): %w", address, errors.Unwrap(err))
	}
	defer response.Body.Close()
	limited := json.NewDecoder(io.LimitReader(response.Body, 64<<10))
	if response.StatusCode == http.StatusOK {
		if into == nil {
			return nil
		}
		if err := limited.Decode(into); err != nil {
			return fmt.Errorf("%s is no simulated room: %w", address, err)
		}
		return nil
	}
	var fault struct {
		Error string `json:"error"`
	}
	if err := limited.Decode(&fault); err != nil || fault.Error == "" {
		return fmt.Errorf("%s answered %s: no simulated room is there", address, response.Status)
	}
	return errors.New(fault.Error)
}
