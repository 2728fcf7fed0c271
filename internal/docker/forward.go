package docker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// forwardSuffix is what a forwarder's name adds to its consumer's.
const forwardSuffix = "-forward"

// forwarder is a helper that is wanted. See docs/decisions/0010-forwarders.md for its two ways to be found.
type forwarder struct {
	name, hash string
	alias      string // the provider's name on the consumer's networks; empty: it is in the consumer's namespace
	consumer   string // the ID of the container whose namespace it is in; empty: it has its own
	passages   []string
}

// forwardersOf are those of a placement: one for each provider, with the provider's name, on the networks of the
// consumer; for a consumer without networks, where names are not resolved, one in its own network namespace.
func forwardersOf(p plan.Placement, consumer, called, image string) []forwarder {
	if len(p.Forwards) == 0 {
		return nil
	}
	if len(p.Networks) == 0 {
		one := forwarder{name: called + forwardSuffix, consumer: consumer}
		for _, f := range p.Forwards {
			one.passages = append(one.passages, f.Listen+"="+f.To)
		}
		return []forwarder{one.hashed(image, nil)}
	}
	var all []forwarder
	for _, f := range p.Forwards {
		host, port, err := net.SplitHostPort(f.Listen)
		if err != nil {
			continue // the plan makes none like it
		}
		alias := nameFor(p, host)
		at := slices.IndexFunc(all, func(one forwarder) bool { return one.alias == alias })
		if at < 0 {
			all = append(all, forwarder{name: p.Container + forwardSuffix + "-" + alias, alias: alias})
			at = len(all) - 1
		}
		all[at].passages = append(all[at].passages, "0.0.0.0:"+port+"="+f.To)
	}
	for i := range all {
		all[i] = all[i].hashed(image, p.Networks)
	}
	return all
}

// hashed names what a forwarder does, where and for whom.
func (f forwarder) hashed(image string, networks []string) forwarder {
	sum := sha256.Sum256([]byte(strings.Join(slices.Concat([]string{f.alias, f.consumer, image}, networks, f.passages), "\n")))
	f.hash = hex.EncodeToString(sum[:])[:16]
	return f
}

// nameFor is the provider that the plan's extra hosts give a listening address; the address itself when there is none.
func nameFor(p plan.Placement, host string) string {
	for _, entry := range p.ExtraHosts {
		if name, address, found := strings.Cut(entry, ":"); found && address == host {
			return name
		}
	}
	return host
}

// extraHosts are those of a placement that are still needed: a name that a forwarder has on the consumer's networks is
// found there.
func extraHosts(p plan.Placement) []string {
	if len(p.Networks) == 0 || len(p.Forwards) == 0 {
		return p.ExtraHosts
	}
	return slices.DeleteFunc(slices.Clone(p.ExtraHosts), func(entry string) bool {
		_, address, _ := strings.Cut(entry, ":")
		return slices.ContainsFunc(p.Forwards, func(f plan.Forward) bool { return strings.HasPrefix(f.Listen, address+":") })
	})
}

// EnsureForwards implements activities.Engine. The consumer runs for a moment before its forwarders do; programs try
// again when a provider is not there yet, as they must when it restarts.
func (e *Engine) EnsureForwards(ctx context.Context, service, consumer string, p plan.Placement, image string) error {
	pause := firstPause
	for look := 1; ; look++ {
		err := e.ensureForwards(ctx, service, consumer, p, cmp.Or(image, e.options.ProbeImage))
		if !errdefs.IsConflict(err) || look == looks {
			return classify(ctx, err)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *Engine) ensureForwards(ctx context.Context, service, name string, p plan.Placement, image string) error {
	consumer, err := e.api.ContainerInspect(ctx, name)
	if err != nil {
		return err
	}
	if consumer.ContainerJSONBase == nil || consumer.State == nil {
		return fmt.Errorf("engine said nothing of the state of %s: %w", name, fault.ErrRejected)
	}
	wanted := forwardersOf(p, consumer.ID, strings.TrimPrefix(consumer.Name, "/"), image)
	have, err := e.forwarders(ctx, service, p.Function, strconv.Itoa(p.Replica))
	if err != nil {
		return err
	}
	if err := e.clear(ctx, unwanted(have, wanted, p, consumer.ID), 0); err != nil || len(wanted) == 0 {
		return err
	}
	if !consumer.State.Running {
		return fmt.Errorf("%s does not run, so no port can be passed on to it: %w", name, fault.ErrRejected)
	}
	for _, one := range wanted {
		at := slices.IndexFunc(have, func(h container.Summary) bool { return h.Labels[LabelForwards] == one.hash })
		if at < 0 {
			err = e.startForwarder(ctx, service, one, image, p)
		} else {
			err = e.freshen(ctx, service, have[at], one, image, p, consumer.State)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forwarders are the helpers of a replica that pass on ports.
func (e *Engine) forwarders(ctx context.Context, service, function, replica string) ([]container.Summary, error) {
	match := ofService(service)
	match.Add("label", LabelHelper+"="+HelperForward)
	match.Add("label", LabelFunction+"="+function)
	match.Add("label", LabelReplica+"="+replica)
	return e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
}

// unwanted are helpers that do what nobody asks for. While a replacement runs beside its old container, that one's own
// is left alone.
func unwanted(have []container.Summary, wanted []forwarder, p plan.Placement, consumer string) []container.Summary {
	return slices.DeleteFunc(slices.Clone(have), func(one container.Summary) bool {
		anothers := one.Labels[LabelConsumer] != "" && one.Labels[LabelConsumer] != consumer
		return p.Order == spec.OrderStartFirst && anothers ||
			slices.ContainsFunc(wanted, func(f forwarder) bool { return one.Labels[LabelForwards] == f.hash })
	})
}

// freshen sees to it that a forwarder runs, under its name, and in the network namespace that its consumer has now:
// each start of a container makes a new one.
func (e *Engine) freshen(ctx context.Context, service string, one container.Summary, wanted forwarder, image string, p plan.Placement, consumer *container.State) error {
	if one.State == container.StateCreated { // of a worker that died before it had joined all its networks
		if err := e.take(ctx, one.ID, true); err != nil {
			return err
		}
		return e.startForwarder(ctx, service, wanted, image, p)
	}
	if have := nameOf(one); have != wanted.name { // its consumer has been renamed since
		if err := e.rename(ctx, one.ID, have, wanted.name); err != nil {
			return err
		}
	}
	helper, err := e.api.ContainerInspect(ctx, one.ID)
	if err != nil {
		return err
	}
	running := helper.ContainerJSONBase != nil && helper.State != nil && helper.State.Running
	if running && (wanted.consumer == "" || !startedAt(helper.State).Before(startedAt(consumer))) {
		return nil
	}
	return e.api.ContainerRestart(ctx, one.ID, container.StopOptions{Timeout: new(int)})
}

// startedAt is when a container was started; the zero time when its engine does not say.
func startedAt(state *container.State) time.Time {
	at, err := time.Parse(time.RFC3339Nano, state.StartedAt)
	if err != nil {
		return time.Time{}
	}
	return at
}
