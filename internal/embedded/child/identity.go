package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Identity names one process beyond the recycling of its pid: no two processes share all three.
type Identity struct {
	PID int `json:"pid"`
	// Start is when it started, in clock ticks since boot (field 22 of /proc/<pid>/stat).
	Start uint64 `json:"start"`
	// Boot is the kernel's boot id: ticks count anew after each boot.
	Boot string `json:"boot"`
}

// IdentityOf reads the identity of a living process or zombie.
func IdentityOf(pid int) (Identity, error) {
	stat, err := ReadStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Start: stat.Start, Boot: boot}, nil
}

// Alive reports whether this very process still runs (a zombie does not).
func (id Identity) Alive() bool {
	if id.PID <= 0 {
		return false
	}
	boot, err := bootID()
	if err != nil || boot != id.Boot {
		return false
	}
	stat, err := ReadStat(id.PID)
	return err == nil && stat.Start == id.Start && stat.State != 'Z' && stat.State != 'X'
}

// Signal is sent to this very process: the pidfd is opened before the start time is compared, so a recycled
// pid is never hit. One that is gone is no error.
func (id Identity) Signal(signal syscall.Signal) error {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", id.PID, err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	if !id.Alive() {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", signal, id.PID, err)
	}
	return nil
}

func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	return string(bytes.TrimSpace(text)), nil
}

// Stat is what /proc tells about a process.
type Stat struct {
	PID     int
	Command string
	State   byte
	Parent  int
	Group   int
	// UserTicks and SystemTicks are processor time, Start is since boot; in clock ticks, 100 a second.
	UserTicks, SystemTicks, Start uint64
	// ResidentBytes is the memory in RAM.
	ResidentBytes uint64
}

// Ticks is how many clock ticks the kernel counts a second in /proc; a constant of every Linux ABI that Go
// runs on.
const Ticks = 100

// ReadStat reads /proc/<pid>/stat.
func ReadStat(pid int) (Stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Stat{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	// The command may itself hold spaces and brackets; the last bracket ends it.
	open, shut := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || shut < open {
		return Stat{}, fmt.Errorf("read process %d: no command in its stat", pid)
	}
	fields := strings.Fields(string(text[shut+1:])) // fields[0] is field 3 of the manual page
	if len(fields) < 22 {
		return Stat{}, fmt.Errorf("read process %d: %d fields in its stat", pid, len(fields)+2)
	}
	stat := Stat{PID: pid, Command: string(text[open+1 : shut]), State: fields[0][0]}
	var pages uint64
	for _, f := range []struct {
		index int
		into  any
	}{{1, &stat.Parent}, {2, &stat.Group}, {11, &stat.UserTicks}, {12, &stat.SystemTicks}, {19, &stat.Start}, {21, &pages}} {
		if _, err := fmt.Sscan(fields[f.index], f.into); err != nil {
			return Stat{}, fmt.Errorf("read process %d: field %d: %w", pid, f.index+3, err)
		}
	}
	stat.ResidentBytes = pages * uint64(os.Getpagesize())
	return stat, nil
}

// List reads the stat of every process that can be read; those that end meanwhile are left out.
func List() ([]Stat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var stats []Stat
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if stat, err := ReadStat(pid); err == nil {
			stats = append(stats, stat)
		}
	}
	return stats, nil
}
