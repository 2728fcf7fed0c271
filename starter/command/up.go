package command

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/overcloud/overcloud/starter/screen"
	"github.com/overcloud/overcloud/starter/up"
)

func newUp(g *globals) *cobra.Command {
	options := up.Defaults()
	var check bool
	cmd := &cobra.Command{
		Use:   "up [FILE]",
		Short: "Bring OverCloud up on this machine with embedded servers, and a service on it",
		Long: "Bring up Temporal with its Web UI, an image registry and three process boxes on loopback, then run the service of FILE\n" +
			"(" + options.Specification + "). Ctrl-C stops everything in order; the next up goes on with the kept data.",
		Example: "  starter up\n  starter up --speed 20   # watch in minutes what takes hours\n  starter up --control-room-port 9080\n  starter up my/compose.yaml",
		Args:    words(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				options.Specification = args[0]
			}
			options.BinDir = cmp.Or(options.BinDir, filepath.Join(options.StateDir, "bin"))
			return up.Run(cmd.Context(), options, g.system.Environ, newScreen(g.system.Out), check)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.StateDir, "state-dir", options.StateDir, "folder that keeps all data")
	flags.StringVar(&options.BinDir, "bin-dir", "", "folder of the built binaries (default: bin in the state folder)")
	flags.IntVar(&options.TemporalPort, "temporal-port", options.TemporalPort, "port of Temporal")
	flags.IntVar(&options.TemporalUIPort, "temporal-ui-port", options.TemporalUIPort, "port of the Temporal Web UI")
	flags.IntVar(&options.RegistryPort, "registry-port", options.RegistryPort, "port of the image registry")
	flags.IntVar(&options.BoxPort, "box-port", options.BoxPort, "port of the first of three boxes")
	flags.IntVar(&options.ControlRoomPort, "control-room-port", options.ControlRoomPort, "port of the Control Room")
	flags.IntVar(&options.KafkaPort, "kafka-port", options.KafkaPort, "port of Kafka")
	flags.IntVar(&options.InfluxDBPort, "influxdb-port", options.InfluxDBPort, "port of InfluxDB")
	flags.IntVar(&options.RoomPort, "room-port", options.RoomPort, "port of the simulated room")
	flags.Float64Var(&options.Speed, "speed", options.Speed, "run the simulated room and its policy's waits this many times faster")
	flags.BoolVar(&check, "exit", false, "stop again as soon as the service runs")
	return cmd
}

// newScreen redraws in place on a terminal, and writes a line for each change anywhere else.
func newScreen(out io.Writer) *screen.Screen {
	file, isFile := out.(*os.File)
	live := isFile && term.IsTerminal(int(file.Fd()))
	size := func() (width, height int) {
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
		return 80, 24 // what every terminal has
	}
	return screen.New(out, live, size, time.Now)
}
