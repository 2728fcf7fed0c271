package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/overcloud/overcloud/edge/aircon"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// rulebook is the policy that holds for one room: the specification's, until an intent brings another one. The
// last one outlives a restart, so that an edge whose broker is away does not judge by numbers of long ago.
type rulebook struct {
	room, path string

	mu   sync.Mutex
	page page
}

// page is a policy with the revision of its intent; zero means the specification.
type page struct {
	Revision int64       `json:"revision"`
	Policy   spec.Policy `json:"policy"`
}

// newRulebook reads what an earlier process knew. An unreadable or impossible one is forgotten, and logged.
func newRulebook(dir string, r spec.Room) *rulebook {
	b := &rulebook{room: r.Name, path: filepath.Join(dir, "policy", r.Name+".json"), page: page{Policy: r.Policy}}
	data, err := os.ReadFile(b.path)
	if errors.Is(err, os.ErrNotExist) {
		return b
	}
	var known page
	if err == nil {
		err = json.Unmarshal(data, &known)
	}
	if err == nil {
		err = known.Policy.Validate()
	}
	if err != nil {
		slog.Warn("the policy of an earlier run is forgotten; the specification's holds", "room", r.Name, "error", err)
		return b
	}
	b.page = known
	return b
}

// policy is what holds now.
func (b *rulebook) policy() spec.Policy {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.page.Policy
}

// take takes the policy of an intent and says whether it differs from the one before. Errors: ErrInvalid for one
// that cannot be, and then the former one holds; the disk's, and then the new one holds until a restart.
func (b *rulebook) take(i wire.Intent) (changed bool, err error) {
	if len(i.Policy) == 0 {
		return false, nil
	}
	fresh := page{Revision: i.Revision}
	if err := json.Unmarshal(i.Policy, &fresh.Policy); err != nil {
		return false, fmt.Errorf("%w: the policy of room %s: %w", fault.ErrInvalid, b.room, err)
	}
	if err := fresh.Policy.Validate(); err != nil {
		return false, fmt.Errorf("the policy of room %s: %w", b.room, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if i.Revision <= b.page.Revision {
		return false, nil
	}
	changed = !fresh.Policy.Equal(b.page.Policy)
	first := b.page.Revision == 0
	b.page = fresh
	if !changed && !first {
		return false, nil // nothing that would be missed: a disk on an SD card is spared
	}
	data, err := json.Marshal(fresh)
	if err != nil {
		return changed, err
	}
	return changed, replace(b.path, data)
}

// intentsBack covers two publications of a quiet room's intent (each 12 h).
const intentsBack = 25 * time.Hour

// intent follows what the room's workflow wants: the policy, and what holds for machines whose command did not
// come here, because it has expired or what was ordered was lost with the disk.
func (a *agent) intent(ctx context.Context, r kafka.Record) {
	book, ours := a.books[string(r.Key)]
	if !ours {
		return
	}
	i, err := wire.Decode[wire.Intent](r.Value)
	if err == nil && i.Room != book.room {
		err = fmt.Errorf("it is for room %s", i.Room)
	}
	if err != nil {
		slog.WarnContext(ctx, "an intent is not understood", "room", book.room, "error", err)
		return
	}
	changed, err := book.take(i)
	if err != nil {
		slog.WarnContext(ctx, "a policy is not taken whole", "room", book.room, "error", err)
	}
	if changed {
		slog.InfoContext(ctx, "another policy holds", "room", book.room, "revision", i.Revision)
		for _, target := range a.actuators {
			if target.room.Name == book.room {
				bounds := target.bounds(book.policy())
				target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects { return m.Allow(now, bounds) })
			}
		}
	}
	for _, one := range i.ACs {
		target, here := a.actuators[i.Room+"/"+one.AC]
		if !here {
			continue
		}
		target.do(ctx, func(m *aircon.Machine, now time.Time) aircon.Effects {
			m.Intend(now, one.CommandRevision, one.Desired)
			return aircon.Effects{}
		})
	}
}
