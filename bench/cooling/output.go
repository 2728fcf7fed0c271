package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// indicator is one column of the tables.
type indicator struct {
	name   string
	digits int
	of     func(Result) float64
}

func indicators() []indicator {
	return []indicator{
		{"over best %", 2, func(r Result) float64 { return 100 * r.OverBest }},
		{"over calm %", 2, func(r Result) float64 { return 100 * r.OverCalm }},
		{"over foresight %", 2, func(r Result) float64 { return 100 * r.OverForesight }},
		{"coolers kWh", 1, func(r Result) float64 { return r.CoolersKWh }},
		{"fans kWh", 1, func(r Result) float64 { return r.FansKWh }},
		{"total kWh", 1, func(r Result) float64 { return r.TotalKWh }},
		{"site kWh", 1, func(r Result) float64 { return r.SiteKWh }},
		{"K-min>27", 0, func(r Result) float64 { return r.KMin27 }},
		{"K-min>32", 0, func(r Result) float64 { return r.KMin32 }},
		{">27 min", 0, func(r Result) float64 { return r.Over27Min }},
		{"breach min", 0, func(r Result) float64 { return r.BreachMin }},
		{"min>32", 1, func(r Result) float64 { return r.Over32 }},
		{"max °C", 1, func(r Result) float64 { return r.MaxInlet }},
		{"15-min mean °C", 1, func(r Result) float64 { return r.Mean15 }},
		{"K/15min", 1, func(r Result) float64 { return r.Rate15 }},
		{"starts/h", 1, func(r Result) float64 { return r.StartsHour }},
		{"cmds/h most", 0, func(r Result) float64 { return float64(r.CommandsHour) }},
		{"ordinary/h", 0, func(r Result) float64 { return float64(r.OrdinaryHour) }},
		{"cmds/day", 1, func(r Result) float64 { return r.CommandsDay }},
	}
}

func write(out io.Writer, format string, b *bench) error {
	switch format {
	case "json":
		e := json.NewEncoder(out)
		e.SetIndent("", " ")
		return e.Encode(b.results)
	case "csv":
		return writeCSV(out, b.results)
	}
	return writeTables(out, b)
}

func writeCSV(out io.Writer, results []Result) error {
	w := csv.NewWriter(out)
	head := []string{"room", "seed", "efficiency", "controller", "machines", "inverter", "safe"}
	for _, c := range indicators() {
		head = append(head, c.name)
	}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, r := range results {
		row := []string{
			r.Room, fmt.Sprint(r.Seed), r.Efficiency, r.Controller, fmt.Sprint(r.Machines), fmt.Sprint(r.Inverter), fmt.Sprint(r.Safe),
		}
		for _, c := range indicators() {
			row = append(row, fmt.Sprintf("%.*f", c.digits+1, c.of(r)))
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// writeTables prints every room that has a name in full, and the random ones by controller.
func writeTables(out io.Writer, b *bench) error {
	var random []Result
	byRoom := map[string][]Result{}
	var order []string
	for _, r := range b.results {
		if strings.HasPrefix(r.Room, "mc-") {
			random = append(random, r)
			continue
		}
		key := r.Room + ", " + r.Efficiency
		if byRoom[key] == nil {
			order = append(order, key)
		}
		byRoom[key] = append(byRoom[key], r)
	}
	for _, key := range order {
		if err := writeRoom(out, key, byRoom[key]); err != nil {
			return err
		}
	}
	for _, optimistic := range []bool{true, false} {
		if err := writeRandom(out, law(optimistic), random, b.options.controllers); err != nil {
			return err
		}
	}
	return nil
}

func writeRoom(out io.Writer, title string, results []Result) error {
	rows := [][]string{{"controller", "safe"}}
	for _, c := range indicators() {
		rows[0] = append(rows[0], c.name)
	}
	for _, r := range results {
		name := r.Controller
		if name == nameBest || name == nameCalm {
			name = fmt.Sprintf("%s (%d)", name, r.Setpoint)
		}
		row := []string{name, yes(r.Safe)}
		for _, c := range indicators() {
			row = append(row, fmt.Sprintf("%.*f", c.digits, c.of(r)))
		}
		rows = append(rows, row)
	}
	return writeRows(out, title, rows)
}

// writeRandom prints the median, the ninth decile and the worst of each indicator.
func writeRandom(out io.Writer, efficiency string, results []Result, controllers []string) error {
	by := map[string][]Result{}
	rooms := 0
	for _, r := range results {
		if r.Efficiency == efficiency {
			by[r.Controller] = append(by[r.Controller], r)
			rooms = max(rooms, len(by[r.Controller]))
		}
	}
	if rooms == 0 {
		return nil
	}
	rows := [][]string{{"controller", "unsafe", "within +1 %", "of calm", "beats foresight"}}
	for _, c := range indicators() {
		rows[0] = append(rows[0], c.name)
	}
	for _, name := range controllers {
		rows = append(rows, summary(name, by[name]))
	}
	return writeRows(out, fmt.Sprintf("%d random rooms, %s: median / ninth decile / worst", rooms, efficiency), rows)
}

// summary is one controller in all random rooms.
func summary(name string, all []Result) []string {
	count := func(is func(Result) bool) int {
		return len(slices.DeleteFunc(slices.Clone(all), func(r Result) bool { return !is(r) }))
	}
	row := []string{
		name,
		fmt.Sprint(count(func(r Result) bool { return !r.Safe })),
		percent(count(func(r Result) bool { return r.Safe && r.OverBest <= 0.01 }), len(all)),
		percent(count(func(r Result) bool { return r.Safe && r.OverCalm <= 0.01 }), len(all)),
		fmt.Sprint(count(func(r Result) bool { return r.Safe && r.OverForesight < -1e-4 })),
	}
	for _, c := range indicators() {
		var values []float64
		for _, r := range all {
			values = append(values, c.of(r))
		}
		slices.Sort(values)
		row = append(row, fmt.Sprintf("%.*f / %.*f / %.*f", c.digits, quantile(values, 0.5), c.digits, quantile(values, 0.9), c.digits, quantile(values, 1)))
	}
	return row
}

func percent(n, of int) string { return fmt.Sprintf("%.0f %%", 100*float64(n)/float64(max(1, of))) }

// quantile of sorted values, the nearest of them.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[int(math.Round(q*float64(len(sorted)-1)))]
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

// writeRows prints a table as Markdown.
func writeRows(out io.Writer, title string, rows [][]string) error {
	if _, err := fmt.Fprintf(out, "\n### %s\n\n", title); err != nil {
		return err
	}
	for i, row := range rows {
		if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | ")); err != nil {
			return err
		}
		if i == 0 {
			if _, err := fmt.Fprintln(out, strings.Repeat("|---", len(row))+"|"); err != nil {
				return err
			}
		}
	}
	return nil
}
