package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/overcloud/overcloud/internal/fault"
)

// cost is what one argon2id hash takes: memory in KiB, passes and threads.
type cost struct {
	memory  uint32
	passes  uint32
	threads uint8
}

// owasp is what OWASP's Password Storage Cheat Sheet recommends for argon2id: 19 MiB, two passes, one thread.
func owasp() cost { return cost{memory: 19 << 10, passes: 2, threads: 1} }

// costOf is OWASP's cost, with another memory if that is not 0.
func costOf(memory uint32) cost {
	c := owasp()
	if memory != 0 {
		c.memory = memory
	}
	return c
}

const (
	saltBytes = 16
	keyBytes  = 32
	// hashesAtOnce bounds memory and processor: a crowd at the door waits in line.
	hashesAtOnce = 2
	// longestWait is how long somebody waits in that line before being asked to come back.
	longestWait = 5 * time.Second
)

// hasher makes and checks hashes of passwords, few at a time.
type hasher struct {
	cost  cost
	line  chan struct{}
	dummy string // is checked for names that nobody has, so that they take as long
}

func newHasher(c cost) *hasher {
	h := &hasher{cost: c, line: make(chan struct{}, hashesAtOnce)}
	h.dummy = h.encode(c, make([]byte, saltBytes), make([]byte, keyBytes))
	return h
}

// make is the hash of a password with a salt of its own, as a PHC string. Errors: ErrRateLimited after a long wait.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	rand.Read(salt) // it never fails; see its documentation
	key, err := h.key(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	return h.encode(h.cost, salt, key), nil
}

// check says whether a password has that hash, and whether the hash was made with less than today's cost. An
// empty hash is nobody's: it takes as long and never fits.
func (h *hasher) check(ctx context.Context, password, hash string) (fits, old bool, err error) {
	nobody := hash == ""
	if nobody {
		hash = h.dummy
	}
	c, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	have, err := h.key(ctx, password, salt, c)
	if err != nil {
		return false, false, err
	}
	fits = subtle.ConstantTimeCompare(have, want) == 1 && !nobody
	return fits, c.memory < h.cost.memory || c.passes < h.cost.passes, nil
}

// key waits in line and computes.
func (h *hasher) key(ctx context.Context, password string, salt []byte, c cost) ([]byte, error) {
	waited := time.NewTimer(longestWait)
	defer waited.Stop()
	select {
	case h.line <- struct{}{}:
		defer func() { <-h.line }()
	case <-waited.C:
		return nil, &fault.RetryAfter{Err: fmt.Errorf("%w: too many people are signing in; try again in a moment", fault.ErrRateLimited), After: longestWait}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, keyBytes), nil
}

func (h *hasher) encode(c cost, salt, key []byte) string {
	text := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads, text.EncodeToString(salt), text.EncodeToString(key))
}

// decode reads a PHC string. Errors: anything but argon2id of a bearable cost.
func decode(hash string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	bad := fmt.Errorf("%w: a password's hash is no argon2id PHC string", fault.ErrInvalid)
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return c, nil, nil, bad
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	bearable := c.memory >= 8 && c.memory <= 1<<20 && c.passes >= 1 && c.passes <= 64 && c.threads >= 1 && c.threads <= 16
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(key) != keyBytes || !bearable {
		return c, nil, nil, bad
	}
	return c, salt, key, nil
}
