package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/overcloud/overcloud/edge/simulate"
	"github.com/overcloud/overcloud/internal/spec"
)

func simulateCommand() command {
	return command{
		name: "simulate", bare: true,
		help: `edge simulate: replay a day in a simulated room, or a recording

The rules, the judge of readings, the machines' logic and infrared are the real
ones, in virtual time. It needs no configuration and touches no device. Equal
flags give equal output. With --readings it replays a recording of the topic
temp instead (time_ms,sensor,humidity,temperature a line) and says which readings
would be marked bad.

Scenarios:
  day          an ordinary day
  ac-fails     one of two air conditioners fails in the second and third quarter
  sensor-dies  one sensor sticks after a quarter of the time, is silent after half
  door         the door stands open for ten minutes of every second hour
  no-orders    nobody decides for the room in the second quarter of the time

Examples:
  edge simulate
  edge simulate --hours 24 --remote daikin --loss 0.2 --scenario ac-fails
  edge simulate --hours 48 --csv > day.csv
  edge simulate --readings temp.csv`,
		flags: func(f *flag.FlagSet) {
			f.Int("hours", 24, "how long, 1 to 168 `hours`")
			f.String("remote", "lg", "the infrared `profile` of the machines")
			f.Uint64("seed", 1, "the `number` that noise, faults and losses come from")
			f.Float64("loss", 0.05, "`probability` that an infrared frame is lost, 0 to 1")
			f.String("scenario", simulate.Day, "the `name` of one: "+strings.Join(simulate.Scenarios(), ", "))
			f.Int("fixed", 20, "the fixed `setpoint` to compare with, °C")
			f.Bool("csv", false, "the hours as CSV, nothing else")
			f.Bool("notes", false, "tell what the machines and the judge said")
			f.String("readings", "", "a recorded `file` of the topic temp, - for the standard input")
		},
		run: func(_ context.Context, c Call, flags *flag.FlagSet) int {
			if !c.none("simulate") {
				return exitUsage
			}
			if file := value(flags, "readings"); file != "" {
				return c.replay(file)
			}
			r, err := simulate.Run(simulate.Options{
				Hours: get[int](flags, "hours"), Remote: value(flags, "remote"), Seed: get[uint64](flags, "seed"),
				Loss: get[float64](flags, "loss"), Scenario: value(flags, "scenario"), Fixed: get[int](flags, "fixed"),
				Policy: spec.DefaultPolicy(),
			})
			if err != nil {
				fmt.Fprintf(c.Errs, "edge simulate: %v\n", err)
				return exitUsage
			}
			if get[bool](flags, "csv") {
				hoursCSV(c.Out, r)
				return exitOK
			}
			hoursTable(c.Out, r)
			if get[bool](flags, "notes") {
				fmt.Fprintln(c.Out)
				for _, note := range r.Notes {
					fmt.Fprintln(c.Out, note)
				}
			}
			summary(c.Out, r, get[int](flags, "fixed"))
			return exitOK
		},
	}
}

func hoursCSV(out io.Writer, r simulate.Result) {
	fmt.Fprintln(out, "hour,inlet_c,warmest_c,desired_c,confirmed_c,commands,frames,lost,bad,cooling_kwh,over_27_s")
	for _, h := range r.Hours {
		fmt.Fprintf(out, "%d,%.2f,%.2f,%d,%d,%d,%d,%d,%d,%.3f,%d\n",
			h.Hour, h.Inlet, h.Warmest, h.Desired, h.Confirmed, h.Commands, h.Frames, h.Lost, h.Bad, h.Cooling, h.WarmS)
	}
}

func hoursTable(out io.Writer, r simulate.Result) {
	w := tabwriter.NewWriter(out, 0, 4, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tinlet\twarmest\tdesired\tconfirmed\t\t\t\t\tcooling\tmin over\t\nhour\t°C\t°C\t°C\t°C\tcommands\tframes\tlost\tbad\tkWh\t27 °C\t")
	for _, h := range r.Hours {
		fmt.Fprintf(w, "%02d\t%.1f\t%.1f\t%s\t%s\t%d\t%d\t%d\t%d\t%.2f\t%d\t\n", h.Hour, h.Inlet, h.Warmest, degrees(h.Desired), degrees(h.Confirmed),
			h.Commands, h.Frames, h.Lost, h.Bad, h.Cooling, h.WarmS/60)
	}
	w.Flush() //nolint:errcheck // a reader who left wants no more
}

func degrees(setpoint int) string {
	if setpoint == 0 {
		return "-"
	}
	return fmt.Sprint(setpoint)
}

func summary(out io.Writer, r simulate.Result, fixed int) {
	var commands, frames, lost, bad int
	for _, h := range r.Hours {
		commands, frames, lost, bad = commands+h.Commands, frames+h.Frames, lost+h.Lost, bad+h.Bad
	}
	fmt.Fprintf(out, `
simulated: %d commands to 2 machines, %d infrared frames, %d of them lost
%d readings bad or missing; machines unconfirmed at the end: %d
cooling %.1f to %.1f kWh, against %.1f to %.1f kWh at a fixed %d °C: %+.0f to %+.0f %%
(by the steep and the flat law of efficiency; the truth of a site lies between)
minutes above 27 °C: %d, against %d
`, commands, frames, lost, bad, r.Unconfirmed,
		least(r.Cooling), most(r.Cooling), least(r.Fixed), most(r.Fixed), fixed, least(change(r)), most(change(r)), r.WarmS/60, r.FixedS/60)
}

func least(v [2]float64) float64 { return min(v[0], v[1]) }
func most(v [2]float64) float64  { return max(v[0], v[1]) }

func change(r simulate.Result) (percent [2]float64) {
	for i := range percent {
		percent[i] = 100 * (r.Cooling[i]/r.Fixed[i] - 1)
	}
	return percent
}

// replay says of a recording what would be marked.
func (c Call) replay(name string) int {
	in := c.In
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return c.fault("simulate", err)
		}
		defer file.Close()
		in = file
	}
	var good, bad, faults int
	err := simulate.Replay(in, simulate.Doubts(), func(j simulate.Judged) {
		switch {
		case j.Fault != "":
			faults++
			fmt.Fprintf(c.Out, "line %d: no reading: %s\n", j.Line, j.Fault)
		case j.Doubt != "":
			bad++
			fmt.Fprintf(c.Out, "line %d: sensor %d at %s, %.1f °C: bad: %s\n",
				j.Line, j.Reading.Sensor, j.Reading.At.UTC().Format("2006-01-02T15:04:05Z"), j.Reading.Celsius, j.Doubt)
		default:
			good++
		}
	})
	if err != nil {
		return c.fault("simulate", fmt.Errorf("read %s: %w", name, err))
	}
	fmt.Fprintf(c.Out, "readings believed: %d, marked bad: %d; lines that are no readings: %d\n", good, bad, faults)
	return exitOK
}
