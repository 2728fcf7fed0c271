package activities

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// address looks whether the engine's address has a name that resolves and a port that answers.
func (e *examination) address(ctx context.Context) {
	box := e.in.Box
	network, where := reachedAt(box)
	conn, err := dial(ctx, network, where)
	if err != nil {
		seen, advice := awayWords(network, where, err)
		if network == "tcp" && box.SSH != "" && errors.Is(err, syscall.ECONNREFUSED) {
			advice = "start the engine, or install one: starter install FILE " + box.Name
		}
		e.note(CheckAddress, CheckFail, seen, advice)
		return
	}
	conn.Close()
	seen := where + " answers"
	if box.Address != "" && net.ParseIP(box.Address) == nil {
		if _, err := net.DefaultResolver.LookupHost(ctx, box.Address); err != nil {
			e.note(CheckAddress, CheckFail, "there is no address for the name "+box.Address+", at which functions reach this box",
				"correct `address` of the box, or the name service of the worker's host")
			return
		}
	}
	e.note(CheckAddress, CheckPass, seen, "")
}

// reachedAt is where an engine is reached: its port, its sshd's or its socket.
func reachedAt(box spec.Box) (network, address string) {
	if access, ok := box.EngineSSH(); ok {
		return "tcp", access.Address()
	}
	where, err := url.Parse(box.Engine)
	if err != nil || where.Scheme == "unix" {
		return "unix", box.EngineSocket()
	}
	return "tcp", where.Host
}

// awayWords says why an address does not answer, and what to look at.
func awayWords(network, address string, err error) (seen, advice string) {
	var lookup *net.DNSError
	var timeout net.Error
	host, port, _ := net.SplitHostPort(address)
	switch {
	case errors.As(err, &lookup):
		return "there is no address for the name " + host, "correct the name, or the name service of the worker's host"
	case network == "unix" && errors.Is(err, os.ErrPermission):
		return address + " may not be used by the worker", "run the worker as root or as a member of the group docker"
	case network == "unix":
		return "no engine listens at " + address, "start the engine on this machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens on " + address, fmt.Sprintf("start the engine on the box, or correct the port %s", port)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to " + host, "look at the box's power and network"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("%s does not answer within %s", address, examineTimeout), "look at the box's power and network, and at the firewall before port " + port
	}
	return err.Error(), "look at the box's power and network"
}

// ssh logs in, where the box has SSH access.
func (e *examination) ssh(ctx context.Context) {
	access, ok := e.in.Box.SSHAccess()
	_, needed := e.in.Box.EngineSSH()
	switch {
	case !ok:
		e.note(CheckSSH, CheckSkip, "the box has no `ssh`", "")
		return
	case needed && e.in.Box.SSH == "" && e.state(CheckAddress) == CheckFail:
		e.note(CheckSSH, CheckSkip, "the address does not answer", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	ran, err := e.doctor.Shells.Run(ctx, e.in.Box, "id -un")
	switch {
	case err == nil && ran.Exit == 0:
		e.note(CheckSSH, CheckPass, "logged in as "+ran.Out+" on "+access.Address(), "")
	case err == nil:
		e.note(CheckSSH, CheckFail, fmt.Sprintf("%s logs in but runs no command: %s", access, firstLine(ran.Err)), "give the user a shell")
	default:
		seen, advice := splitAdvice(told(ctx, err))
		e.note(CheckSSH, CheckFail, seen, advice)
	}
}

// splitAdvice parts a sentence of the SSH adapter from what it says is to be done, behind its last semicolon.
func splitAdvice(text string) (seen, advice string) {
	if at := strings.LastIndex(text, "; "); at > 0 {
		return text[:at], text[at+2:]
	}
	return text, "see docs/boxes.md, SSH"
}

// told is an error's sentence without the sentinel's words, and with plain words for a look that took too long.
func told(ctx context.Context, err error) string {
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return "no answer within its time"
	}
	text := err.Error()
	for _, sentinel := range []error{
		fault.ErrUnreachable, fault.ErrUnauthorised, fault.ErrRejected, fault.ErrInvalid, fault.ErrNotFound,
		fault.ErrNetwork, fault.ErrUntrusted, fault.ErrRateLimited, fault.ErrSecret,
	} {
		text = strings.TrimSuffix(text, ": "+sentinel.Error())
	}
	return text
}

// engine asks the engine about itself; its API version is the next check.
func (e *examination) engine(ctx context.Context) {
	if reason := e.engineBlocked(); reason != "" {
		e.note(CheckEngine, CheckSkip, reason, "")
		e.note(CheckAPI, CheckSkip, "the engine was not asked", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	answer, err := e.doctor.Engines.Ask(ctx, e.in.Box)
	if err != nil {
		e.note(CheckEngine, CheckFail, told(ctx, err), engineAdvice(e.in.Box, err))
		e.note(CheckAPI, CheckSkip, "the engine does not answer", "")
		return
	}
	e.answer, e.root = answer, answer.Root
	e.checks = append(e.checks, judgeEngine(answer), judgeAPI(answer))
}

// engineBlocked says why the engine cannot be asked; empty when it can.
func (e *examination) engineBlocked() string {
	_, through := e.in.Box.EngineSSH()
	switch {
	case e.state(CheckAddress) == CheckFail:
		return "the address does not answer"
	case through && e.in.Box.SSH == "" && e.state(CheckSSH) == CheckFail:
		return "SSH does not work"
	}
	return ""
}

// noEngine says why what the engine is to do was not looked at; empty when the engine answers.
func (e *examination) noEngine() string {
	switch e.state(CheckEngine) {
	case CheckFail:
		return "the engine does not answer"
	case CheckSkip:
		return "the engine was not asked"
	}
	return ""
}

// disk looks at the free space of the engine's data root: as the engine's adapter knows it, else by df over SSH.
func (e *examination) disk(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	reason := e.noEngine()
	if reason == "" {
		if free := e.doctor.Engines.FreeDisk(ctx, e.in.Box, e.in.ProbeImage); free >= 0 {
			e.checks = append(e.checks, judgeDisk(e.root, free))
			return
		}
	}
	if e.state(CheckSSH) != CheckPass {
		if reason == "" {
			reason = "nobody knows: the box has no probe image yet, and no `ssh`"
		}
		e.note(CheckDisk, CheckSkip, reason, "")
		return
	}
	root := e.root
	if root == "" {
		root = "/var/lib/docker"
	}
	// A root that is not there yet, or that only root may look into, is on the file system of a folder above it.
	command := fmt.Sprintf(`d=%s; while ! df -Pk "$d" >/dev/null 2>&1 && [ "$d" != / ]; do d=$(dirname "$d"); done; df -Pk "$d"`, quoted(root))
	ran, err := e.doctor.Shells.Run(ctx, e.in.Box, command)
	if err != nil {
		e.note(CheckDisk, CheckSkip, told(ctx, err), "")
		return
	}
	free, err := freeOf(ran.Out)
	if err != nil {
		e.note(CheckDisk, CheckSkip, err.Error(), "")
		return
	}
	e.checks = append(e.checks, judgeDisk(root, free))
}

// freeOf reads the available bytes out of the output of `df -Pk`: kilobytes, the fourth column of the last line.
func freeOf(output string) (int64, error) {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	fields := strings.Fields(lines[len(lines)-1])
	if len(lines) < 2 || len(fields) < 6 {
		return 0, fmt.Errorf("df said %q", firstLine(output))
	}
	kilobytes, err := strconv.ParseInt(fields[3], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("df said %q", lines[len(lines)-1])
	}
	return kilobytes << 10, nil
}

// clock holds the box's clock against ours.
func (e *examination) clock() {
	if reason := e.noEngine(); reason != "" {
		e.note(CheckClock, CheckSkip, reason, "")
		return
	}
	e.checks = append(e.checks, judgeClock(e.answer.Clock, e.answer.Asked, e.answer.Answered))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// quoted makes one word of a text for a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
