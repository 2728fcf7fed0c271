package people

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
)

// How people sign in (UI_SIGN_IN).
const (
	// SignInAuto opens the door on loopback as long as nobody is configured, and refuses to start elsewhere then.
	SignInAuto = "auto"
	// SignInSetUp opens the door on loopback as auto does; elsewhere it begins with making the first admin.
	SignInSetUp = "set-up"
	// SignInLocal always wants people to sign in. Without users it begins with making the first admin.
	SignInLocal = "local"
	// SignInOff leaves the door open; on loopback only.
	SignInOff = "off"
)

// Rules is how a house is run.
type Rules struct {
	Folder string // of people.json, sessions.json and the audit; empty: in memory
	SignIn string // one of the four above
	Listen string // host:port where the page listens: loopback or not
	// Proxies are the networks of reverse proxies whose X-Forwarded-For is believed.
	Proxies []*net.IPNet
	// CodeFile gets the one-time code of the set-up beside the log; empty: only the log.
	CodeFile string
	Idle     time.Duration // an unused session ends after it
	Most     time.Duration // every session ends after it
	OpenID   *OpenIDRules  // nil: no OpenID Connect
	// Memory is what one hash of a password takes, KiB; 0: what OWASP recommends. Less is for tests.
	Memory uint32
	// URL is where people reach the page, https://control.example.org; empty: as the requests say.
	URL string
	Log *slog.Logger
	Now func() time.Time
}

// The default rules of sessions: a page that is open is in use.
const (
	DefaultIdle = 12 * time.Hour
	DefaultMost = 7 * 24 * time.Hour
	openIDMost  = 12 * time.Hour // what the provider says of a person is asked again each day
)

// House is who may come in, and what they did there.
type House struct {
	Journal *Journal
	rules   Rules
	book    *book
	desk    *desk
	hasher  *hasher
	limits  *limits
	// strangers bounds what they can write into the journal.
	strangers *strangers
	openID    *openID // nil without a provider
	bare      bool    // of OpenDoor: it never asks who somebody is

	codeMu sync.Mutex
	code   string // of the set-up; empty when it is over
}

// OpenDoor is a house without a lock that keeps nothing on disk: everyone who reaches it may do everything.
func OpenDoor() *House {
	h, err := Open(Rules{SignIn: SignInOff, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		panic(err) // there is nothing in memory that could be damaged
	}
	h.bare = true
	return h
}

// Open opens a house. Errors: rules that would let strangers in, and damaged files, each in one sentence.
func Open(rules Rules) (*House, error) {
	rules.Idle, rules.Most = cmp.Or(rules.Idle, DefaultIdle), cmp.Or(rules.Most, DefaultMost)
	book, err := openBook(rules.Folder)
	if err != nil {
		return nil, err
	}
	desk, err := openDesk(rules.Folder)
	if err != nil {
		return nil, err
	}
	journal, err := OpenJournal(rules.Folder)
	if err != nil {
		return nil, err
	}
	h := &House{Journal: journal, rules: rules, book: book, desk: desk, hasher: newHasher(costOf(rules.Memory)), limits: newLimits(), strangers: newStrangers()}
	if rules.OpenID != nil {
		h.openID = newOpenID(*rules.OpenID)
	}
	if err := h.mayOpen(); err != nil {
		return nil, err
	}
	return h, h.makeCode()
}

// mayOpen refuses to let strangers in.
func (h *House) mayOpen() error {
	loopback := Loopback(h.rules.Listen)
	nobody := !h.anybody(h.now()) && h.openID == nil
	switch h.rules.SignIn {
	case SignInAuto:
		if !loopback && nobody {
			return fmt.Errorf("%w: the Control Room would listen on %s without sign-in: make a user (ui user add NAME --role admin), "+
				"set UI_SIGN_IN=local to make the first one on its page, or set UI_OPENID_ISSUER", fault.ErrInvalid, h.rules.Listen)
		}
	case SignInOff:
		if !loopback {
			return fmt.Errorf("%w: UI_SIGN_IN is off, which is for loopback only, but the Control Room would listen on %s", fault.ErrInvalid, h.rules.Listen)
		}
	case SignInLocal, SignInSetUp:
	default:
		return fmt.Errorf("%w: UI_SIGN_IN %q is none of auto, set-up, local and off", fault.ErrInvalid, h.rules.SignIn)
	}
	return nil
}

// Loopback says whether host:port can be reached from this machine only.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (h *House) now() time.Time { return h.rules.Now() }

// anybody says that there are local users.
func (h *House) anybody(now time.Time) bool { return len(h.book.view(now).Users) > 0 }

// open says that nobody needs to sign in.
func (h *House) open(now time.Time) bool {
	switch h.rules.SignIn {
	case SignInOff:
		return true
	case SignInAuto, SignInSetUp:
		return Loopback(h.rules.Listen) && h.openID == nil && !h.anybody(now)
	}
	return false
}

// SignIns are the ways in, for the page.
type SignIns struct {
	Local  bool   `json:"local"`            // with a name and a password
	OpenID string `json:"openid,omitempty"` // title of the provider
	SetUp  bool   `json:"set_up"`           // the first admin is still to be made
}

// Ways are the ways in as of now.
func (h *House) Ways() SignIns {
	anybody := h.anybody(h.now())
	ways := SignIns{Local: anybody && h.rules.SignIn != SignInOff, SetUp: h.codeHolds()}
	if h.openID != nil {
		ways.OpenID = h.openID.rules.Title
	}
	return ways
}

// Secure says that cookies are for https only.
func (h *House) Secure() bool { return strings.HasPrefix(h.rules.URL, "https://") }

// Proxies are the networks of reverse proxies whose word on where a request came from is believed.
func (h *House) Proxies() []*net.IPNet { return h.rules.Proxies }

// Origin is the origin at which browsers know the page; empty: they say.
func (h *House) Origin() string { return h.rules.URL }

// Who finds out who sends a request: by its token, else by its session, else by the open door. key is for Watch. Nobody
// has no role, which is no error. Errors: ErrUnauthorised for a token that is not good.
func (h *House) Who(r *http.Request, cookie string) (person Person, key string, err error) {
	if bearer, is := bearerOf(r); is {
		return h.token(bearer)
	}
	now := h.now()
	if h.open(now) {
		if !h.bare && !Loopback(r.Host) {
			return Person{}, "", fmt.Errorf("%w: without sign-in this page answers only to http://127.0.0.1 and http://localhost, not to %q", fault.ErrUnauthorised, r.Host)
		}
		if header := forwarded(r); header != "" && !h.bare {
			return Person{}, "", fmt.Errorf("%w: without sign-in this page answers only to this machine, and this request came through a proxy (%s): make a user first (ui user add NAME --role admin)", fault.ErrUnauthorised, header)
		}
		return Person{Role: Admin, By: ByOpenDoor}, openKey, nil
	}
	if cookie == "" {
		return Person{}, "", nil
	}
	person, key, _ = h.session(cookie)
	return person, key, nil
}

// forwarded is the header by which a proxy says that it hands a request on; empty: none did. A proxy on this machine may
// name it 127.0.0.1 to us, and let the whole world in by that.
func forwarded(r *http.Request) string {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return header
		}
	}
	return ""
}

func bearerOf(r *http.Request) (string, bool) {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), strings.EqualFold(kind, "Bearer")
}

// makeCode makes the one-time code of the set-up, while there are no users, and writes it to the log.
func (h *House) makeCode() error {
	if h.rules.SignIn == SignInOff || h.anybody(h.now()) {
		return nil
	}
	text := rand.Text()[:16] // base32: 80 bits
	h.code = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
	h.rules.Log.Info("nobody can sign in yet: make the first admin on the page /setup with this code", "code", h.code)
	if h.rules.CodeFile == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(h.rules.CodeFile), 0o700); err != nil {
		return fmt.Errorf("write the set-up code: %w", err)
	}
	if err := os.WriteFile(h.rules.CodeFile, []byte(h.code+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the set-up code: %w", err)
	}
	return nil
}

// Codes finds codes of the set-up in a text, whose process may be another one.
func Codes() *regexp.Regexp { return regexp.MustCompile(`\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b`) }

func (h *House) codeHolds() bool {
	h.codeMu.Lock()
	defer h.codeMu.Unlock()
	return h.code != "" && !h.anybody(h.now())
}

// SetUp makes the first admin, with the code of the log; the open door closes with it. Errors: ErrUnauthorised for a wrong
// code; ErrInvalid when there are users already; RetryAfter.
func (h *House) SetUp(ctx context.Context, code, name, password, address string) error {
	if err := h.limits.try(h.now(), "/setup", address); err != nil {
		return err
	}
	h.codeMu.Lock()
	defer h.codeMu.Unlock()
	if h.code == "" || h.anybody(h.now()) {
		return invalid("the first admin was made already: sign in")
	}
	if !same256(plain(code), plain(h.code)) {
		return fmt.Errorf("%w: this is not the code that stands in the log of ui", fault.ErrUnauthorised)
	}
	err := h.add(ctx, name, Admin, password, func(c *content) error {
		if len(c.Users) > 0 {
			return invalid("the first admin was made already: sign in")
		}
		return nil
	})
	if err != nil {
		return err
	}
	h.code = ""
	if h.rules.CodeFile != "" {
		if err := os.Remove(h.rules.CodeFile); err != nil {
			h.rules.Log.Warn("the file of the set-up code stays; the code is of no use any more", "err", err)
		}
	}
	h.Sweep() // whoever looked on through the open door
	return nil
}

// plain drops what people add when they copy a code.
func plain(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code)))
}

func same256(a, b string) bool { return digest(a) == digest(b) }

// sorted are the values of a map by key.
func sorted[V any](values map[string]V, key func(V) string) []V {
	return slices.SortedFunc(maps.Values(values), func(a, b V) int { return strings.Compare(key(a), key(b)) })
}
