package follow

import (
	"regexp"
	"strings"

	"github.com/overcloud/overcloud/workflows"
)

// title is a step's title for a screen: images without the registry, which the plan names.
func title(step workflows.Step) string {
	switch kind, _, _ := strings.Cut(step.ID, "/"); kind {
	case "plan":
		return "choose boxes" // its headline says the rest
	case "pull", "resolve":
		return regexp.MustCompile(`(^| )[\w-]+(\.[\w-]+)*(:\d+|\.[\w-]+)/`).ReplaceAllString(step.Title, "$1")
	}
	return step.Title
}

// detail is what came out of a step, without what its title says already.
func detail(step workflows.Step) string {
	text := Brief(step.Detail)
	switch {
	case strings.HasPrefix(step.Title, "create ") && text == "not there":
		return ""
	case strings.HasPrefix(text, "specification hash changed "):
		return "its specification changed"
	case step.ID == "plan" && step.State == workflows.StepDone:
		return "plan " + text
	}
	return strings.TrimPrefix(text, Brief(step.Title)+": ")
}

// tail is what stands before the last lines of a container's log in a fault.
const tail = "; its last lines:"

// Brief makes a fault shorter for people: digests of 12 digits, the last line of a log for all of it, no
// address of a request (who was asked is named before it), and nothing twice. The whole is in the workflow's history, and the log with the box.
func Brief(fault string) string {
	if head, log, found := strings.Cut(fault, tail); found {
		lines := strings.Split(strings.TrimSpace(log), "\n")
		fault = head + "; its last words: " + strings.TrimSpace(lines[len(lines)-1])
	}
	if said, rest, _ := strings.Cut(fault, ": "); strings.HasPrefix(rest, said+": ") {
		fault = rest // two layers say what was being done to what
	}
	fault = regexp.MustCompile(`(GET|HEAD) https?://\S+: `).ReplaceAllString(fault, "")
	return regexp.MustCompile(`sha256:([0-9a-f]{12})[0-9a-f]{52}`).ReplaceAllString(fault, "sha256:$1")
}
