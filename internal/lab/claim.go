package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/embedded/child"
)

// Root holds a folder for each lab, named by its number. /var/tmp is on a real disk where /tmp may be memory.
const Root = "/var/tmp/overcloud-lab"

// mostLabs is how many fit: lab N has 10.77.N.0/24.
const mostLabs = 256

// state is what a lab writes about itself, so that others can see it and sweep it: <Root>/<number>/lab.json.
// Nothing of the lab is made before this file is there.
type state struct {
	Name    string         `json:"name"`
	Number  number         `json:"number"`
	Owner   child.Identity `json:"owner"` // the process that runs it
	Started time.Time      `json:"started"`
	Ready   bool           `json:"ready"` // all engines have answered
	Boxes   []BoxStatus    `json:"boxes"`
	// Registries are host:port by variant: open, locked, plain, mirror.
	Registries []RegistryStatus `json:"registries"`
	CAFile     string           `json:"ca_file"`
}

// number is a lab's own: all its names and addresses come from it.
type number int

func (n number) folder() string { return filepath.Join(Root, strconv.Itoa(int(n))) }
func (n number) bridge() string { return fmt.Sprintf("ovl%d", n) }
func (n number) cgroup() string { return fmt.Sprintf("overcloud-lab-%d", n) }
func (n number) subnet() string { return fmt.Sprintf("10.77.%d.0/24", n) }
func (n number) address(host int) string {
	return fmt.Sprintf("10.77.%d.%d", n, host)
}

// port is the name of a box's network namespace and of its cable's end on the bridge.
func (n number) port(box int) string { return fmt.Sprintf("%sb%d", n.bridge(), box) }

func (s state) write() error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.Number.folder(), "lab.json")
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// claim takes a free number under the lock of Root, sweeping dead labs first.
func claim(ctx context.Context, o Options) (state, error) {
	unlock, err := lockRoot(ctx)
	if err != nil {
		return state{}, err
	}
	defer unlock()
	alive, err := sweep(ctx)
	if err != nil {
		return state{}, err
	}
	for _, other := range alive {
		if other.Name == o.Name {
			return state{}, fmt.Errorf("a lab of that name is up already (process %d)", other.Owner.PID)
		}
	}
	owner, err := child.IdentityOf(os.Getpid())
	if err != nil {
		return state{}, err
	}
	taken, err := takenSubnets()
	if err != nil {
		return state{}, err
	}
	for n := range number(mostLabs) {
		mine := state{Name: o.Name, Number: n, Owner: owner, Started: time.Now()}
		if slices.Contains(taken, n.subnet()) {
			continue
		}
		switch err := os.Mkdir(n.folder(), 0o755); {
		case errors.Is(err, os.ErrExist):
			continue
		case err != nil:
			return state{}, err
		}
		// A command of the number's last lab may have outlived its sweep by a moment.
		return mine, errors.Join(removeNetwork(ctx, n), noteNetns(), mine.write())
	}
	return state{}, errors.New("every network of 10.77.0.0/16 is taken")
}

// takenSubnets lists the /24s around every address of this machine: also those of things that are no lab.
func takenSubnets() ([]string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var taken []string
	for _, one := range addresses {
		if network, ok := one.(*net.IPNet); ok && network.IP.To4() != nil {
			ip := network.IP.To4()
			taken = append(taken, fmt.Sprintf("%d.%d.%d.0/24", ip[0], ip[1], ip[2]))
		}
	}
	return taken, nil
}

// sweep takes down every lab whose owner is dead, and gives those that live. The lock is held.
func sweep(ctx context.Context) (alive []state, err error) {
	all, err := readAll()
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Owner.Alive() {
			alive = append(alive, one)
			continue
		}
		if err := teardown(ctx, one); err != nil {
			return nil, fmt.Errorf("sweep the dead lab %s: %w", one.Name, err)
		}
	}
	return alive, nil
}

// readAll reads every lab's state, oldest number first. A folder without a readable one belongs to a lab that
// was killed while it was claimed: it has no owner, and so is dead.
func readAll() ([]state, error) {
	entries, err := os.ReadDir(Root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []state
	for _, entry := range entries {
		n, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		one := state{Name: "of number " + entry.Name()}
		if text, err := os.ReadFile(filepath.Join(Root, entry.Name(), "lab.json")); err == nil {
			if err := json.Unmarshal(text, &one); err != nil {
				one = state{Name: "of number " + entry.Name()}
			}
		}
		one.Number = number(n)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b state) int { return int(a.Number - b.Number) })
	return all, nil
}

// lockRoot makes Root and holds its lock: an flock on the folder itself, so that no lock file stays behind.
func lockRoot(ctx context.Context) (unlock func(), err error) {
	for {
		if err := os.MkdirAll(Root, 0o755); err != nil {
			return nil, err
		}
		folder, err := os.Open(Root)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := flock(ctx, folder); err != nil {
			folder.Close()
			return nil, fmt.Errorf("wait for the lock of %s: %w", Root, err)
		}
		mine, err1 := folder.Stat()
		now, err2 := os.Stat(Root)
		if err1 == nil && err2 == nil && os.SameFile(mine, now) {
			return func() {
				os.Remove(Root) //nolint:errcheck // it stays while it holds a lab
				folder.Close()
			}, nil
		}
		folder.Close() // the last lab went and took it away while we waited
	}
}

func flock(ctx context.Context, file *os.File) error {
	const pause = 20 * time.Millisecond
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
