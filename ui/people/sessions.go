package people

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Session is somebody who signed in, as sessions.json keeps it: under the hash of the secret in the cookie.
type Session struct {
	Hash    string    `json:"hash"`
	Name    string    `json:"name"`
	By      string    `json:"by"`              // ByOpenID or BySession
	Role    Role      `json:"role,omitempty"`  // of an OpenID session; a local user's is looked up each time
	Stamp   string    `json:"stamp,omitempty"` // the local user's at that time: another one ends the session
	Made    time.Time `json:"made"`
	Seen    time.Time `json:"seen"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
}

// SessionInfo is a session as an admin sees one. ID is the beginning of its hash: enough to name it, of no use to enter.
type SessionInfo struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	By      string    `json:"by"`
	Role    Role      `json:"role"`
	Made    time.Time `json:"made"`
	Seen    time.Time `json:"seen"`
	Until   time.Time `json:"until"` // it ends then, if it is used all the time
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	Current bool      `json:"current,omitempty"` // it is the one that asks
}

const (
	idBytes      = 16 // of a hash, in SessionInfo.ID
	mostSessions = 2000
	agentMost    = 200 // characters
	// saveEvery bounds what a power cut forgets of when sessions and tokens were last used.
	saveEvery = time.Minute
)

// desk keeps the sessions, and when tokens were last used, in sessions.json.
type desk struct {
	mu     sync.Mutex
	path   string // empty: in memory only
	held   deskFile
	dirty  bool
	saved  time.Time
	stream map[string]map[*watch]struct{} // who is being served, by session or token
}

type deskFile struct {
	Sessions map[string]Session   `json:"sessions"`
	Used     map[string]time.Time `json:"used"` // tokens, by ID
}

func openDesk(folder string) (*desk, error) {
	d := &desk{stream: map[string]map[*watch]struct{}{}}
	if folder != "" {
		d.path = filepath.Join(folder, "sessions.json")
		if err := readJSON(d.path, &d.held); err != nil {
			// Sessions are worth one signing-in each, not a page that does not start.
			if renameErr := os.Rename(d.path, d.path+".damaged"); renameErr != nil {
				return nil, fmt.Errorf("%w; moving it away: %w", err, renameErr)
			}
			d.held = deskFile{}
		}
	}
	if d.held.Sessions == nil {
		d.held.Sessions = map[string]Session{}
	}
	if d.held.Used == nil {
		d.held.Used = map[string]time.Time{}
	}
	return d, nil
}

// save writes what changed. The lock is held.
func (d *desk) save(now time.Time) error {
	d.dirty, d.saved = false, now
	if d.path == "" {
		return nil
	}
	return writeJSON(d.path, d.held)
}

// begin makes a session and gives the secret for the cookie.
func (h *House) begin(s Session) (string, error) {
	secret := random()
	now := h.now().UTC()
	s.Hash, s.Made, s.Seen = digest(secret), now, now
	s.Agent = short(s.Agent, agentMost)
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.held.Sessions) >= mostSessions {
		oldest := slices.MinFunc(slices.Collect(maps.Values(d.held.Sessions)), func(a, b Session) int { return a.Seen.Compare(b.Seen) })
		delete(d.held.Sessions, oldest.Hash)
	}
	d.held.Sessions[s.Hash] = s
	if err := d.save(now); err != nil {
		return "", err
	}
	return secret, nil
}

// session is who a cookie's secret belongs to; false when the session is over.
func (h *House) session(secret string) (Person, string, bool) {
	key := digest(secret)
	now := h.now()
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	s, known := d.held.Sessions[key]
	if !known {
		return Person{}, "", false
	}
	person, good := h.holds(s, now)
	if !good {
		delete(d.held.Sessions, key)
		d.dirty = true
		return Person{}, "", false
	}
	if now.Sub(s.Seen) > time.Second {
		s.Seen = now.UTC()
		d.held.Sessions[key] = s
		d.dirty = true
	}
	return person, key, true
}

// holds says whose a session is, and whether it is not over yet.
func (h *House) holds(s Session, now time.Time) (Person, bool) {
	if now.Sub(s.Seen) > h.rules.Idle || now.After(h.until(s)) {
		return Person{}, false
	}
	if s.By == ByOpenID {
		return Person{Name: s.Name, Role: s.Role, By: ByOpenID}, h.openID != nil && s.Role.rank() > 0
	}
	user, known := h.book.view(now).user(s.Name)
	if !known || user.Disabled || user.Stamp != s.Stamp {
		return Person{}, false
	}
	return Person{Name: user.Name, Role: user.Role, By: BySession}, true
}

func (h *House) until(s Session) time.Time {
	most := h.rules.Most
	if s.By == ByOpenID {
		most = min(most, openIDMost)
	}
	return s.Made.Add(most)
}

// SignOut ends the session of a cookie's secret.
func (h *House) SignOut(secret string) error {
	return h.end(func(s Session) bool { return s.Hash == digest(secret) })
}

// EndSession ends the session with that ID. Errors: ErrNotFound.
func (h *House) EndSession(id string) error {
	found := false
	err := h.end(func(s Session) bool {
		is := len(id) == 2*idBytes && strings.HasPrefix(s.Hash, id)
		found = found || is
		return is
	})
	if err == nil && !found {
		return notThere("there is no session %q", id)
	}
	return err
}

// end ends sessions, and what is being served to them.
func (h *House) end(which func(Session) bool) error {
	d := h.desk
	d.mu.Lock()
	before := len(d.held.Sessions)
	maps.DeleteFunc(d.held.Sessions, func(_ string, s Session) bool { return which(s) })
	var err error
	if len(d.held.Sessions) != before {
		err = d.save(h.now())
	}
	d.mu.Unlock()
	h.Sweep()
	return err
}

// Sessions are those that hold, the most recently used first. The secret, which may be empty, is of the one that asks.
func (h *House) Sessions(secret string) []SessionInfo {
	h.Sweep()
	d := h.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	now := h.now()
	list := []SessionInfo{}
	for _, s := range d.held.Sessions {
		person, good := h.holds(s, now)
		if good {
			list = append(list, SessionInfo{
				ID: s.Hash[:2*idBytes], Name: person.Name, By: s.By, Role: person.Role, Made: s.Made, Seen: s.Seen,
				Until: h.until(s), Address: s.Address, Agent: s.Agent, Current: s.Hash == digest(secret),
			})
		}
	}
	slices.SortFunc(list, func(a, b SessionInfo) int {
		if c := b.Seen.Compare(a.Seen); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// short cuts a text after so many characters.
func short(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
