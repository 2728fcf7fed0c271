package anomaly

import (
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// nic is one interface that has had errors or discards.
type nic struct {
	seen             time.Time
	errors, discards packets
	totals           *wire.Totals
}

func (b *box) takeInterfaces(interfaces []wire.Interface, at time.Time) {
	for _, i := range interfaces {
		if i.Name == "lo" || strings.HasPrefix(i.Name, "veth") {
			continue // what a container's end throws away is no fault of the box
		}
		n := b.nics[i.Name]
		failed, discarded := n.rates(i, at)
		if n == nil {
			if failed <= 0 && discarded <= 0 && i.Totals == nil || len(b.nics) >= mostInterfaces {
				continue
			}
			n = &nic{}
			b.nics[i.Name] = n
		}
		n.seen, n.totals = at, i.Totals
		if failed >= 0 {
			n.errors.take(failed, at)
		}
		if discarded >= 0 {
			n.discards.take(discarded, at)
		}
	}
	for name, n := range b.nics {
		quiet := n.totals == nil && n.errors.value < 1e-4 && n.discards.value < 1e-4
		if quiet || at.Sub(n.seen) > goneAfter {
			delete(b.nics, name)
		}
	}
}

// rates are errors and discards per second, both ways; negative when unknown.
func (n *nic) rates(i wire.Interface, at time.Time) (failed, discarded float64) {
	if t := i.Totals; t != nil {
		if n == nil || n.totals == nil || !at.After(n.seen) {
			return -1, -1
		}
		passed, was := at.Sub(n.seen).Seconds(), n.totals
		return perSecond(passed, sum(t.InErrors, t.OutErrors), sum(was.InErrors, was.OutErrors)),
			perSecond(passed, sum(t.InDiscards, t.OutDiscards), sum(was.InDiscards, was.OutDiscards))
	}
	return sum(i.InErrors, i.OutErrors), sum(i.InDiscards, i.OutDiscards)
}

// perSecond is unknown (-1) where a counter fell: it wrapped or was reset.
func perSecond(seconds, now, before float64) float64 {
	if now < 0 || before < 0 || now < before {
		return -1
	}
	return (now - before) / seconds
}

// sum is -1 when both are unknown.
func sum(a, b *float64) float64 {
	switch {
	case a == nil && b == nil:
		return -1
	case a == nil:
		return *b
	case b == nil:
		return *a
	}
	return *a + *b
}
