package fakes

import (
	"context"
	"fmt"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
)

// FindOut says what Inquire finds on a box; without it every link holds and the disk is the box's FreeDisk. A
// lost box is one that cannot be dialled.
func (e *Engines) FindOut(boxName string, evidence activities.Evidence) {
	e.change(boxName, func(b *box) { b.evidence = &evidence })
}

// Inquire implements activities.Engine. Log line: inquire BOX REPOSITORY.
func (n *Engine) Inquire(ctx context.Context, pull plan.Pull, from activities.Source) activities.Evidence {
	found := activities.Evidence{Asked: true}
	call := Call{Method: "Inquire", Box: n.name, Subject: pull.Image}
	err := n.all.enter(ctx, call, func(b *box) error {
		n.all.Add("inquire %s %s", n.name, from.Repository)
		found.FreeDisk = b.seen.FreeDisk
		if b.evidence != nil {
			found = *b.evidence
		}
		return nil
	})
	if err != nil {
		return activities.Evidence{Dial: fmt.Errorf("dial tcp: connect: connection refused: %w", fault.ErrUnreachable), FreeDisk: -1}
	}
	return found
}

// FreeDisk implements activities.Engine.
func (n *Engine) FreeDisk(ctx context.Context, _ string) int64 {
	free := int64(-1)
	err := n.all.enter(ctx, Call{Method: "FreeDisk", Box: n.name}, func(b *box) error {
		free = b.seen.FreeDisk
		return nil
	})
	if err != nil {
		return -1
	}
	return free
}
