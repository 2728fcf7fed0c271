// Command deploy measures what durability costs: the same images pulled to the same boxes and run there, once by
// OverCloud's workflows (match, resolve, observe, pull, verify, network, start, health, record) and once directly,
// in parallel, through the Docker API with no workflow at all.
//
//	make build && sudo go run ./bench/deploy
//
// It makes a lab of real engines (docs/lab.md) and a Temporal server, and runs both sides in turn, in each round with
// new images, so that no engine has a layer of them. The goal is a ratio of at most 1.15.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/embedded/temporal"
	"github.com/overcloud/overcloud/internal/lab"
	client "github.com/overcloud/overcloud/internal/temporal"
	"github.com/overcloud/overcloud/worker/durable"
)

// options are the flags.
type options struct {
	rounds, images, boxes int
	bytes                 int64
	bin                   string
	steps, once           bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "how many times each side runs")
	flag.IntVar(&o.images, "images", 8, "how many images, one function each")
	flag.BoolVar(&o.once, "once", false, "each image on one box only, instead of on every box")
	flag.IntVar(&o.boxes, "boxes", 2, "how many boxes")
	flag.Int64Var(&o.bytes, "bytes", 20<<20, "size of an image")
	flag.StringVar(&o.bin, "bin", ".overcloud/bin", "folder of the built binaries")
	flag.BoolVar(&o.steps, "steps", false, "print the steps of each deploy with their times")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/deploy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	place, err := lab.New(ctx, lab.Options{Boxes: o.boxes})
	if err != nil {
		return err
	}
	defer func() {
		if err := place.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench/deploy: take the lab down:", err)
		}
	}()
	server, c, err := durably(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if err := server.Stop(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(os.Stderr, "bench/deploy: stop Temporal:", err)
		}
	}()
	defer c.Close()
	var ratios []float64
	for round := range o.rounds {
		workflows, direct, err := compare(ctx, place, c, o, round)
		if err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		ratio := workflows.Seconds() / direct.Seconds()
		ratios = append(ratios, ratio)
		fmt.Printf("round %d: workflows %.2f s, direct %.2f s, ratio %.2f\n", round+1, workflows.Seconds(), direct.Seconds(), ratio)
	}
	slices.Sort(ratios)
	how := "each on every one"
	if o.once {
		how = "each on one"
	}
	fmt.Printf("%d images of %d MB to %d boxes, %s: median ratio %.2f (goal: at most 1.15)\n",
		o.images, o.bytes>>20, o.boxes, how, ratios[len(ratios)/2])
	return nil
}

// durably starts a Temporal server and a worker of the workflows in this process.
func durably(ctx context.Context, o options) (*temporal.Server, *client.Client, error) {
	dir, err := os.MkdirTemp("", "bench-deploy")
	if err != nil {
		return nil, nil, err
	}
	binary, err := filepath.Abs(filepath.Join(o.bin, "temporal"))
	if err != nil {
		return nil, nil, err
	}
	first, err := freePort(ctx)
	if err != nil {
		return nil, nil, err
	}
	second, err := freePort(ctx)
	if err != nil {
		return nil, nil, err
	}
	server, err := temporal.Start(ctx, temporal.Options{Binary: binary, Dir: dir, Port: first, UIPort: second})
	if err != nil {
		return nil, nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	go func() {
		config := durable.Config{TemporalAddress: server.Address(), KafkaBrokers: []string{"127.0.0.1:1"}, Log: quiet}
		if err := durable.Run(ctx, config); err != nil {
			fmt.Fprintln(os.Stderr, "bench/deploy: worker:", err)
		}
	}()
	c, err := client.Dial(client.Options{Address: server.Address(), Logger: quiet})
	if err != nil {
		return nil, nil, err
	}
	for { // the first apply would else pay for the worker's start
		if workers, err := c.Workers(ctx); err == nil && workers > 0 {
			return server, c, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
