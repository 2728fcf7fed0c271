// Command starter is the operator's command line: it brings OverCloud up on one machine, and it is a client of
// the same workflows that the Control Room and the stock temporal command talk to.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/overcloud/overcloud/starter/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once: the first one asks for an orderly stop.
	context.AfterFunc(ctx, stop)
	code := command.Execute(ctx, command.System{
		Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ(),
	})
	stop()
	os.Exit(code)
}
