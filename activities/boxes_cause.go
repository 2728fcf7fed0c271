package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// PullCheck is one link between the worker, the box and the image, as it was found after a pull had failed.
// The details of a failed pull's error are a list of them, in the order in which a pull needs them.
type PullCheck struct {
	Check fault.Check `json:"check"`
	// State is CheckPass, CheckFail, or CheckSkip: nobody could look, or an earlier link does not hold.
	State string `json:"state"`
	// Words are those of whoever refused; empty for a link that holds.
	Words string `json:"words,omitempty"`
}

const (
	// causeTimeout bounds the look for a cause; the engine's own look at a registry takes most of it.
	causeTimeout = 30 * time.Second
	// rateLimitWait is how long to wait when a registry asks for patience without saying how long: registries
	// that count by the second or minute have forgotten by then, and one that counts by the hour (Docker Hub:
	// six) is asked 60 times in it.
	rateLimitWait = time.Minute
	// diskFactor is how much disk an image needs for each compressed byte while it is unpacked; the plan
	// reckons with the same.
	diskFactor = 2.5
)

// pullError is a pull that failed, in one sentence, with the checks that were made.
type pullError struct {
	text   string
	checks []PullCheck
	err    error
}

func (p *pullError) Error() string { return p.text }
func (p *pullError) Unwrap() error { return p.err }

// explain looks for the cause of a failed attempt and says it in one sentence.
func (p *pulling) explain(ctx context.Context, err error) error {
	doing := fmt.Sprintf("pull %s on %s", p.in.Pull.Image, p.in.Box.Name)
	if len(p.failed) == 0 || ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	deciding := p.deciding()
	deciding.err = p.clarify(ctx, *deciding)
	cause, checks := p.look(ctx, *deciding)
	var texts []string
	for i := range p.failed {
		one := &p.failed[i]
		why := cause
		if one != deciding {
			why = asPull(one.err)
		}
		text := p.sentence(*one, why)
		if len(p.failed) > 1 {
			text = "from " + one.place.Repository + ": " + text
		}
		texts = append(texts, text)
	}
	sentinel := deciding.err
	if cause != nil {
		sentinel = cause.Err
	}
	return &pullError{text: doing + ": " + strings.Join(texts, "; "), checks: checks, err: sentinel}
}

func asPull(err error) *fault.Pull {
	var pull *fault.Pull
	errors.As(err, &pull)
	return pull
}

// clarify asks the registry itself where an engine's words leave something open: whether the image is missing
// or the credentials are, and how long a registry wants to be left alone.
func (p *pulling) clarify(ctx context.Context, failed sourceFault) error {
	said := asPull(failed.err)
	if said == nil || p.boxes.Registry == nil {
		return patient(failed.err)
	}
	limited := errors.Is(said, fault.ErrRateLimited)
	if !limited && !fault.Ambiguous(said.Words) {
		return failed.err
	}
	ctx, cancel := context.WithTimeout(ctx, causeTimeout/2)
	defer cancel()
	_, err := p.boxes.Registry.Resolve(ctx, failed.from.Repository+"@"+p.in.Pull.Digest, []Source{failed.from})
	learnt := *said
	switch {
	case errors.Is(err, fault.ErrNotFound):
		learnt.Check, learnt.Err = fault.CheckManifest, fault.ErrNotFound
	case errors.Is(err, fault.ErrUnauthorised):
		learnt.Check, learnt.Err = fault.CheckAuth, fault.ErrUnauthorised
	case errors.Is(err, fault.ErrRateLimited):
		learnt.Check, learnt.Err = fault.CheckAnswer, err
	}
	return patient(&learnt)
}

// patient gives a rate limit a time to wait when the registry named none.
func patient(err error) error {
	var wait *fault.RetryAfter
	if !errors.Is(err, fault.ErrRateLimited) || errors.As(err, &wait) {
		return err
	}
	if pull := asPull(err); pull != nil {
		waiting := *pull
		waiting.Err = &fault.RetryAfter{Err: pull.Err, After: rateLimitWait}
		return &waiting
	}
	return &fault.RetryAfter{Err: err, After: rateLimitWait}
}

// look collects evidence and blames one link. Damaged bytes, a wrong platform and a secret that cannot be read are
// explained by what was said already.
func (p *pulling) look(ctx context.Context, failed sourceFault) (*fault.Pull, []PullCheck) {
	said := asPull(failed.err)
	for _, plain := range []error{fault.ErrDigestMismatch, fault.ErrNoPlatform, fault.ErrSecret, fault.ErrInvalid, fault.ErrRejected} {
		if errors.Is(failed.err, plain) {
			return said, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, causeTimeout)
	defer cancel()
	evidence := p.engine.Inquire(ctx, p.in.Pull, failed.from)
	if evidence.Dial == nil && evidence.Ping == nil && evidence.FreeDisk < 0 {
		evidence.FreeDisk = p.engine.FreeDisk(ctx, p.in.ProbeImage)
	}
	if ctx.Err() != nil {
		return said, nil
	}
	return blame(said, evidence, p.need())
}

// need is the disk that the image takes while it is unpacked, bytes.
func (p *pulling) need() int64 { return int64(float64(p.in.Pull.SizeBytes) * diskFactor) }

// blame names the first link that does not hold, from what the pull said (nil: nothing that anybody knows) and
// from what was found afterwards. A full disk is believed at once: whoever filled it had the rest.
func blame(said *fault.Pull, found Evidence, need int64) (*fault.Pull, []PullCheck) {
	checks := make([]PullCheck, 0, len(fault.Checks()))
	for _, check := range fault.Checks() {
		checks = append(checks, PullCheck{Check: check, State: CheckSkip})
	}
	fail := func(cause *fault.Pull) (*fault.Pull, []PullCheck) {
		for i := range checks {
			switch at := rank(cause.Check); {
			case i < at && checks[i].Check != fault.CheckDisk:
				checks[i].State = CheckPass
			case i == at:
				checks[i].State, checks[i].Words = CheckFail, cause.Words
			}
		}
		return cause, checks
	}
	if found.Dial != nil {
		return fail(&fault.Pull{Check: fault.CheckAddress, Words: found.Dial.Error(), Err: fault.ErrUnreachable})
	}
	if found.Ping != nil {
		return fail(&fault.Pull{Check: fault.CheckEngine, Words: found.Ping.Error(), Err: fault.ErrUnreachable})
	}
	if said != nil && said.Check == fault.CheckDisk {
		return fail(said)
	}
	heard := asPull(found.Registry)
	switch {
	case heard != nil && heard.Check != "" && (said == nil || said.Check == "" || rank(heard.Check) < rank(said.Check)):
		return fail(heard)
	case said != nil && said.Check != "":
		return fail(said)
	}
	if found.Asked && found.Registry == nil {
		for i := range rank(fault.CheckDisk) {
			checks[i].State = CheckPass
		}
	} else {
		checks[0].State, checks[1].State = CheckPass, CheckPass
	}
	disk := &checks[rank(fault.CheckDisk)]
	switch {
	case found.FreeDisk < 0:
	case found.FreeDisk < need:
		return fail(&fault.Pull{Check: fault.CheckDisk, Words: roomText(found.FreeDisk, need), Err: fault.ErrDiskFull})
	default:
		disk.State = CheckPass
	}
	return said, checks
}

// rank is the place of a check in the order.
func rank(check fault.Check) int { return slices.Index(fault.Checks(), check) }

func roomText(free, need int64) string {
	return fmt.Sprintf("%s are free, the image needs about %s while it is unpacked", megabytes(free), megabytes(need))
}

// sentence says for people why one source gave nothing: the link, what does not hold, and the words of whoever
// refused, once.
func (p *pulling) sentence(failed sourceFault, cause *fault.Pull) string {
	if cause == nil || cause.Check == "" {
		return failed.err.Error()
	}
	host, _ := spec.SplitImage(failed.place.Repository)
	box := p.in.Box.Name
	var what string
	switch cause.Check {
	case fault.CheckAddress:
		what = "nothing answers at " + p.in.Box.Engine
	case fault.CheckEngine:
		what = "the engine at " + p.in.Box.Engine + " does not answer"
	case fault.CheckDNS:
		name, _, _ := strings.Cut(host, ":")
		what = box + " finds no address of " + name
	case fault.CheckTCP:
		what = box + " gets no connection to " + host
	case fault.CheckTLS:
		what = box + " does not trust " + host
	case fault.CheckAnswer:
		what = host + " takes no requests now" + waitText(cause)
	case fault.CheckAuth:
		what = host + " refuses " + who(failed.from)
	case fault.CheckManifest:
		what = host + " does not have it"
		if errors.Is(cause, fault.ErrNoPlatform) {
			what = host + " does not have it for " + p.in.Pull.OS + "/" + p.in.Pull.Arch
		}
	case fault.CheckDisk:
		what = box + " has no room for it"
	}
	return fmt.Sprintf("%s: %s (%s)", cause.Check, what, cause.Words)
}

func waitText(cause *fault.Pull) string {
	var wait *fault.RetryAfter
	if errors.As(cause.Err, &wait) {
		return fmt.Sprintf(" and is asked again in %s", wait.After)
	}
	return ""
}

func who(from Source) string {
	if from.User == "" {
		return "anonymous pulls"
	}
	return "user " + from.User
}
