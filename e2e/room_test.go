package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/testbin"
	"github.com/overcloud/overcloud/ui/browser"
)

// warmPolicy is the policy of the test with an alert as soon as the inlet has been at 27 °C for some seconds.
func warmPolicy() string {
	return strings.Replace(quickPolicy, `"warn":34`, `"warn":27,"warm_for":"2s","clear_for":"5s"`, 1)
}

// pageByHand is what somebody on call does, in a real browser: a load step comes, the page rings, a person overrides by
// clicks, the countdown runs, and the override ends by itself.
func (o *overcloud) pageByHand(t *testing.T) {
	chromium, err := browser.Start(t.Context())
	if errors.Is(err, browser.ErrNoChromium) && os.Getenv(testbin.Require) == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer chromium.Close()
	p, err := chromium.Open(o.url("control-room-port", ""), browser.Look{Width: 1280, Height: 800, Language: "en"})
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, p.Go("/"))
	seen := func(within time.Duration, what, script string) {
		t.Helper()
		began := time.Now()
		require.NoError(t, p.Until(within, what, script), "%v", p.Faults())
		t.Logf("%s: after %.1f s", what, time.Since(began).Seconds())
	}
	seen(30*time.Second, "both air conditioners are shown", `document.querySelectorAll("article.ac").length === 2`)

	o.temporal(t, "workflow", "signal", "--workflow-id", "tune/smart-energy/server-room", "--name", "policy", "--input", warmPolicy())
	o.load(t, 3)
	seen(90*time.Second, "the page rings", `/is at or above 27/.test(document.querySelector("main").innerText)`)
	o.load(t, 1)
	setpoint, until := o.overrideByClicks(t, p)

	counted := `document.querySelector("article[aria-label=ac1] .override .num")?.innerText ?? ""`
	seen(15*time.Second, "the countdown is shown", `/\d:\d\d/.test(`+counted+`)`)
	var before, after string
	require.NoError(t, p.Do(counted, &before))
	seen(5*time.Second, "it counts", counted+` !== `+fmt.Sprintf("%q", before))
	require.NoError(t, p.Do(counted, &after))
	require.Regexp(t, `\d:\d\d`, after)
	seen(30*time.Second, "the air conditioner confirms", fmt.Sprintf(`document.querySelector("article[aria-label=ac1] .three li:last-child b").innerText.startsWith("%d ")`, setpoint))
	require.Equal(t, setpoint, o.state(t).ac("ac1").Desired)

	seen(time.Until(until)+20*time.Second, "the override ended by itself", `!document.querySelector("article[aria-label=ac1] .override")`)
	require.False(t, time.Now().Before(until.Add(-2*time.Second)), "it ended before its time")
	require.Empty(t, o.state(t).ac("ac1").Overrides)
	require.Empty(t, p.Faults(), "what the browser complained of")
}

// overrideByClicks opens the dialog of ac1, goes one degree colder or warmer, until the next whole minute but one, and sends
// it. It returns what was sent.
func (o *overcloud) overrideByClicks(t *testing.T, p *browser.Page) (setpoint int, until time.Time) {
	t.Helper()
	require.NoError(t, p.Click("article[aria-label=ac1] .ask"))
	require.NoError(t, p.Until(10*time.Second, "the dialog opens", `document.querySelector("dialog[open] #override-send")`))
	require.NoError(t, p.Click("dialog .stepper button:not(:disabled)"))
	require.NoError(t, p.Do(`Number(document.querySelector("#override-range").value)`, &setpoint))
	until = time.Now().Add(90 * time.Second).Truncate(time.Minute)
	if time.Until(until) < 61*time.Second { // the dialog takes nothing shorter than a minute
		until = until.Add(time.Minute)
	}
	require.NoError(t, p.Click(`dialog label.chip:has(input[value="until"])`))
	require.NoError(t, p.Until(5*time.Second, "it asks until when", `document.querySelector("dialog input[type=datetime-local]")`))
	require.NoError(t, p.Do(fmt.Sprintf(`(() => {
	  const e = document.querySelector("dialog input[type=datetime-local]");
	  e.value = %q;
	  e.dispatchEvent(new Event("input", {bubbles: true}));
	})()`, until.Format("2006-01-02T15:04")), nil))
	require.NoError(t, p.Click("dialog input[name=who]"))
	require.NoError(t, p.Press("e", "2", "e"))
	require.NoError(t, p.Click("#override-send"))
	if err := p.Until(15*time.Second, "the override is taken", `!document.querySelector("dialog")`); err != nil {
		var said string
		require.NoError(t, p.Do(`document.querySelector("dialog .error")?.innerText ?? ""`, &said))
		require.NoError(t, err, said)
	}
	return setpoint, until
}
