// Command stage puts the Control Room's page on a stage, to look at while drawing it: the real server with rooms whose
// readings move, and none of the servers behind it.
//
//	go run ./ui/browser/stage -port 18080 -scene busy
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/overcloud/overcloud/ui/browser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	port := flag.Int("port", 18080, "loopback port of the page")
	scene := flag.String("scene", string(browser.Busy), "how the rooms fare: calm or busy")
	flag.Parse()
	data, err := os.MkdirTemp("", "stage")
	if err != nil {
		return fmt.Errorf("make a folder for the stage: %w", err)
	}
	defer os.RemoveAll(data)
	world, err := browser.NewWorld(browser.Scene(*scene), time.Now())
	if err != nil {
		return err
	}
	stage := browser.NewStage(world, fmt.Sprintf("127.0.0.1:%d", *port), data)
	if err := stage.Open(); err != nil {
		return err
	}
	defer stage.Close()
	fmt.Println(stage.Origin())
	<-ctx.Done()
	return nil
}
