package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/child"
)

// BoxStatus is a box as others see it.
type BoxStatus struct {
	Name    string         `json:"name"`
	Engine  string         `json:"engine"`
	Address string         `json:"address"`
	TLS     string         `json:"tls,omitempty"`
	Init    child.Identity `json:"init"` // the first process of its namespaces
}

// RegistryStatus is a registry as others see it.
type RegistryStatus struct {
	Variant string `json:"variant"`
	URL     string `json:"url"`
}

// Status is a lab on this machine.
type Status struct {
	Name       string
	Folder     string
	CAFile     string
	OwnerPID   int
	Alive      bool // its owner still runs
	Ready      bool
	Started    time.Time
	Boxes      []BoxStatus
	Registries []RegistryStatus
}

// List gives every lab on this machine, dead ones too.
func List() ([]Status, error) {
	all, err := readAll()
	if err != nil {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	var labs []Status
	for _, s := range all {
		labs = append(labs, Status{
			Name: s.Name, Folder: s.Number.folder(), CAFile: s.CAFile, OwnerPID: s.Owner.PID, Alive: s.Owner.Alive(),
			Ready: s.Ready, Started: s.Started, Boxes: s.Boxes, Registries: s.Registries,
		})
	}
	return labs, nil
}

// Down takes a lab down from outside: its owner is asked to (SIGTERM), killed when it does not, and everything
// is removed. Dead labs are swept on the way. An unknown name is an error that lists the known ones.
func Down(ctx context.Context, name string) error {
	all, err := readAll()
	if err != nil {
		return fmt.Errorf("take lab %s down: %w", name, err)
	}
	var names []string
	for _, one := range all {
		names = append(names, one.Name)
		if one.Name != name {
			continue
		}
		if err := endOwner(ctx, one.Owner); err != nil {
			return fmt.Errorf("take lab %s down: %w", name, err)
		}
		return Sweep(ctx)
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no lab %s, nor any other", name)
	}
	return fmt.Errorf("there is no lab %s; there are %s", name, strings.Join(names, ", "))
}

// Sweep removes what labs have left whose owner is dead.
func Sweep(ctx context.Context) error {
	unlock, err := lockRoot(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = sweep(ctx)
	return err
}

// endOwner asks a process to end, then makes it.
func endOwner(ctx context.Context, owner child.Identity) error {
	if owner.PID == os.Getpid() {
		return errors.New("it is run by this very process, which must close it")
	}
	if err := owner.Signal(unix.SIGTERM); err != nil {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if awaitGone(patient, owner) == nil {
		return nil
	}
	if err := owner.Signal(unix.SIGKILL); err != nil {
		return err
	}
	return awaitGone(ctx, owner)
}

func awaitGone(ctx context.Context, process child.Identity) error {
	const pause = 20 * time.Millisecond
	for process.Alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for process %d to end: %w", process.PID, ctx.Err())
		case <-time.After(pause):
		}
	}
	return nil
}
