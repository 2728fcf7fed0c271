package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// places are the page's own addresses, as the stage has them.
func places() []string {
	return []string{"/", "/rooms/server-room", "/boxes", "/boxes/rack-1", "/service", "/alerts", "/people", "/sign-in", "/setup"}
}

// EnvPictures names a folder into which everyPlace puts a picture of each look at each place.
const envPictures = "UI_PICTURES"

// everyPlace: no exception, nothing untranslated, nothing that sticks out sideways, nothing to press without a name.
func (b browser) everyPlace(t *testing.T) {
	s := stage(t, Busy)
	for _, language := range []string{"en", "ko"} {
		for _, path := range places() {
			t.Run(language+path, func(t *testing.T) {
				look := wall()
				look.Language = language
				p := b.open(t, s, look, path)
				require.Empty(t, ask[[]string](t, p, foreign), "what was asked of others")
				for _, size := range []Look{wall(), laptop(), phone()} {
					for _, dark := range []bool{false, true} {
						size.Dark = dark
						require.NoError(t, p.See(size))
						wellFormed(t, p, size)
						picture(t, p, size, language, path)
					}
				}
			})
		}
	}
}

// dialogs: each dialog of the overview and the service is as well formed as the places are, on a phone.
func (b browser) dialogs(t *testing.T) {
	s := stage(t, Busy)
	for _, language := range []string{"en", "ko"} {
		look := phone()
		look.Language = language
		p := b.open(t, s, look, "/")
		for path, buttons := range map[string]string{"/": "article.ac .ask", "/service": ".service-head .controls button"} {
			arrive(t, p, path)
			all := fmt.Sprintf("document.querySelectorAll(%q)", buttons)
			until(t, p, "something opens a dialog at "+path, all+".length > 0")
			for i := range ask[int](t, p, all+".length") {
				require.NoError(t, p.Do(fmt.Sprintf("%s[%d].click()", all, i), nil))
				until(t, p, fmt.Sprintf("dialog %d of %s opens", i, path), `document.querySelector("dialog[open]")?.innerText.length > 20 && !document.querySelector("dialog [aria-busy=true]")`)
				wellFormed(t, p, look)
				require.NoError(t, p.Press(kb.Escape))
				until(t, p, "it closes", `!document.querySelector("dialog")`)
			}
		}
	}
}

// unsaid finds texts that are a key or have a blank that nobody filled.
const unsaid = `(() => {
  const found = [], bad = /^(shell|nav|role|time|overview|room|boxes|box|service|override|alerts|people|chart|spark|sign|setup)\.[a-z_0-9.]+$|\{[a-z_]+\}|undefined|\[object |NaN/;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim();
    if (bad.test(text) && !walk.currentNode.parentElement.closest("pre, code, [lang=en], script, style, noscript")) found.push(text);
  }
  for (const e of document.querySelectorAll("[aria-label], [title], [placeholder], [alt]"))
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      const text = e.getAttribute(name) ?? "";
      if (bad.test(text.trim())) found.push(name + "=" + text);
    }
  return found;
})()`

// nameless finds what can be pressed and does not say what it does.
const nameless = `[...document.querySelectorAll("button, a[href], input:not([type=hidden]), select, textarea")]
  .filter((e) => e.checkVisibility() && !((e.innerText ?? e.textContent).trim() || e.getAttribute("aria-label") || e.getAttribute("title") || e.labels?.length || e.getAttribute("aria-labelledby") || e.querySelector("img[alt]:not([alt=''])")))
  .map((e) => e.outerHTML.slice(0, 160))`

// wide finds what makes the page wider than the screen.
const wide = `(() => {
  const most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= most) return [];
  const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > most + 1 && !e.parentElement.closest(".scroll"));
  return ["the page is " + document.documentElement.scrollWidth + " wide", ...out.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))];
})()`

// foreign finds what was loaded from anywhere but the page's own server.
const foreign = `performance.getEntriesByType("resource").map((r) => r.name).filter((n) => !n.startsWith(location.origin + "/") && !n.startsWith("data:"))`

// tiny finds what a thumb would miss on a phone.
const tiny = `[...document.querySelectorAll("main button, main .button, main select, main input:not([type=checkbox], [type=radio], [type=range], [type=file]), dialog button")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 0 && e.getBoundingClientRect().height < 35.5)
  .map((e) => Math.round(e.getBoundingClientRect().height) + " px: " + e.outerHTML.slice(0, 120))`

func wellFormed(t *testing.T, p *Page, look Look) {
	t.Helper()
	at := fmt.Sprintf("at %d", look.Width)
	require.Empty(t, ask[[]string](t, p, unsaid), "texts without a translation "+at)
	require.Empty(t, ask[[]string](t, p, nameless), "without a name "+at)
	require.Empty(t, ask[[]string](t, p, wide), "sideways scroll "+at)
	if look.Width < 500 {
		require.Empty(t, ask[[]string](t, p, tiny), "too small to press "+at)
	}
}

func picture(t *testing.T, p *Page, look Look, language, path string) {
	t.Helper()
	folder := os.Getenv(envPictures)
	if folder == "" {
		return
	}
	colour := "light"
	if look.Dark {
		colour = "dark"
	}
	name := strings.Trim(strings.ReplaceAll(path, "/", "-"), "-")
	if name == "" {
		name = "overview"
	}
	data, err := p.Picture()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s-%s.png", name, look.Width, colour, language)), data, 0o644))
}
