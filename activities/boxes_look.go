package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// Secrets resolves references to values, on the worker. Errors: ErrSecret, whose text never holds a value.
type Secrets interface {
	Resolve(ctx context.Context, secret spec.Secret) ([]byte, error)
}

// Boxes runs containers on boxes. Workflows name its methods through a nil pointer:
//
//	var boxes *activities.Boxes
//	workflow.ExecuteActivity(ctx, boxes.Pull, activities.PullInput{…})
//
// Every method may be run again at any moment; each says what the second run does. Those that may outlast
// 30 s heartbeat once a second, so that a HeartbeatTimeout of 10 s finds a dead worker and a cancelled
// workflow reaches them.
type Boxes struct {
	Engines Engines
	Secrets Secrets
	// Registry, when set, is asked what an engine's words on a failed pull leave open.
	Registry Registry
	// Every is the pause between two looks of AwaitHealthy; zero is 250 ms.
	Every time.Duration
	// Settle is how long a container without a health check must run to count as up; zero is 1 s.
	Settle time.Duration
	// Stall is how long a pull may bring no byte before it is given up and tried again; zero is 2 min.
	Stall time.Duration
}

// ObserveInput names the box to look at.
type ObserveInput struct {
	Box spec.Box `json:"box"`
	// Disk asks for the free disk, for a plan that will bring images.
	Disk bool `json:"disk,omitempty"`
	// ProbeImage looks at the disk of an engine elsewhere; empty is the worker's own.
	ProbeImage string `json:"probe_image,omitempty"`
}

// Observe says what a box is and has now. A box that does not answer is a result, with Reachable false; only
// an engine address that can never work is an error (INVALID). A second run looks again.
func (b *Boxes) Observe(ctx context.Context, in ObserveInput) (plan.Box, error) {
	engine, err := b.Engines.Open(in.Box)
	if err != nil {
		return plan.Box{}, Fault(fmt.Errorf("observe box %s: %w", in.Box.Name, err))
	}
	defer beat(ctx, nil)()
	seen := engine.Observe(ctx)
	if in.Disk && seen.Reachable && seen.FreeDisk < 0 {
		seen.FreeDisk = engine.FreeDisk(ctx, in.ProbeImage)
	}
	if err := ctx.Err(); err != nil {
		return plan.Box{}, err // else a cancelled look would say that the box is gone
	}
	seen.Name = in.Box.Name
	return seen, nil
}

// ListInput asks for a service's containers on one box.
type ListInput struct {
	Box     spec.Box `json:"box"`
	Service string   `json:"service"`
}

// ListResult is what a box has of a service. Reachable false means that nobody knows.
type ListResult struct {
	Reachable  bool             `json:"reachable"`
	Fault      string           `json:"fault,omitempty"`
	Containers []plan.Container `json:"containers,omitempty"`
}

// List finds the containers of a service on a box, running or not. A second run looks again.
func (b *Boxes) List(ctx context.Context, in ListInput) (ListResult, error) {
	seen, err := b.Observe(ctx, ObserveInput{Box: in.Box})
	if err != nil {
		return ListResult{}, err
	}
	result := ListResult{Reachable: seen.Reachable, Fault: seen.Fault}
	for _, container := range seen.Containers {
		if container.Service == in.Service {
			result.Containers = append(result.Containers, container)
		}
	}
	return result, nil
}

// open opens the box's engine; the error is ready to be returned.
func (b *Boxes) open(box spec.Box) (Engine, error) {
	engine, err := b.Engines.Open(box)
	if err != nil {
		return nil, Fault(fmt.Errorf("open box %s: %w", box.Name, err))
	}
	return engine, nil
}

// lastLines are a container's last words for an error text, without the values of its secrets; empty when
// nobody can say.
func lastLines(ctx context.Context, engine Engine, container string, hide map[string][]byte) string {
	const lines, mostBytes = 10, 2048
	text, err := engine.Logs(ctx, container, lines)
	if err != nil {
		return ""
	}
	text = strings.TrimSpace(redact(text, hide))
	if len(text) > mostBytes {
		text = "…" + strings.ToValidUTF8(text[len(text)-mostBytes:], "")
	}
	return text
}

// redact replaces the values of secrets, by name, and the lines of those that have several: a tail of a log may begin in
// the middle of a key. Longer ones go first, so that one which begins like another leaves no tail. What is under 4 bytes
// would blank out half of any text and is left.
func redact(text string, hide map[string][]byte) string { return blanker(hide).Replace(text) }

// blanker is redact for many texts. It also knows the values as they stand in JSON, which most logs are.
func blanker(hide map[string][]byte) *strings.Replacer {
	const least = 4
	type hidden struct{ words, name string }
	var all []hidden
	for name, value := range hide {
		whole := strings.TrimSpace(string(value))
		words := []string{whole}
		for line := range strings.Lines(whole) {
			words = append(words, strings.TrimSpace(line))
		}
		for _, word := range words {
			all = append(all, hidden{word, name})
			if quoted, err := json.Marshal(word); err == nil {
				all = append(all, hidden{string(quoted[1 : len(quoted)-1]), name})
			}
		}
	}
	slices.SortFunc(all, func(a, b hidden) int {
		return cmp.Or(cmp.Compare(len(b.words), len(a.words)), cmp.Compare(a.name, b.name), cmp.Compare(a.words, b.words))
	})
	var pairs []string
	for _, one := range all {
		if len(one.words) >= least {
			pairs = append(pairs, one.words, "[secret "+one.name+"]")
		}
	}
	return strings.NewReplacer(pairs...)
}
