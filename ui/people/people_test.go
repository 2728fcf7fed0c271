package people

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

func newClock() *clock { return &clock{at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)} }

// cheap is a cost for tests that are not about the cost.
func cheap() cost { return cost{memory: 64, passes: 1, threads: 1} }

func house(t *testing.T, folder string, time *clock, change ...func(*Rules)) *House {
	t.Helper()
	rules := Rules{Folder: folder, SignIn: SignInLocal, Listen: "0.0.0.0:8080", Log: slog.New(slog.DiscardHandler), Now: time.now}
	for _, f := range change {
		f(&rules)
	}
	h, err := Open(rules)
	require.NoError(t, err)
	h.hasher = newHasher(cheap())
	return h
}

const secretWord = "correct horse battery"

func ask(host string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://"+host+"/api/v1/state", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func who(t *testing.T, h *House, cookie string) Person {
	t.Helper()
	person, _, err := h.Who(ask("10.0.0.1"), cookie)
	require.NoError(t, err)
	return person
}

func TestWhoMayStartAHouse(t *testing.T) {
	for _, c := range []struct{ name, signIn, listen, says string }{
		{"open on loopback", SignInAuto, "127.0.0.1:8080", ""},
		{"open on any loopback address", SignInAuto, "127.3.2.1:8080", ""},
		{"open on loopback of version 6", SignInAuto, "[::1]:8080", ""},
		{"not open on every address", SignInAuto, "0.0.0.0:8080", "would listen on 0.0.0.0:8080 without sign-in"},
		{"not open on an address of the network", SignInAuto, "10.0.0.7:8080", "set UI_SIGN_IN=local"},
		{"not off there either", SignInOff, "0.0.0.0:8080", "for loopback only"},
		{"off on loopback", SignInOff, "127.0.0.1:8080", ""},
		{"with set-up anywhere", SignInSetUp, "0.0.0.0:8080", ""},
		{"with sign-in anywhere", SignInLocal, "0.0.0.0:8080", ""},
		{"with a misspelt rule nowhere", "none", "127.0.0.1:8080", `UI_SIGN_IN "none" is none of auto, set-up, local and off`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(Rules{Folder: t.TempDir(), SignIn: c.signIn, Listen: c.listen, Log: slog.New(slog.DiscardHandler), Now: time.Now})
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAutoStartsAnywhereOnceThereAreUsers(t *testing.T) {
	folder, at := t.TempDir(), newClock()
	require.NoError(t, house(t, folder, at).AddUser(t.Context(), "kim", Admin, secretWord))
	h := house(t, folder, at, func(r *Rules) { r.SignIn = SignInAuto })
	require.Equal(t, Person{}, who(t, h, ""), "nobody is let in without a session")
}

func TestADamagedFileStopsTheStartWithOneSentence(t *testing.T) {
	for _, text := range []string{`{"users": {`, `{"users":{"kim":{"name":"kim","role":"king"}}}`, `{"users":{"kim":{"name":"kim","role":"admin","hash":"md5"}}}`} {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "people.json"), []byte(text), 0o600))
		_, err := Open(Rules{Folder: folder, SignIn: SignInLocal, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		require.ErrorContains(t, err, "people.json is damaged (")
		require.ErrorContains(t, err, "put a copy back, or move it away")
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestSetUpMakesTheFirstAdminAndClosesTheOpenDoor(t *testing.T) {
	folder, at := t.TempDir(), newClock()
	file := filepath.Join(t.TempDir(), "deep", "code")
	h := house(t, folder, at, func(r *Rules) { r.SignIn, r.Listen, r.CodeFile = SignInAuto, "127.0.0.1:8080", file })
	open, key, err := h.Who(ask("127.0.0.1:8080"), "")
	require.NoError(t, err)
	require.Equal(t, Person{Role: Admin, By: ByOpenDoor}, open)
	watched, stop := h.Watch(t.Context(), key)
	defer stop()
	require.True(t, h.Ways().SetUp)
	about, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())
	code, err := os.ReadFile(file)
	require.NoError(t, err)

	require.ErrorIs(t, h.SetUp(t.Context(), "AAAA-AAAA-AAAA-AAAA", "kim", secretWord, "a"), fault.ErrUnauthorised)
	require.ErrorIs(t, h.SetUp(t.Context(), string(code), "kim", "short", "a"), fault.ErrInvalid, "the code is good for another try")
	require.NoError(t, h.SetUp(t.Context(), strings.ToLower(string(code)), "kim", secretWord, "a"))
	require.Error(t, watched.Err(), "who looked on through the open door sees no more")
	require.Equal(t, SignIns{Local: true}, h.Ways())
	closed, _, err := h.Who(ask("127.0.0.1:8080"), "")
	require.NoError(t, err)
	require.Empty(t, closed.Role)
	require.NoFileExists(t, file)
	require.ErrorIs(t, h.SetUp(t.Context(), string(code), "lee", secretWord, "a"), fault.ErrInvalid)
	_, person, err := h.SignIn(t.Context(), "kim", secretWord, "a", "")
	require.NoError(t, err)
	require.Equal(t, Admin, person.Role)
}

func TestTheOpenDoorAnswersOnlyToItsOwnName(t *testing.T) {
	h := house(t, "", newClock(), func(r *Rules) { r.SignIn, r.Listen = SignInAuto, "127.0.0.1:8080" })
	for _, host := range []string{"127.0.0.1:8080", "localhost:9000", "[::1]:8080", "127.9.9.9"} {
		person, _, err := h.Who(ask(host), "")
		require.NoError(t, err, host)
		require.Equal(t, Admin, person.Role)
	}
	for _, host := range []string{"evil.example:8080", "10.0.0.7:8080", "localhost.evil.example"} {
		_, _, err := h.Who(ask(host), "")
		require.ErrorIs(t, err, fault.ErrUnauthorised, host)
	}
}

func TestRulesOfNamesAndPasswords(t *testing.T) {
	h := house(t, "", newClock())
	for _, c := range []struct{ name, role, password, says string }{
		{"", "admin", secretWord, "a name has 1 to 64 characters"},
		{strings.Repeat("x", 65), "admin", secretWord, "a name has 1 to 64 characters"},
		{" kim", "admin", secretWord, "does not begin or end with a blank"},
		{"kim<b>", "admin", secretWord, "but not '<'"},
		{"kim", "king", secretWord, `there is no role "king"`},
		{"kim", "admin", "ninechars", "at least 10 characters"},
		{"kim.the.admin", "admin", "Kim.The.Admin", "a password is not the name"},
		{"kim", "admin", strings.Repeat("x", 1025), "at most 1024 bytes"},
		{"kim", "admin", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "is no text"},
	} {
		err := h.AddUser(t.Context(), c.name, Role(c.role), c.password)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, c.says)
	}
	require.Empty(t, h.Users())
	require.NoError(t, h.AddUser(t.Context(), "김 영희", Admin, "열글자가넘는비밀번호임"))
	require.ErrorContains(t, h.AddUser(t.Context(), "김 영희", Admin, secretWord), "there is a user \"김 영희\" already")
}

func TestTheLastAdminStays(t *testing.T) {
	h := house(t, "", newClock())
	yes, viewer := true, Viewer
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	require.NoError(t, h.AddUser(t.Context(), "lee", Operator, secretWord))
	for _, err := range []error{
		h.RemoveUser("Kim"), h.EditUser(t.Context(), "kim", Edit{Role: &viewer}), h.EditUser(t.Context(), "KIM", Edit{Disabled: &yes}),
	} {
		require.ErrorContains(t, err, "kim is the last admin: make another one first")
	}
	admin := Admin
	require.NoError(t, h.EditUser(t.Context(), "lee", Edit{Role: &admin}))
	require.NoError(t, h.RemoveUser("kim"))
	require.ErrorIs(t, h.RemoveUser("kim"), fault.ErrNotFound)
}

func TestHashesAreArgon2idAndGrowWithTheCost(t *testing.T) {
	h := house(t, t.TempDir(), newClock())
	require.NoError(t, h.AddUser(t.Context(), "kim", Admin, secretWord))
	require.Regexp(t, `^\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$`, h.book.held.Users["kim"].Hash)
	require.Equal(t, cost{19456, 2, 1}, owasp())
	h.hasher = newHasher(cost{memory: 128, passes: 1, threads: 1})
	_, _, err := h.SignIn(t.Context(), "kim", "wrong wrong wrong", "a", "")
	require.Error(t, err)
	require.Contains(t, h.book.held.Users["kim"].Hash, "m=64,", "a wrong password changes nothing")
	secret, _, err := h.SignIn(t.Context(), "kim", secretWord, "a", "")
	require.NoError(t, err)
	require.Contains(t, h.book.held.Users["kim"].Hash, "m=128,")
	require.Equal(t, Admin, who(t, h, secret).Role, "the session goes on")
	_, _, err = h.SignIn(t.Context(), "kim", secretWord, "a", "")
	require.NoError(t, err)
}

func TestACrowdAtTheDoorWaitsInLine(t *testing.T) {
	h := newHasher(cheap())
	for range hashesAtOnce {
		h.line <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.make(ctx, secretWord)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAnotherProcessChangesUsers(t *testing.T) {
	folder, at := t.TempDir(), newClock()
	first, second := house(t, folder, at), house(t, folder, at)
	require.NoError(t, first.AddUser(t.Context(), "kim", Admin, secretWord))
	require.NoError(t, second.AddUser(t.Context(), "lee", Viewer, secretWord))
	at.add(time.Second)
	require.Len(t, first.Users(), 2, "neither lost the other's")
	secret, _, err := first.SignIn(t.Context(), "lee", secretWord, "a", "")
	require.NoError(t, err)
	require.NoError(t, second.RemoveUser("lee"))
	at.add(time.Second)
	require.Empty(t, who(t, first, secret).Role)
	about, err := os.Stat(filepath.Join(folder, "people.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), about.Mode().Perm())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "people.json"), []byte("{"), 0o600))
	at.add(time.Second)
	require.Len(t, first.Users(), 1, "what was known goes on to hold")
	require.ErrorContains(t, first.RemoveUser("kim"), "damaged")
}

func TestTokens(t *testing.T) {
	folder, at := t.TempDir(), newClock()
	h := house(t, folder, at)
	secret, info, err := h.AddToken("grafana", Viewer, time.Hour, "kim")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(secret, "overcloud_"))
	body, err := os.ReadFile(filepath.Join(folder, "people.json"))
	require.NoError(t, err)
	require.NotContains(t, string(body), secret)
	require.True(t, h.Tokens()[0].Used.IsZero())

	person, key, err := h.Who(ask("10.0.0.1", "Authorization", "Bearer "+secret), "")
	require.NoError(t, err)
	require.Equal(t, Person{Name: "grafana", Role: Viewer, By: ByToken}, person)
	require.Equal(t, at.now(), h.Tokens()[0].Used)
	watched, stop := h.Watch(t.Context(), key)
	defer stop()
	at.add(time.Hour + time.Second)
	_, _, err = h.Who(ask("10.0.0.1", "Authorization", "Bearer "+secret), "")
	require.ErrorContains(t, err, `the token "grafana" ended on 2030-01-01`)
	h.Sweep()
	require.Error(t, watched.Err())

	for _, wrong := range []string{"", "overcloud_x", secret + "x"} {
		_, _, err = h.Who(ask("10.0.0.1", "Authorization", "Bearer "+wrong), "")
		require.ErrorIs(t, err, fault.ErrUnauthorised)
	}
	name, err := h.RevokeToken(info.ID)
	require.NoError(t, err)
	require.Equal(t, "grafana", name)
	_, err = h.RevokeToken(info.ID)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, _, err = h.AddToken("x", Viewer, -time.Hour, "")
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestRolesCoverThoseBelow(t *testing.T) {
	require.True(t, Admin.Covers(Viewer) && Admin.Covers(Admin) && Operator.Covers(Viewer) && Viewer.Covers(Viewer))
	require.False(t, Viewer.Covers(Operator) || Operator.Covers(Admin) || Role("").Covers(Viewer) || Role("king").Covers(Viewer) || Admin.Covers("king"))
}
