package activities

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// What is judged, and by which numbers.
const (
	// neededAPI is the newest version of the Engine API that we use a part of: that of Docker 20.10.
	neededAPI = "1.41"
	// A certificate takes a person some days to renew.
	certificateWarn = 30 * 24 * time.Hour
	// The probe's image and one small function with its log need about the least; the plan holds every image
	// against the free space, so these only say that a disk is nearly full.
	diskWarn, diskLeast = 2 << 30, 256 << 20 // bytes
	// Readings carry the box's time. The sink takes 2 s for order, and beyond 30 s a command's ttl and the lease
	// of a room are wrong.
	clockWarn, clockMost = 2 * time.Second, 30 * time.Second
)

func judgeEngine(a EngineAnswer) Check {
	seen := fmt.Sprintf("Docker %s, %s/%s", a.Version, a.OS, a.Arch)
	if a.Process {
		seen = fmt.Sprintf("%s, %s/%s", a.Version, a.OS, a.Arch)
	}
	if !a.MemoryLimit && !a.Process {
		return Check{
			Name: CheckEngine, State: CheckWarn, Seen: seen + "; the kernel cannot limit memory",
			Advice: "enable the memory cgroup (on a Pi: cgroup_enable=memory in cmdline.txt), else limits of functions do nothing",
		}
	}
	return Check{Name: CheckEngine, State: CheckPass, Seen: seen}
}

// engineAdvice is what to do about an engine that does not answer.
func engineAdvice(box spec.Box, err error) string {
	_, install := box.SSHAccess()
	text := err.Error()
	switch {
	case strings.Contains(text, "group docker"):
		return "add the SSH user to the group docker on the box, or run: starter install FILE " + box.Name
	case strings.Contains(text, "HTTP request to an HTTPS server"), strings.Contains(text, "HTTPS client"):
		return "the engine wants TLS: set `tls` of the box to the folder with ca.pem, cert.pem and key.pem"
	case strings.Contains(text, "x509"), strings.Contains(text, "tls:"):
		return "see the check of TLS"
	case errors.Is(err, fault.ErrInvalid):
		return "correct `engine` of the box"
	case install:
		return "start the engine on the box, or install one: starter install FILE " + box.Name
	}
	return "start the engine on the box; docs/boxes.md says how one is made ready"
}

// judgeAPI says whether the engine and our client have a version of the Engine API in common that can what we need.
func judgeAPI(a EngineAnswer) Check {
	check := Check{Name: CheckAPI, State: CheckPass, Seen: fmt.Sprintf("%s (needed: %s)", a.API, neededAPI)}
	switch {
	case older(a.API, neededAPI):
		check.State, check.Advice = CheckFail, "upgrade the engine to Docker 20.10 or newer"
	case a.OldestAPI != "" && a.OurAPI != "" && older(a.OurAPI, a.OldestAPI):
		check.State = CheckFail
		check.Seen = fmt.Sprintf("speaks nothing older than %s, and we nothing newer than %s", a.OldestAPI, a.OurAPI)
		check.Advice = "upgrade OverCloud, or set DOCKER_MIN_API_VERSION of the engine to " + a.OurAPI
	}
	return check
}

// older compares versions of two numbers, as the Engine API has them. One that is none is older.
func older(version, than string) bool {
	number := func(text string) int {
		major, minor, _ := strings.Cut(text, ".")
		a, errA := strconv.Atoi(major)
		b, errB := strconv.Atoi(minor)
		if errA != nil || errB != nil {
			return -1
		}
		return a*1000 + b
	}
	return number(version) < number(than)
}

func judgeDisk(root string, free int64) Check {
	check := Check{Name: CheckDisk, State: CheckPass, Seen: fmt.Sprintf("%s free on %s", gigabytes(free), root)}
	switch {
	case free < diskLeast:
		check.State, check.Advice = CheckFail, "free some space: docker image prune -a on the box removes images that no container uses"
	case free < diskWarn:
		check.State, check.Advice = CheckWarn, "free some space soon: docker image prune -a on the box removes images that no container uses"
	}
	return check
}

func gigabytes(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}

// judgeClock compares the box's clock, read at some moment between asked and answered, with ours. Only what the
// round trip cannot explain counts.
func judgeClock(clock, asked, answered time.Time) Check {
	if clock.IsZero() {
		return Check{Name: CheckClock, State: CheckSkip, Seen: "the engine does not tell its time"}
	}
	off := time.Duration(0)
	switch {
	case clock.Before(asked):
		off = clock.Sub(asked)
	case clock.After(answered):
		off = clock.Sub(answered)
	}
	check := Check{Name: CheckClock, State: CheckPass, Seen: fmt.Sprintf("agrees with the worker's within %s", (answered.Sub(asked) + off.Abs()).Round(time.Millisecond))}
	if off.Abs() <= clockWarn {
		return check
	}
	way := "ahead of"
	if off < 0 {
		way = "behind"
	}
	check.State, check.Seen = CheckWarn, fmt.Sprintf("%s %s the worker's", off.Abs().Round(100*time.Millisecond), way)
	check.Advice = "let both hosts follow a time server (chrony or systemd-timesyncd)"
	if off.Abs() > clockMost {
		check.State = CheckFail
	}
	return check
}

// judgeRegistry says what the engine's own try to reach a registry means. asked is the image that was asked for, and
// real says that it is one of the service's. A registry that says no has been reached.
func judgeRegistry(host, asked string, real bool, a EngineAnswer, err error, words string) Check {
	check := Check{Name: CheckRegistry + " " + host, State: CheckPass}
	switch {
	case err == nil:
		check.Seen = "the box reaches it; " + asked + " is there"
	case errors.Is(err, fault.ErrNotFound) && real:
		check.State, check.Seen, check.Advice = CheckWarn, "the box reaches it, but "+asked+" is not there", "push the image, or correct its name"
	case errors.Is(err, fault.ErrNotFound):
		check.Seen = "the box reaches it"
	case errors.Is(err, fault.ErrUnauthorised) && real:
		check.State, check.Seen = CheckFail, "the box reaches it, but it refuses: "+words
		check.Advice = "set `credentials` of the registry to a secret of the form user:password, and check them"
	case errors.Is(err, fault.ErrUnauthorised):
		check.Seen = "the box reaches it; it wants credentials"
	case errors.Is(err, fault.ErrSecret), errors.Is(err, fault.ErrInvalid):
		check.State, check.Seen, check.Advice = CheckFail, words, "correct the registry's credentials on the worker"
	case errors.Is(err, fault.ErrRejected) && a.Process:
		check.State, check.Seen = CheckSkip, "a process box does not ask registries for others"
	default:
		check.State, check.Seen, check.Advice = CheckFail, "from the box: "+words, registryAdvice(host, words)
	}
	return check
}

// registryAdvice goes by the engine's own words.
func registryAdvice(host, words string) string {
	text := strings.ToLower(words)
	switch {
	case strings.Contains(text, "no such host"), strings.Contains(text, "lookup "):
		return "correct the name, or the name service of the box"
	case strings.Contains(text, "x509"), strings.Contains(text, "tls:"):
		return "put the registry's authority on the box: /etc/docker/certs.d/" + host + "/ca.crt"
	case strings.Contains(text, "http response to https client"):
		return "give the registry TLS, or list it under insecure-registries of the box's engine"
	case strings.Contains(text, "connection refused"):
		return "start the registry, or correct its port"
	}
	return "look at the box's way to " + host + ": its routes, its proxy, the firewall"
}
