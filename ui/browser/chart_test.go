package browser

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// columns runs what the chart does with columns, in the browser that will run it.
func (b browser) columns(t *testing.T) {
	p := b.open(t, stage(t, Calm), laptop(), "/")
	for _, c := range []struct{ name, script, want string }{
		{
			"nulls between near values are no gap, others are", `c.joined([0, 1, 2, 50, 51], [1, null, 2, null, 3], 10).map((v) => v === undefined ? "-" : v)`,
			`[1,"-",2,null,3]`,
		},
		{
			"what is told is appended, and a silence stays a gap",
			`(() => { const a = c.columnsOf({ times: [0, 10], gap_ms: 30, step_ms: 0, from: 0, to: 10, series: [{ id: "a", values: [1, 2] }, { id: "b", values: [1, null] }] });
			  const took = [c.append(a, 20, { b: 5 }), c.append(a, 15, { b: 9 }), c.append(a, 20, { a: 3 }), c.append(a, 100, { a: 7 }), c.append(a, 101, { a: 8, b: 1 })];
			  const list = (v) => v.map((x) => x === undefined ? "-" : x);
			  return [took, a.times, list(a.by.a.values), list(a.by.b.values), a.stored]; })()`,
			`[[true,false,true,true,true],[0,10,20,21,100,101],[1,2,3,null,7,8],[1,"-",5,null,null,1],2]`,
		},
		{
			"the value under the cursor is the one before, but none in a gap",
			`(() => { const a = c.columnsOf({ times: [0, 10, 20, 500, 510, 520, 900], gap_ms: 30, step_ms: 0, from: 0, to: 10, series: [{ id: "a", values: [1, null, 3, null, 5, null, null] }] });
			  return [0, 1, 2, 3, 4, 5, 6].map((i) => c.valueAt(a, a.by.a, i)); })()`,
			`[1,1,3,null,5,5,null]`,
		},
		{
			"an override that a newer one covers lasts on",
			`c.bandsOf([{ at: 50, kind: "override_began", ac: "x", setpoint: 23, until: 200 }, { at: 10, kind: "override_began", ac: "x", setpoint: 19, until: 100 },
			  { at: 60, kind: "override_ended", ac: "x", setpoint: 23 }, { at: 55, kind: "override_began", ac: "y", setpoint: 20 }], 500).map((b) => [b.ac, b.from, b.to])`,
			`[["x",10,100],["x",50,60],["y",55,500]]`,
		},
		{
			"events that would lie on each other stand together",
			`c.clusters([{ at: 1 }, { at: 2 }, { at: 90 }, { at: -5 }, { at: 200 }], (at) => at, 100, 20).map((m) => m.events.length)`, `[2,1]`,
		},
		{
			"the table has the least and the most of the windows",
			`c.summary({ times: [0, 1, 2] }, { values: [1, 2, null], low: [0, 1, null], high: [4, 3, null] }, 0, 2)`, `{"last":2,"least":0,"mean":1.5,"most":4}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ask[string](t, p, `import("/assets/core/chart/columns.js").then((c) => JSON.stringify(`+c.script+`))`)
			require.JSONEq(t, c.want, got)
		})
	}
}

const chart = `document.querySelector("time-chart")`

// chart moves through time by keys, mouse and buttons, and says what it shows.
func (b browser) chart(t *testing.T) {
	p := b.open(t, stage(t, Busy), laptop(), "/rooms/server-room")
	until(t, p, "the curves are drawn", chart+`?.plots.length === 4`)
	require.True(t, ask[bool](t, p, chart+`.live && `+chart+`.length === 3600000`))
	until(t, p, "readings of the stream are appended", chart+`.columns.times.length > `+chart+`.columns.stored`)

	press := func(key string) {
		require.NoError(t, p.Do(chart+`.querySelector(".tc-body").dispatchEvent(new KeyboardEvent("keydown", { key: "`+key+`", bubbles: true }))`, nil))
	}
	press("+")
	require.True(t, ask[bool](t, p, chart+`.live && `+chart+`.length === 1800000`), "plus zooms in and follows on")
	press("ArrowLeft")
	require.False(t, ask[bool](t, p, chart+`.live`), "an arrow leaves now")
	press("End")
	require.True(t, ask[bool](t, p, chart+`.live`))
	press("Home")
	require.True(t, ask[bool](t, p, chart+`.length === 3600000`))

	drag := `(() => { const over = ` + chart + `.querySelector(".u-over"), box = over.getBoundingClientRect();
	  const send = (type, x) => over.dispatchEvent(new MouseEvent(type, { clientX: box.left + x, clientY: box.top + 20, movementX: 9, bubbles: true, view: window }));
	  send("mousemove", 100); send("mousedown", 100); send("mousemove", 150); send("mousemove", 200); send("mouseup", 200); })()`
	require.NoError(t, p.Do(drag, nil))
	until(t, p, "a drag zooms", `!`+chart+`.live && `+chart+`.length < 900000`)
	until(t, p, "and what is shown then is asked for", `!`+chart+`.busy && `+chart+`.columns.to - `+chart+`.columns.from < 900000`)
	require.NoError(t, p.Do(chart+`.querySelector(".u-over").dispatchEvent(new MouseEvent("dblclick", { bubbles: true }))`, nil))
	require.True(t, ask[bool](t, p, chart+`.live && `+chart+`.length === 3600000`), "a double click goes back")

	require.NoError(t, p.Do(`[...`+chart+`.querySelectorAll(".tc-ranges button")].at(-1).click()`, nil))
	until(t, p, "a year is shown", chart+`.columns.to - `+chart+`.columns.from > 364 * 86400000`)
	require.NoError(t, p.Do(`[...`+chart+`.querySelectorAll(".tc-key")][1].click()`, nil))
	require.True(t, ask[bool](t, p, chart+`.plots[0].plot.series[2].show === false`), "its name hides a curve")
	require.NoError(t, p.Do(chart+`.querySelector(".tc-table").open = true`, nil))
	until(t, p, "the curves are a table too", chart+`.querySelectorAll(".tc-table tbody tr").length > 4`)
}
