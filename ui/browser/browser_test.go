package browser

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/testbin"
)

// TestThePageInARealBrowser looks at the page as people do. One browser serves all of it; each part has its own profile
// and, where it changes anything, its own stage.
func TestThePageInARealBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a real browser takes a minute")
	}
	chromium, err := Start(t.Context())
	if errors.Is(err, ErrNoChromium) && os.Getenv(testbin.Require) == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(chromium.Close)
	b := browser{chromium}
	t.Run("every place, size, colour and language", b.everyPlace)
	t.Run("the dialogs on a phone", b.dialogs)
	t.Run("nothing that axe calls serious", b.accessible)
	t.Run("the server goes and comes back", b.reconnects)
	t.Run("a broken stream goes on where it was", b.resumes)
	t.Run("a silent sensor greys with its age", b.staleness)
	t.Run("an override by the keyboard alone", b.keyboard)
	t.Run("no script and no style but the page's own", b.strict)
	t.Run("what the chart does with columns", b.columns)
	t.Run("the chart moves through time", b.chart)
	t.Run("signing in, and what each role may do", b.signsIn)
}

type browser struct{ *Chromium }

// stage opens a stage for one test.
func stage(t *testing.T, scene Scene) *Stage {
	t.Helper()
	world, err := NewWorld(scene, time.Now())
	require.NoError(t, err)
	s := NewStage(world, "127.0.0.1:0", t.TempDir())
	require.NoError(t, s.Open())
	t.Cleanup(s.Close)
	return s
}

// The sizes that the page is made for: a wall screen, a laptop, a phone.
func wall() Look   { return Look{Width: 1920, Height: 1080, Language: "en"} }
func laptop() Look { return Look{Width: 1280, Height: 800, Language: "en"} }
func phone() Look  { return Look{Width: 390, Height: 844, Language: "en"} }

// open opens a place of a stage. When the test ends, whatever the browser complained of fails it, but for what is expected.
func (b browser) open(t *testing.T, s *Stage, look Look, path string, expected ...string) *Page {
	t.Helper()
	p, err := b.Open(s.Origin(), look)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.Empty(t, p.Faults(expected...), "what the browser complained of")
		p.Close()
	})
	arrive(t, p, path)
	return p
}

// drawn holds once the page has the server's state and a place has drawn itself.
const drawn = `document.querySelector("#main > *") && document.querySelector("#main").innerText.trim().length > 0 && !document.querySelector("#main > p.quiet.pad:only-child")`

// patience is how long a page may take on two busy cores.
const patience = 20 * time.Second

func arrive(t *testing.T, p *Page, path string) {
	t.Helper()
	require.NoError(t, p.Go(path))
	until(t, p, path+" is drawn", drawn)
}

func until(t *testing.T, p *Page, what, script string) {
	t.Helper()
	require.NoError(t, p.Until(patience, what, script))
}

// ask is the value of a script in the page.
func ask[T any](t *testing.T, p *Page, script string) T {
	t.Helper()
	var value T
	require.NoError(t, p.Do(script, &value))
	return value
}
