// Command room simulates the server rooms of a specification in real time, with sensors, air conditioners
// and infrared, so that everything else can run without any of them.
package main

import (
	"context"
	"log/slog"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/functions/room/server"
	"github.com/overcloud/overcloud/internal/fn"
)

const port = "8095"

const help = `room: the SIMULATED server rooms of a specification

  room [serve]     run the rooms (the default)
  room health      exit 0 when the running one answers
  room load        change the servers' load in a running one

Environment of serve:
  OVERCLOUD_ROOMS  the rooms, a JSON list as in the specification (required)
  ROOM_SPEED       simulated seconds for each real one (default 1); 0: time passes only by POST /api/v1/clock
  ROOM_SEED        seed of noise, sensor placement and lost infrared (default 1)
  ROOM_LOSS        probability that an infrared frame is lost, 0 to 1 (default 0.02)
States are kept in /var/lib/room, so that a restart goes on where it was.

HTTP on port 8095, JSON:
  GET  /api/v1/clock                      {"stepped": true, "elapsed_s": 10}
  POST /api/v1/clock                      {"advance_s": 10} with ROOM_SPEED=0; {"restart": true} begins anew
  GET  /api/v1/room                       the names of the rooms
  GET  /api/v1/room/R                     everything, the hidden truth too
  GET  /api/v1/room/R/sensors/ID          what one sensor shows
  POST /api/v1/room/R/ir/AC               {"carrier_hz": 38000, "pulses_us": [...]}
  GET  /api/v1/room/R/ir/AC/heard?since=  what an infrared receiver near AC heard
  GET  /api/v1/room/R/load                what a meter of the boxes' power shows, W
  PUT  /api/v1/room/R/load                {"watts": 4200} or {"factor": 1.4}
  PUT  /api/v1/room/R/outdoor             {"celsius": 35}, null for the day curve
  PUT  /api/v1/room/R/door                {"open": true} or {"kg_s": 0.1}
  PUT  /api/v1/room/R/infrared            {"loss": 0.1}
  PUT  /api/v1/room/R/ac/AC/fail          {"failed": true}
  GET  /api/v1/room/R/ac/AC/power         what its electricity meter shows, W
  POST /api/v1/room/R/ac/AC/remote        {"setpoint": 20}: the hand remote, unseen; "heard": true for seen

Examples:
  OVERCLOUD_ROOMS='[{"name":"hall","sensors":[{"id":1}],"air_conditioners":[{"name":"ac1","remote":"lg"}]}]' room
  room load --room hall --watts 4500 --url http://127.0.0.1:8095
  room load --factor 1                     # of the only room there`

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			os.Args = append(os.Args[:1], os.Args[2:]...)
		case "load":
			ctx, stop := fn.Signals(context.Background())
			code := load(ctx, os.Args[2:], os.Stdout, os.Stderr)
			stop()
			os.Exit(code)
		}
	}
	fn.Program{Name: "room", Help: help, HealthPort: port, Run: run}.Main()
}

func run(ctx context.Context, getenv func(string) string) error {
	env := fn.NewEnv(getenv)
	config := server.Config{
		Rooms: env.Rooms(),
		Speed: env.Float("ROOM_SPEED", 1, 0, 3600),
		Seed:  uint64(env.Int("ROOM_SEED", 1, 0, 1<<31-1)), // not negative
		Loss:  env.Float("ROOM_LOSS", 0.02, 0, 1),
		Dir:   fn.Path(getenv, "/var/lib/room"),
	}
	if err := config.Validate(); err != nil {
		env.Fault("simulated rooms:", "%v", err)
	}
	if err := env.Err(); err != nil {
		return err
	}
	building, err := server.New(config)
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "simulated rooms", "rooms", len(config.Rooms), "speed", config.Speed, "loss", config.Loss)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return building.Run(ctx) })
	group.Go(func() error { return fn.Serve(ctx, fn.Listen(getenv, port), building.Handler()) })
	return group.Wait()
}
