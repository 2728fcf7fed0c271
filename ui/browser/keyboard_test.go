package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

func press(t *testing.T, p *Page, keys ...string) {
	t.Helper()
	require.NoError(t, p.Press(keys...))
}

// unseen says what has the focus and does not show it; "" when it shows.
const unseen = `(() => {
  const e = document.activeElement;
  if (!e || e === document.body || e.closest("dialog") === e) return "";
  for (let n = e; n && n !== document.body; n = n.parentElement) {
    const s = getComputedStyle(n);
    if (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1) return "";
  }
  return e.outerHTML.slice(0, 120);
})()`

// tabTo presses Tab until a script holds; whatever has the focus on the way must show it.
func tabTo(t *testing.T, p *Page, what, holds string) {
	t.Helper()
	for range 120 {
		press(t, p, kb.Tab)
		require.Empty(t, ask[string](t, p, unseen), "the focus does not show")
		if ask[bool](t, p, holds) {
			return
		}
	}
	t.Fatalf("Tab never reached %s", what)
}

const colder = `document.activeElement.closest("article")?.getAttribute("aria-label") === "ac1" && document.activeElement.innerText.trim() === "−"`

// keyboard: from loading the page to an override that holds, and its end, without a mouse.
func (b browser) keyboard(t *testing.T) {
	s := stage(t, Calm)
	p := b.open(t, s, laptop(), "/")
	press(t, p, kb.Tab)
	require.Contains(t, ask[string](t, p, `document.activeElement.className`), "skip", "the first stop skips to the content")
	press(t, p, kb.Enter)
	tabTo(t, p, "the button − of ac1", colder)

	press(t, p, kb.Enter)
	until(t, p, "the dialog is open, with the focus in it", `document.querySelector("dialog[open]")?.contains(document.activeElement)`)
	for range 40 {
		press(t, p, kb.Tab)
		require.True(t, ask[bool](t, p, `document.activeElement === document.body || document.querySelector("dialog").contains(document.activeElement)`), "the focus left the dialog")
	}
	press(t, p, kb.Escape)
	until(t, p, "Escape closes it", `!document.querySelector("dialog")`)
	until(t, p, "the focus is where it was", colder)

	press(t, p, kb.Enter)
	until(t, p, "the dialog is open again", `document.querySelector("dialog[open]")`)
	tabTo(t, p, "the slider", `document.activeElement.id === "override-range"`)
	press(t, p, kb.ArrowLeft)
	require.Equal(t, "22", ask[string](t, p, `document.activeElement.value`), "one degree below the − of 24 °C")
	tabTo(t, p, "the field for the name", `document.activeElement.matches("dialog input[name=who], dialog input[autocomplete=name]")`)
	press(t, p, "k", "i", "m")
	tabTo(t, p, "the button that sends", `document.activeElement.id === "override-send"`)
	press(t, p, kb.Enter)
	until(t, p, "it is taken", `!document.querySelector("dialog")`)
	require.Len(t, s.World.Asked(), 1)
	require.Regexp(t, `^override server-room/ac1 22 °C for 1h0m0s by kim: .+`, s.World.Asked()[0])
	until(t, p, "the countdown runs", counting)
	until(t, p, "the focus is where it was", colder)

	tabTo(t, p, "the button that ends it", `document.activeElement.closest(".override") && document.activeElement.matches("button")`)
	press(t, p, kb.Enter)
	until(t, p, "it asks", `document.querySelector("dialog[open]")`)
	tabTo(t, p, "yes", `document.activeElement.matches("dialog .primary, dialog .danger")`)
	press(t, p, kb.Enter)
	until(t, p, "the override is gone", `!document.querySelector("main .override .badge")`)
	require.Contains(t, fmt.Sprint(s.World.Asked()[1:]), "resume server-room")
}

// counting holds when an override's countdown is shown.
const counting = `/\b(59|1:00):\d\d/.test([...document.querySelectorAll("main .override")].map((e) => e.innerText).join())`
