package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/overcloud/overcloud/internal/spec"
)

// replicasMost bounds the replicas of one function: more is a slip of the finger in a small data centre.
const replicasMost = 100

// ScheduleLeast is the shortest interval of reconciling: it looks at every box and proves every connection.
const ScheduleLeast = 10 * time.Second

// SpecificationMost is how long a specification may be as JSON, bytes. Temporal takes inputs up to 2 MiB; a stitch
// gets the specification, its plan and the plan before, each about as long.
const SpecificationMost = 512 << 10

// Check joins all that is wrong with a normalised specification. The Compose file was checked, with lines,
// before it was rendered; this is for those who start or update a workflow by hand.
func Check(service spec.Service) error {
	var faults []error
	fault := func(format string, values ...any) { faults = append(faults, fmt.Errorf(format, values...)) }
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`).MatchString(service.Name) {
		fault("name %q is not lower-case letters, digits, - and _ (at most 63)", service.Name)
	}
	if len(service.Functions) == 0 {
		fault("it has no functions")
	}
	boxes, functions := names{}, names{}
	for _, box := range service.Boxes {
		faults = append(faults, boxes.add("box", box.Name))
		if box.Engine == "" {
			fault("box %s has no engine address", box.Name)
		}
	}
	for _, function := range service.Functions {
		faults = append(faults, functions.add("function", function.Name))
	}
	faults = append(faults, checkRooms(service)...)
	faults = append(faults, checkSwarm(service)...)
	for _, function := range service.Functions {
		faults = append(faults, checkFunction(function, functions)...)
		if function.External == "" && len(service.Boxes) == 0 {
			fault("function %s needs a box and there is none", function.Name)
		}
	}
	for _, step := range service.Approvals {
		function, start := strings.CutPrefix(step, "start/")
		if step != "place" && step != "stitch" && (!start || !functions[function]) {
			fault("approval of %q: write place, stitch or start/<function>", step)
		}
	}
	if every := service.Schedule.D(); every != 0 && every < ScheduleLeast {
		fault("schedule %s is too short: %s is the least", every, ScheduleLeast)
	}
	if text, err := json.Marshal(service); err != nil || len(text) > SpecificationMost {
		fault("it is %d KiB long as JSON and %d KiB is the most: keep long values in files, secrets or images", len(text)>>10, SpecificationMost>>10)
	}
	return oneLine(faults)
}

// length is how long a value is as JSON, bytes.
func length(v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		return 0 // it came as JSON
	}
	return len(text)
}

// verdict is what Check said when the workflow began, empty when it found nothing: kept in its history, so that a
// stricter Check of a later release does not end services that run.
func verdict(ctx workflow.Context, service spec.Service) (fault string) {
	value := workflow.SideEffectWithOptions(ctx, workflow.SideEffectOptions{Summary: "check the specification"}, func(workflow.Context) any {
		if err := Check(service); err != nil {
			return err.Error()
		}
		return ""
	})
	if err := value.Get(&fault); err != nil {
		return "its verdict is not readable: " + err.Error()
	}
	return fault
}

// checkRooms finds what a tuning would refuse: it would end at once, and its room with nobody to look after it.
func checkRooms(service spec.Service) (faults []error) {
	rooms := names{}
	for _, room := range service.Rooms {
		if room.Policy.IsZero() {
			room.Policy = spec.DefaultPolicy()
		}
		faults = append(faults, rooms.add("room", room.Name))
		if err := checkRoom(room, room.Name); err != nil && room.Name != "" {
			faults = append(faults, fmt.Errorf("room %s: %s", room.Name, sentence(err)))
		}
	}
	return faults
}

func checkFunction(function spec.Function, known names) []error {
	var faults []error
	fault := func(format string, values ...any) { faults = append(faults, fmt.Errorf(format, values...)) }
	if function.Image == "" && function.External == "" && len(function.Candidates) == 0 {
		fault("function %s has no image", function.Name)
	}
	if function.Replicas < 0 || function.Replicas > replicasMost {
		fault("function %s: replicas %d is not 0 to %d", function.Name, function.Replicas, replicasMost)
	}
	for _, dependency := range function.DependsOn {
		if !known[dependency.Function] {
			fault("function %s depends on %q, which does not exist", function.Name, dependency.Function)
		}
	}
	for _, edge := range function.Consumes {
		if !known[edge.Function] {
			fault("function %s consumes %q, which does not exist", function.Name, edge.Function)
		}
	}
	return faults
}

// names are those already taken.
type names map[string]bool

func (n names) add(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a %s has no name", kind)
	case n[name]:
		return fmt.Errorf("%s %s is there twice", kind, name)
	}
	n[name] = true
	return nil
}

// oneLine joins faults with semicolons: they end in one sentence of an update's refusal.
func oneLine(faults []error) error {
	faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil })
	if len(faults) == 0 {
		return nil
	}
	texts := make([]string, len(faults))
	for i, err := range faults {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}
