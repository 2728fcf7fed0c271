package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// run runs a system program and gives its words as the error.
func run(ctx context.Context, program string, args ...string) error {
	_, err := output(ctx, program, args...)
	return err
}

func output(ctx context.Context, program string, args ...string) (string, error) {
	path, err := lookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	var out, fault bytes.Buffer
	command := exec.CommandContext(ctx, path, args...)
	command.Stdout, command.Stderr = &out, &fault
	// It dies with its lab: what it made after the sweep of a killed one would be nobody's. The signal comes when the
	// thread ends that started it, so that thread is kept.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(fault.String()))
	}
	return out.String(), nil
}

// ip runs several ip commands, one a line, until one fails.
func ip(ctx context.Context, script string) error {
	for line := range strings.Lines(script) {
		if fields := strings.Fields(line); len(fields) > 0 {
			if err := run(ctx, "ip", fields...); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeNetwork makes the bridge and lets its boxes through this machine's firewall: with bridge-nf-call-iptables
// frames between boxes pass FORWARD, whose policy a Docker engine of this machine sets to DROP. Boxes reach each
// other and this machine, and nothing else: they have no default route.
func (l *Lab) makeNetwork(ctx context.Context) error {
	bridge := l.number.bridge()
	script := fmt.Sprintf(`
		link add %[1]s type bridge
		address add %[2]s/24 dev %[1]s
		link set %[1]s up`, bridge, l.number.address(1))
	if err := ip(ctx, script); err != nil {
		return fmt.Errorf("make the bridge: %w", err)
	}
	for _, rule := range [][]string{{"INPUT", "-i", bridge}, {"FORWARD", "-i", bridge, "-o", bridge}} {
		args := append([]string{"-w", "-I"}, rule...)
		if err := run(ctx, "iptables", append(args, "-j", "ACCEPT")...); err != nil {
			return fmt.Errorf("open the firewall: %w", err)
		}
	}
	return nil
}

// plug gives a box a new network namespace with one cable to the bridge. The hardware address stays the same
// over reboots, so that nobody's neighbour table is wrong afterwards.
func (l *Lab) plug(ctx context.Context, b *box) error {
	l.plugging.Lock() // the first "ip netns add" of a machine mounts /run/netns, and two at once trip over it
	defer l.plugging.Unlock()
	if err := l.unplug(ctx, b); err != nil {
		return err
	}
	script := fmt.Sprintf(`
		netns add %[1]s
		link add %[1]s type veth peer name eth0 address 02:4f:56:%02[2]x:00:%02[3]x netns %[1]s
		link set %[1]s master %[4]s up
		-n %[1]s address add %[5]s/24 dev eth0
		-n %[1]s link set lo up
		-n %[1]s link set eth0 up`, b.port, l.number, b.number, l.number.bridge(), b.spec.Address)
	if err := ip(ctx, script); err != nil {
		return fmt.Errorf("plug %s in: %w", b.spec.Name, err)
	}
	return nil
}

func (l *Lab) unplug(ctx context.Context, b *box) error {
	has, err := deviceExists(b.port)
	if err == nil && has {
		err = ip(ctx, "link delete "+b.port)
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(netnsFolder, b.port)); err == nil {
		return ip(ctx, "netns delete "+b.port)
	}
	return nil
}

// Cut pulls a box's network cable: frames get lost in both directions, without a word to anybody.
func (l *Lab) Cut(ctx context.Context, boxName string) error { return l.cable(ctx, boxName, "down") }

// Join plugs the cable of a cut box in again.
func (l *Lab) Join(ctx context.Context, boxName string) error { return l.cable(ctx, boxName, "up") }

func (l *Lab) cable(ctx context.Context, boxName, upOrDown string) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	return run(ctx, "ip", "link", "set", b.port, upOrDown)
}

// Slow lets at most bytesPerSecond travel towards a box, its pulls for example; 0 takes the limit away. A reboot
// of the box does too.
func (l *Lab) Slow(ctx context.Context, boxName string, bytesPerSecond int64) error {
	b, err := l.box(boxName)
	if err != nil {
		return err
	}
	if bytesPerSecond == 0 {
		return run(ctx, "tc", "qdisc", "delete", "dev", b.port, "root")
	}
	// The burst must hold a whole 64 KiB segment; 50 ms of buffer are what a small router has.
	burst := max(bytesPerSecond/20, 64<<10)
	return run(ctx, "tc", "qdisc", "replace", "dev", b.port, "root", "tbf",
		"rate", strconv.FormatInt(bytesPerSecond*8, 10), "burst", strconv.FormatInt(burst, 10), "latency", "50ms")
}
