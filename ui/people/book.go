package people

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// User is a person with a password.
type User struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Hash     string    `json:"hash"` // of the password, argon2id as a PHC string
	Stamp    string    `json:"stamp"`
	Disabled bool      `json:"disabled,omitempty"`
	Made     time.Time `json:"made"`
	Changed  time.Time `json:"changed"` // when the password was set
}

// Token is a key for a program.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Hash    string    `json:"hash"` // SHA-256 of the token: it has 256 random bits, which nobody guesses
	Made    time.Time `json:"made"`
	By      string    `json:"by,omitempty"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// content is what people.json holds. Users are kept by their name in lower case: Kim and kim are one.
type content struct {
	Users  map[string]User  `json:"users"`
	Tokens map[string]Token `json:"tokens"`
}

// book keeps users and tokens in people.json. Other processes, `ui user add` for one, may change the file too.
type book struct {
	mu      sync.Mutex
	folder  string // empty: in memory only
	held    content
	seen    os.FileInfo // of the file when it was read; nil when there was none
	looked  time.Time
	faulted error // why the newest file was not taken
}

// lookEvery is how soon another process's change is seen.
const lookEvery = 500 * time.Millisecond

func openBook(folder string) (*book, error) {
	b := &book{folder: folder, held: content{Users: map[string]User{}, Tokens: map[string]Token{}}}
	if folder == "" {
		return b, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of users (UI_DATA): %w", err)
	}
	return b, b.reload()
}

func (b *book) path() string { return filepath.Join(b.folder, "people.json") }

// reload reads the file if it is another one than last time.
func (b *book) reload() error {
	about, err := os.Stat(b.path())
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("look at %s: %w", b.path(), err)
	}
	if same(about, b.seen) {
		return nil
	}
	next := content{}
	if err := readJSON(b.path(), &next); err != nil {
		return err
	}
	if err := next.check(); err != nil {
		return fmt.Errorf("%s is damaged (%w): put a copy back, or move it away to begin without users", b.path(), err)
	}
	b.held, b.seen = next, about
	return nil
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// check says what is wrong with a file that is JSON, and fills its empty parts.
func (c *content) check() error {
	if c.Users == nil {
		c.Users = map[string]User{}
	}
	if c.Tokens == nil {
		c.Tokens = map[string]Token{}
	}
	for key, user := range c.Users {
		if key != strings.ToLower(user.Name) || user.Role.rank() == 0 {
			return fmt.Errorf("user %q has no known role or another name", key)
		}
		if _, _, _, err := decode(user.Hash); err != nil {
			return fmt.Errorf("user %q: %w", key, err)
		}
	}
	for key, token := range c.Tokens {
		if key != token.ID || token.Role.rank() == 0 || len(token.Hash) != 2*sha256.Size {
			return fmt.Errorf("token %q is none", key)
		}
	}
	return nil
}

// view is what holds now. A file that another process has damaged is not taken: what was known goes on to hold.
func (b *book) view(now time.Time) content {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.folder != "" && now.Sub(b.looked).Abs() >= lookEvery {
		b.looked = now
		b.faulted = b.reload()
	}
	return b.held
}

// change replaces what holds by what f makes of it. f gets a copy of its own; when it fails nothing changes.
func (b *book) change(f func(*content) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	apply := func() error {
		next := content{Users: maps.Clone(b.held.Users), Tokens: maps.Clone(b.held.Tokens)}
		if err := f(&next); err != nil {
			return err
		}
		if b.folder != "" {
			if err := writeJSON(b.path(), next); err != nil {
				return err
			}
			about, err := os.Stat(b.path())
			if err != nil {
				return fmt.Errorf("look at %s: %w", b.path(), err)
			}
			b.seen = about
		}
		b.held = next
		return nil
	}
	if b.folder == "" {
		return apply()
	}
	return locked(b.folder, func() error {
		if err := b.reload(); err != nil {
			return err
		}
		return apply()
	})
}

// user finds somebody by name.
func (c content) user(name string) (User, bool) {
	user, known := c.Users[strings.ToLower(name)]
	return user, known
}

// lastAdmin says that without name nobody could manage people any more.
func (c content) lastAdmin(name string) bool {
	for key, user := range c.Users {
		if key != strings.ToLower(name) && user.Role == Admin && !user.Disabled {
			return false
		}
	}
	user, known := c.user(name)
	return known && user.Role == Admin && !user.Disabled
}

// sortedUsers are all users by name.
func (c content) sortedUsers() []User {
	return slices.SortedFunc(maps.Values(c.Users), func(a, b User) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
}

// random is a secret of 256 bits that fits into cookies and headers.
func random() string {
	secret := make([]byte, 32)
	rand.Read(secret) // it never fails; see its documentation
	return base64.RawURLEncoding.EncodeToString(secret)
}

// digest is what is kept of a random secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func notThere(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrNotFound, fmt.Sprintf(format, args...))
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrInvalid, fmt.Sprintf(format, args...))
}
