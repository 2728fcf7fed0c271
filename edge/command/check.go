package command

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/overcloud/overcloud/edge/check"
)

func checkCommand() command {
	return command{
		name: "check",
		help: `edge check: try everything once, and say what to do about what fails

It reads each sensor, polls each box, asks lircd or the kernel about infrared,
Kafka for its metadata, and looks at the clock and the disk. It may run while the
daemon runs, and sends no infrared unless --send says so.
Exit code 0: nothing failed; 1: something did; 2: the settings are wrong.

Examples:
  edge check
  sudo -u overcloud-edge edge check            with the rights of the daemon
  edge check --send ac1=22                     tell ac1 22 °C for real, or off
  edge check --json | jq '.[] | select(.state != "ok")'`,
		flags: func(f *flag.FlagSet) {
			f.Bool("json", false, "as a JSON list")
			f.String("send", "", "really send `AC=SETPOINT`, °C or off")
		},
		run: func(ctx context.Context, c Call, flags *flag.FlagSet) int {
			order, err := parseOrder(value(flags, "send"), &c)
			if err != nil {
				fmt.Fprintf(c.Errs, "edge check: %v\n", err)
				return exitUsage
			}
			if !c.none("check") {
				return exitUsage
			}
			loaded, ok := c.load(flags)
			if !ok {
				return exitUsage
			}
			lines := check.Run(ctx, check.Options{Config: loaded.Agent, File: loaded.File, Send: order})
			if get[bool](flags, "json") {
				encoder := json.NewEncoder(c.Out)
				encoder.SetIndent("", "  ")
				if err := encoder.Encode(lines); err != nil {
					return c.fault("check", err)
				}
			} else {
				table(c.Out, lines)
			}
			if !check.Healthy(lines) {
				return exitFault
			}
			return exitOK
		},
	}
}

// parseOrder reads --send: ac1=22, or ac1 with the setpoint as the next argument.
func parseOrder(text string, c *Call) (*check.Order, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // nothing is to be sent
	}
	ac, setpoint, found := strings.Cut(text, "=")
	if !found && len(c.Args) > 0 {
		setpoint, c.Args = c.Args[0], c.Args[1:]
	}
	if setpoint == "off" {
		return &check.Order{AC: ac}, nil
	}
	degrees, err := strconv.Atoi(setpoint)
	if err != nil || degrees < 1 || ac == "" {
		return nil, fmt.Errorf("--send wants an air conditioner and a setpoint in °C or off: --send ac1=22")
	}
	return &check.Order{AC: ac, Setpoint: degrees}, nil
}

// table prints the lines with what to do below each that needs it.
func table(out io.Writer, lines []check.Line) {
	widest, count := 0, map[string]int{}
	for _, l := range lines {
		widest = max(widest, columns(l.Name))
	}
	indent, width := 18+widest, widthOf(out)
	for _, l := range lines {
		count[l.State]++
		head := fmt.Sprintf("%-4s  %-8s  %s%s  ", l.State, l.Group, l.Name, strings.Repeat(" ", widest-columns(l.Name)))
		fmt.Fprintln(out, beside(head, l.Found, width))
		if l.Do != "" {
			fmt.Fprintln(out, beside(strings.Repeat(" ", min(indent, max(6, width-30))), "-> "+l.Do, width))
		}
	}
	fmt.Fprintf(out, "\nok: %d, warnings: %d, failed: %d\n", count[check.OK], count[check.Warn], count[check.Failed])
}
