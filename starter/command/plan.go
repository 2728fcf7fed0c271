package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/temporal"
)

// whyNot is one function on one box; empty asks for the whole plan.
type whyNot struct{ function, box string }

func newPlan(g *globals) *cobra.Command {
	var s specification
	var asJSON bool
	var asked string
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what apply would do, and change nothing",
		Long: "Show what apply would do, and change nothing: each step with its cause, and then every function on every box,\n" +
			"with the parts of its score or all the reasons against it, each with what is needed and what is there.\n" +
			"Exit code 0: nothing to do; 2: changes; 1: it cannot be planned.",
		Example: "  starter plan specs/smart-energy/compose.yaml\n" +
			"  starter plan compose.yaml --why-not web rack-2   # or --why-not web=rack-2\n" +
			"  starter plan --json compose.yaml | jq '.matrix[] | {function, replica, box}'",
		Args: func(cmd *cobra.Command, args []string) error {
			if asked != "" && !strings.Contains(asked, "=") && len(args) == 2 {
				return nil
			}
			return words(1, 1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, why, err := readWhyNot(asked, args)
			if err != nil {
				return err
			}
			service, err := s.load(cmd.Context(), g, path)
			if err != nil {
				return err
			}
			if err := why.check(service); err != nil {
				return err
			}
			return g.with(cmd.Context(), func(ctx context.Context, c *temporal.Client) error {
				preview, err := c.PreviewOf(ctx, service, why.function)
				if err != nil {
					return err
				}
				if err := g.show(preview.Plan, path, why, asJSON); err != nil {
					return err
				}
				if preview.Plan.Changes() > 0 {
					return exit(exitChanges)
				}
				return nil
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with the matrix of functions and boxes")
	cmd.Flags().StringVar(&asked, "why-not", "", "FUNCTION BOX: only why the function is not on that box, or why it is")
	return cmd
}

// readWhyNot reads --why-not FUNCTION BOX, of which the flag's parser takes the function and leaves the box among
// the arguments, and --why-not FUNCTION=BOX.
func readWhyNot(asked string, args []string) (path string, why whyNot, err error) {
	path = args[0]
	if asked == "" {
		return path, why, nil
	}
	function, box, together := strings.Cut(asked, "=")
	if !together {
		if len(args) < 2 {
			return "", why, fmt.Errorf("--why-not %s names no box: write --why-not FUNCTION BOX", asked)
		}
		box = args[1]
		if !isFile(path) && isFile(box) { // the flag stood before the file
			path, box = box, path
		}
	}
	if function == "" || box == "" {
		return "", why, fmt.Errorf("--why-not %q is incomplete: write --why-not FUNCTION BOX", asked)
	}
	return path, whyNot{function, box}, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// check says whether there are such a function and such a box.
func (w whyNot) check(service spec.Service) error {
	if w == (whyNot{}) {
		return nil
	}
	var functions, boxes []string
	known := whyNot{}
	for i := range service.Functions {
		functions = append(functions, service.Functions[i].Name)
		if functions[i] == w.function {
			known.function = w.function
			if service.Functions[i].External != "" {
				return fmt.Errorf("%s is external: it runs at %s, and no box is chosen for it", w.function, service.Functions[i].External)
			}
		}
	}
	for i := range service.Boxes {
		boxes = append(boxes, service.Boxes[i].Name)
		if boxes[i] == w.box {
			known.box = w.box
		}
	}
	switch {
	case known.function == "":
		return fmt.Errorf("there is no function %q%s", w.function, spec.Suggest(w.function, functions))
	case known.box == "":
		return fmt.Errorf("there is no box %q%s", w.box, spec.Suggest(w.box, boxes))
	}
	return nil
}

// show writes a plan, or one answer out of it.
func (g *globals) show(made plan.Plan, path string, why whyNot, asJSON bool) error {
	switch {
	case asJSON:
		encoder := json.NewEncoder(g.system.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			plan.Plan
			Changes int        `json:"changes"`
			Matrix  []plan.Row `json:"matrix"`
		}{made, made.Changes(), rowsOf(made, why)})
	case why != whyNot{}:
		_, err := fmt.Fprintln(g.system.Out, made.WhyNot(why.function, why.box))
		return err
	}
	if _, err := fmt.Fprint(g.system.Out, made.Text(painter(g.system.Out, g.system.Environ))); err != nil {
		return err
	}
	if made.Changes() == 0 {
		return nil
	}
	_, err := fmt.Fprintf(g.system.Out, "exactly this: starter apply%s --plan-hash %s %s\n", g.elsewhere(), made.Hash, path)
	return err
}

// rowsOf are the rows of the matrix; of one answer only its cells.
func rowsOf(made plan.Plan, why whyNot) []plan.Row {
	all := made.Matrix()
	if why == (whyNot{}) {
		return all
	}
	var rows []plan.Row
	for _, row := range all {
		if row.Function != why.function {
			continue
		}
		var cells []plan.Cell
		for _, cell := range row.Cells {
			if cell.Box == why.box {
				cells = append(cells, cell)
			}
		}
		row.Cells = cells
		rows = append(rows, row)
	}
	return rows
}

// painter colours words on a terminal, unless NO_COLOR says otherwise (https://no-color.org); else nil.
func painter(out io.Writer, environ []string) plan.Paint {
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) || environment(environ)["NO_COLOR"] != "" {
		return nil
	}
	return paint
}

// paint uses the eight colours that every terminal has.
func paint(tone plan.Tone, text string) string {
	code := map[plan.Tone]string{plan.ToneGood: "32", plan.ToneBad: "31", plan.ToneNew: "36", plan.ToneFaint: "2"}[tone]
	if code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
