package up

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/spec"
)

// addresses is what a person wants to know once the service runs.
func (o Options) addresses(service spec.Service, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s runs after %.1f s.\n\n", service.Name, took.Seconds())
	row := func(what, where string) { fmt.Fprintf(&b, "  %-16s %s\n", what, where) }
	if serves(service, "ui") {
		row("Control Room", fmt.Sprintf("http://127.0.0.1:%d", o.ControlRoomPort))
	}
	row("Temporal Web UI", fmt.Sprintf("http://127.0.0.1:%d", o.TemporalUIPort))
	for i, name := range boxNames() {
		row("box "+name, fmt.Sprintf("docker -H tcp://127.0.0.1:%d ps", o.BoxPort+i))
	}
	if serves(service, "room") && len(service.Rooms) > 0 {
		row("simulated room", fmt.Sprintf("http://127.0.0.1:%d/api/v1/room/%s", o.RoomPort, service.Rooms[0].Name))
		row("make it warmer", o.warmer(service))
	}
	row("logs", o.dir("starter.log"))
	row("", "docker -H … logs NAME: of a function")
	if o.TemporalPort != Defaults().TemporalPort {
		row("for other shells", "export TEMPORAL_ADDRESS="+o.temporal())
	}
	b.WriteString("\nCtrl-C stops everything in order; the data is kept.")
	return b.String()
}

// warmer is the command line that raises the load of the first simulated room.
func (o Options) warmer(service spec.Service) string {
	command := filepath.Join(o.BinDir, "room")
	if short, err := filepath.Rel(".", command); err == nil && filepath.IsLocal(short) {
		command = short
	}
	command += " load --factor 2.5"
	if len(service.Rooms) > 1 {
		command += " --room " + service.Rooms[0].Name
	}
	if o.RoomPort != Defaults().RoomPort {
		command += fmt.Sprintf(" --url http://127.0.0.1:%d", o.RoomPort)
	}
	return command
}

func serves(service spec.Service, function string) bool {
	return slices.ContainsFunc(service.Functions, func(f spec.Function) bool { return f.Name == function })
}
