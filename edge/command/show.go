package command

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/overcloud/overcloud/edge/agent"
	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/edge/config"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/infrared"
)

func configCommand() command {
	return command{
		name: "config",
		help: `edge config: print every setting with its comment

The defaults, or what a file and the environment make of them. Secrets are shown as references only. The output is a valid edge.yaml.

Examples:
  edge config > edge.yaml                                  begin with this, then edit
  edge config --config /etc/overcloud/edge.yaml            what holds
  edge config --check --config /etc/overcloud/edge.yaml    every fault with its line, and nothing else; exit code 2`,
		flags: func(f *flag.FlagSet) { f.Bool("check", false, "only say what is wrong with it") },
		run: func(_ context.Context, c Call, flags *flag.FlagSet) int {
			if !c.none("config") {
				return exitUsage
			}
			if get[bool](flags, "check") {
				if _, ok := c.load(flags); !ok {
					return exitUsage
				}
				fmt.Fprintln(c.Out, "valid")
				return exitOK
			}
			s, err := config.Read(config.File(value(flags, "config"), c.Getenv), c.Getenv)
			if err != nil {
				for _, line := range config.Problems(err) {
					fmt.Fprintf(c.Errs, "edge: %s\n", line)
				}
				return exitUsage
			}
			if err := config.Print(c.Out, s); err != nil {
				return c.fault("config", err)
			}
			return exitOK
		},
	}
}

func healthCommand() command {
	return command{
		name: "health",
		help: `edge health: exit code 0 when the running one does its work, else 1

Examples:
  edge health && echo well
  HEALTHCHECK CMD ["/edge", "health"]        in a container`,
		run: func(ctx context.Context, c Call, flags *flag.FlagSet) int {
			if !c.none("health") {
				return exitUsage
			}
			if err := fn.ProbeHealth(ctx, c.listen(flags)); err != nil {
				return c.fault("", err)
			}
			return exitOK
		},
	}
}

// listen is where the running one answers, also when its settings are wrong by now.
func (c Call) listen(flags *flag.FlagSet) string {
	s, err := config.Read(config.File(value(flags, "config"), c.Getenv), c.Getenv)
	if err != nil && s.Listen == "" {
		s = config.Defaults(c.Getenv)
	}
	return s.Listen
}

func (c Call) fault(name string, err error) int {
	if name != "" {
		name = " " + name
	}
	fmt.Fprintf(c.Errs, "edge%s: %v\n", name, err)
	return exitFault
}

func statusCommand() command {
	return command{
		name: "status",
		help: `edge status: ask the running one how it goes

Examples:
  edge status
  edge status --json | jq .queues`,
		flags: func(f *flag.FlagSet) { f.Bool("json", false, "as the running one says it") },
		run: func(ctx context.Context, c Call, flags *flag.FlagSet) int {
			if !c.none("status") {
				return exitUsage
			}
			body, err := ask(ctx, c.listen(flags), "/api/v1/status")
			if err != nil {
				return c.fault("status", err)
			}
			if get[bool](flags, "json") {
				fmt.Fprintln(c.Out, strings.TrimSpace(string(body)))
				return exitOK
			}
			var s agent.Status
			if err := json.Unmarshal(body, &s); err != nil {
				return c.fault("status", fmt.Errorf("the answer is not understood: %w", err))
			}
			showStatus(c.Out, s)
			return exitOK
		},
	}
}

// ask is one GET of the running daemon. Errors: ErrUnreachable, ErrRejected.
func ask(ctx context.Context, listen, path string) ([]byte, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("listen %q is not host:port: %w", listen, fault.ErrInvalid)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no edge answers at %s; is it running? (systemctl status overcloud-edge) %w: %w", listen, fault.ErrUnreachable, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %w", response.Status, fault.ErrRejected)
	}
	return body, err
}

func showStatus(out io.Writer, s agent.Status) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	clock := "trusted"
	if !s.ClockTrusted {
		clock = "not trusted: readings are marked"
	}
	fmt.Fprintf(w, "box\t%s\nclock\t%s\n\nroom\tsensor\t°C\tage\t\n", s.Box, clock)
	for _, one := range s.Sensors {
		age, celsius := "never", "-"
		if one.AgeS != nil {
			age, celsius = seconds(*one.AgeS), fmt.Sprintf("%.1f", one.Celsius)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", one.Room, one.Sensor, celsius, age, cmp.Or(one.Fault, one.Bad))
	}
	fmt.Fprintln(w, "\nroom\tair conditioner\tdesired\tsent\tconfirmed\t")
	for _, one := range s.AirConditioners {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", one.Room, one.AC, said(one.Wanted), said(one.Sent), said(one.Actual), remark(one))
	}
	fmt.Fprintln(w, "\nqueue\twaiting\toldest\ton disk\tat most\tdropped")
	for _, topic := range slices.Sorted(maps.Keys(s.Queues)) {
		q := s.Queues[topic]
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\n", topic, q.Depth, oldest(q.Depth, q.OldestAgeS), size(q.Bytes), size(q.Max), q.Dropped)
	}
	if len(s.Boxes) > 0 {
		fmt.Fprintln(w, "\nbox\tpolls\tfaults\ttook\t")
	}
	for _, b := range s.Boxes {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", b.Box, b.Polls, b.Faults, time.Duration(b.TookS*float64(time.Second)).Round(100*time.Microsecond), b.Fault)
	}
	w.Flush() //nolint:errcheck // a builder takes everything
	if len(s.Alerts) > 0 {
		fmt.Fprintf(&text, "\nalerts that last\n  %s\n", strings.Join(s.Alerts, "\n  "))
	}
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(out, lastFolded(strings.TrimRight(line, " \n"), widthOf(out)))
	}
}

// lastFolded is a line of a table whose last cell, a sentence, goes on below itself where the terminal ends.
func lastFolded(line string, width int) string {
	if columns(line) <= width {
		return line
	}
	// Cells are two or more blanks apart.
	cut := strings.LastIndex(strings.TrimLeft(line, " "), "  ")
	if cut >= 0 {
		cut += 2 + columns(line) - columns(strings.TrimLeft(line, " "))
	}
	if cut < 0 {
		cut = columns(line) - columns(strings.TrimLeft(line, " ")) // no table: prose
	}
	return beside(line[:cut], line[cut:], width)
}

// oldest is how long the oldest record waits; a dash when none does.
func oldest(waiting int, age float64) string {
	if waiting == 0 {
		return "-"
	}
	return seconds(age)
}

// size is a number of bytes as settings write it.
func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
	}
	if bytes >= 1<<10 {
		return fmt.Sprintf("%.0f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d B", bytes)
}

// remark is what is to be known of an air conditioner, the worst first.
func remark(v aircon.View) string {
	switch {
	case v.Unheard:
		return "does not answer"
	case v.NoEffect:
		return "has no effect: " + v.Finding
	case v.NoReadings:
		return "fail-safe: no readings"
	case v.NoOrders:
		return "fail-safe: no orders"
	case v.Held:
		return "a command waits"
	case v.Wanted == nil && v.Actual == nil:
		return "nothing was ordered yet"
	}
	return v.Finding
}

// said is a state in words: its setpoint alone where it says what setpoints say, cool with fan auto; a dash for none.
func said(s *infrared.State) string {
	switch {
	case s == nil:
		return "-"
	case s.Power && *s == (infrared.State{Power: true, Setpoint: s.Setpoint}).WithDefaults():
		return fmt.Sprintf("%d °C", s.Setpoint)
	}
	return s.String()
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func versionCommand() command {
	return command{
		name: "version", bare: true,
		help: `edge version: print the version, the platform and the Go release

Example:
  edge version`,
		run: func(_ context.Context, c Call, _ *flag.FlagSet) int {
			fmt.Fprintf(c.Out, "edge %s %s/%s %s\n", version(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return exitOK
		},
	}
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "unversioned"
	}
	return info.Main.Version
}
