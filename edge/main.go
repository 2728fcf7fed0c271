// Command edge is the daemon that runs beside the sensors and air conditioners of a room, on a Raspberry Pi, and the
// commands around it: check, config, learn, simulate and more; see edge --help.
package main

import (
	"os"

	"github.com/overcloud/overcloud/edge/command"
)

func main() {
	os.Exit(command.Main(command.Call{Args: os.Args[1:], Getenv: os.Getenv, In: os.Stdin, Out: os.Stdout, Errs: os.Stderr}))
}
