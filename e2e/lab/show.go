package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/overcloud/overcloud/internal/lab"
)

// show prints one lab, or all when name is empty.
func show(out io.Writer, name string) error {
	labs, err := lab.List()
	if err != nil {
		return err
	}
	shown := 0
	for _, one := range labs {
		if name == "" || name == one.Name {
			print(out, one)
			shown++
		}
	}
	if shown == 0 && name != "" {
		return fmt.Errorf("there is no lab %s", name)
	}
	if shown == 0 {
		fmt.Fprintln(out, "no lab is up")
	}
	return nil
}

func print(out io.Writer, one lab.Status) {
	state := "up"
	switch {
	case !one.Alive:
		state = "dead: the next up or down sweeps it"
	case !one.Ready:
		state = "starting"
	}
	fmt.Fprintf(out, "lab %s: %s, process %d, since %s, files in %s\n", one.Name, state, one.OwnerPID, one.Started.Format(time.TimeOnly), one.Folder)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, box := range one.Boxes {
		running := "running"
		if !box.Init.Alive() {
			running = "off"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\tinit %d\n", box.Name, box.Engine, running, box.Init.PID)
	}
	for _, r := range one.Registries {
		fmt.Fprintf(table, "  registry\t%s\t%s\n", r.URL, r.Variant)
	}
	table.Flush() //nolint:errcheck // what is written to goes on failing and says so
	fmt.Fprintf(out, "  CA of everything: %s\n", one.CAFile)
	if len(one.Boxes) > 0 && one.Boxes[0].TLS != "" {
		fmt.Fprintf(out, "  docker --tlsverify: DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=%s DOCKER_HOST=%s docker info\n", one.Boxes[0].TLS, one.Boxes[0].Engine)
	}
}
