// Command edge is the daemon that runs beside the sensors and air conditioners of a room, on a Raspberry Pi.
package main

import (
	"context"
	"os"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/internal/fn"
)

const help = `edge: sensors in, infrared out, and a safe room when nobody orders

  edge [run]     run the daemon (the default)
  edge health    exit 0 when the running one does its work

Environment:
  OVERCLOUD_BOX     the box it runs on; it takes the sensors and air conditioners of this box (required)
  OVERCLOUD_ROOMS   the rooms, a JSON list as in the specification
  KAFKA_BROKERS     host:port, more with commas between (required; need not answer yet)
  SIMULATED_ROOM    where simulated devices are, http://host:8095
  SNMP_TARGETS      other boxes: rack-1=udp://10.0.0.11:161?community=public, more with commas between
  RESOURCE_EVERY    how often boxes are polled (default 30s)
  SPOOL_MB          size of the disk queue for readings (default 64); other topics get a quarter of it each
  STEP_K            change of temperature that is believed, K for each 10 s (default 3)
  EDGE_CLOCK        trusted (default), or kernel: ask the kernel whether the clock is synchronised
  ECHO_WAIT         how long an infrared echo may take (default 3s)
  INFRARED_SPACING  least pause between two frames to one air conditioner (default 1s)
  LOG_LEVEL         debug, info, warn or error
The queue and what the air conditioners were told are kept in /var/lib/edge. HTTP on port 8096: /healthz, /metrics.

Devices: a sensor's source simulated://room/1 and an air conditioner's transmitter simulated://ac1 are in the
simulated room. Hardware is not built yet.

Example:
  OVERCLOUD_BOX=pi-1 KAFKA_BROKERS=127.0.0.1:9092 SIMULATED_ROOM=http://127.0.0.1:8095 \
  OVERCLOUD_ROOMS="$(cat rooms.json)" edge`

func main() {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	fn.Program{Name: "edge", Help: help, HealthPort: agent.Port, Run: run}.Main()
}

func run(ctx context.Context, getenv func(string) string) error {
	config, err := agent.ReadConfig(getenv)
	if err != nil {
		return err
	}
	return agent.Run(ctx, config)
}
