package browser

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// strict: the page's policy lets no inline script or style run, and the page needs none.
func (b browser) strict(t *testing.T) {
	s := stage(t, Busy)
	answer, err := http.Get(s.Origin() + "/")
	require.NoError(t, err)
	defer answer.Body.Close()
	policy := answer.Header.Get("Content-Security-Policy")
	require.Regexp(t, `(default|script)-src 'self'`, policy)
	require.NotRegexp(t, `unsafe-|\*|https?:`, policy)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NotRegexp(t, `<script>|<style>|\son[a-z]+=|\sstyle=`, string(body))

	// The policy is there and it bites: what a stranger writes into the page does not run.
	p, err := b.Open(s.Origin(), laptop())
	require.NoError(t, err)
	defer p.Close()
	arrive(t, p, "/")
	require.NoError(t, p.Do(`document.body.insertAdjacentHTML("beforeend", "<img src=/nothing onerror='window.stranger = 1'><style>main {display: none}</style>");
	  const s = document.createElement("script"); s.textContent = "window.stranger = 2"; document.body.append(s)`, nil))
	until(t, p, "the browser held it back", `performance.getEntriesByName(location.origin + "/nothing").length > 0`)
	require.True(t, ask[bool](t, p, `window.stranger === undefined && document.querySelector("main").checkVisibility()`))
	require.NotEmpty(t, p.Faults(), "and complained")
}
