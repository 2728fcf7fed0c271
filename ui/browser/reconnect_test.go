package browser

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/spec"
)

// listen lets the test see what the page's streams are told, and what they ask for.
const listen = `(() => {
  window.seen = {opened: 0, states: 0, patches: 0, ids: []};
  const Real = window.EventSource;
  window.EventSource = class extends Real {
    constructor(...args) {
      super(...args);
      window.stream = this;
      this.addEventListener("open", () => window.seen.opened++);
      for (const kind of ["state", "patch"]) this.addEventListener(kind, (e) => { window.seen[kind === "state" ? "states" : "patches"]++; window.seen.ids.push(e.lastEventId); });
    }
  };
})()`

// away is what the browser complains of when nobody answers.
const away = `ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE`

// reconnects: the server goes and the page says so, covers its controls and lets nobody act; it comes back on the same port
// and the page goes on by itself, with new values.
func (b browser) reconnects(t *testing.T) {
	t.Parallel() // it mostly waits
	s := stage(t, Busy)
	p, err := b.Open(s.Origin(), laptop())
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Before(listen))
	arrive(t, p, "/")
	until(t, p, "patches come", `window.seen.patches > 0`)
	require.False(t, ask[bool](t, p, `document.body.classList.contains("lost")`))
	require.NotZero(t, ask[int](t, p, `document.querySelectorAll("main .controls button").length`), "there are controls to cover")

	s.Close()
	until(t, p, "the page says that it hears nothing", `document.querySelector("#lost[role=alert]")?.checkVisibility()`)
	require.Regexp(t, `\d+ s`, ask[string](t, p, `document.querySelector("#lost").innerText`), "for how long")
	require.Empty(t, ask[[]string](t, p, reachable), "controls that still act")

	s.World.Warm(3)
	require.NoError(t, s.Open())
	until(t, p, "the page hears again", `!document.querySelector("#lost") && !document.body.classList.contains("lost")`)
	until(t, p, "the values are new", `Number(document.querySelector("main").innerText.match(/(\d+\.\d)\s*°C/)[1]) > 27.5`)
	require.NotEmpty(t, ask[[]string](t, p, reachableAll), "the controls act again")
	require.Empty(t, p.Faults(away))
}

// reachable are the controls of the page that a mouse or a keyboard gets to although they ought to be covered.
const reachable = `[...document.querySelectorAll("main .controls button, main .controls a, main .controls input")]
  .filter((e) => {
    e.scrollIntoView({block: "center"});
    const box = e.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    e.focus();
    return document.activeElement === e || hit === e || e.contains(hit);
  }).map((e) => e.outerHTML.slice(0, 100))`

const reachableAll = `[...document.querySelectorAll("main .controls button:not(:disabled)")].filter((e) => { e.focus(); return document.activeElement === e; }).map((e) => e.innerText || e.ariaLabel)`

// resumes: a stream that breaks while the server lives goes on where it was: nothing is sent twice and nothing is missed.
func (b browser) resumes(t *testing.T) {
	t.Parallel() // it mostly waits
	s := stage(t, Calm)
	p, err := b.Open(s.Origin(), laptop())
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Before(listen))
	arrive(t, p, "/")
	until(t, p, "patches come", `window.seen.patches > 1`)
	heard := ask[string](t, p, `window.seen.ids.at(-1)`)
	require.NotEmpty(t, heard, "patches have ids")
	s.Drop()
	until(t, p, "the stream is open again", `window.seen.opened > 1`)
	streams := s.Streams()
	require.Len(t, streams, 2)
	require.Equal(t, "", streams[0])
	require.NotEmpty(t, streams[1], "it says what it heard last")
	patches := ask[int](t, p, `window.seen.patches`)
	until(t, p, "patches go on", `window.seen.patches > `+strconv.Itoa(patches))
	require.Equal(t, 1, ask[int](t, p, `window.seen.states`), "the whole state was sent once")
	require.Empty(t, p.Faults(away))
}

// staleness: a sensor that says nothing any more greys with its age, without a word from the server.
func (b browser) staleness(t *testing.T) {
	t.Parallel() // it mostly waits
	s := stage(t, Calm)
	s.World.Change("server-room", func(p *spec.Policy) { p.StaleAfter = spec.Duration(5 * time.Second) })
	p := b.open(t, s, laptop(), "/")
	const tile = `[...document.querySelectorAll("main .stale")].filter((e) => /rack A inlet/.test(e.innerText))`
	require.Zero(t, ask[int](t, p, tile+`.length`), "it is fresh")
	s.World.Silence(1)
	until(t, p, "the tile of the silent sensor is grey", tile+`.length > 0`)
	until(t, p, "it says its age", tile+`.some((e) => /\d+ (s|min)/.test(e.innerText))`)
}
