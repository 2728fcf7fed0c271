package browser

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/ui/people"
)

const password = "correct horse battery"

// acting finds what a person could press to change something: it stands in a part that is covered when nothing is heard.
const acting = `[...document.querySelectorAll("main .controls button:not(:disabled), main .controls input:not(:disabled)")].filter((e) => e.checkVisibility()).map((e) => e.innerText || e.ariaLabel || e.outerHTML.slice(0, 80))`

// signsIn: people sign in by the page, each role sees what it may do and no more, and signing out ends it.
func (b browser) signsIn(t *testing.T) {
	world, err := NewWorld(Busy, time.Now())
	require.NoError(t, err)
	s := NewStage(world, "127.0.0.1:0", t.TempDir())
	s.People, err = people.Open(people.Rules{Folder: t.TempDir(), SignIn: people.SignInLocal, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	require.NoError(t, err)
	for _, role := range []people.Role{people.Viewer, people.Operator, people.Admin} {
		require.NoError(t, s.People.AddUser(t.Context(), "the-"+string(role), role, password))
	}
	require.NoError(t, s.Open())
	t.Cleanup(s.Close)
	for _, c := range []struct {
		role people.Role
		acts bool
	}{{people.Viewer, false}, {people.Operator, true}, {people.Admin, true}} {
		t.Run(string(c.role), func(t *testing.T) {
			p := b.open(t, s, laptop(), "/", "status of (401|403|422)") // who is that, and what is refused below
			until(t, p, "it sends one to sign in", `location.pathname === "/sign-in" && document.querySelector("input[type=password]")`)
			enter(t, p, "the-"+string(c.role), "a wrong one")
			until(t, p, "a wrong password is refused in a sentence", `document.querySelector(".error, [role=alert]")?.innerText.trim().length > 10`)
			enter(t, p, "the-"+string(c.role), password)
			until(t, p, "it is in, where it wanted to go", `location.pathname === "/" && document.querySelector("article.ac")`)
			for _, path := range []string{"/", "/rooms/server-room", "/boxes", "/service", "/alerts"} {
				arrive(t, p, path)
				if !c.acts {
					require.Empty(t, ask[[]string](t, p, acting), "what a viewer could press at %s", path)
				} else if path == "/" || path == "/alerts" || path == "/service" {
					until(t, p, "something acts at "+path, acting+`.length > 0`)
				}
			}
			require.Equal(t, c.acts, ask[int](t, p, overrideByHand) != 403, "the server holds it too")
			require.NoError(t, p.Click("#sign-out"))
			until(t, p, "it is out", `location.pathname === "/sign-in"`)
			require.Equal(t, 401, ask[int](t, p, `fetch("/api/v1/state").then((r) => r.status)`))
		})
	}
}

const overrideByHand = `fetch("/api/v1/rooms/server-room/overrides", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({ac: "ac9", setpoint: 24, for: "1m", why: "test"})}).then((r) => r.status)`

// enter fills in the form as a password manager finds it.
func enter(t *testing.T, p *Page, name, secret string) {
	t.Helper()
	for selector, text := range map[string]string{"input[autocomplete~=username]": name, "input[autocomplete~=current-password]": secret} {
		require.NoError(t, p.Do(fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.focus(); e.select(); })()`, selector), nil))
		for _, key := range text {
			press(t, p, string(key))
		}
	}
	require.NoError(t, p.Do(`document.querySelector("input[type=password]").focus()`, nil))
	press(t, p, kb.Enter)
}
