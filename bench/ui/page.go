package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/ui/browser"
)

// How often each thing of the page is measured, and what is wanted of it.
const (
	loads    = 5
	readings = 40
	years    = 5

	paintGoal = 300 * time.Millisecond
	bytesGoal = 250_000
	pixelGoal = 500 * time.Millisecond
	yearGoal  = 300 * time.Millisecond
)

// figures are the outcome for one thing.
type figures struct {
	what  string
	all   []time.Duration
	goal  time.Duration
	added string
}

// page measures what one person with a browser waits for.
func page(ctx context.Context, o options) error {
	chromium, err := browser.Start(ctx)
	if err != nil {
		return err
	}
	defer chromium.Close()
	var all []figures
	for _, part := range []func(context.Context, *browser.Chromium, options) ([]figures, error){first, pixel, year} {
		measured, err := part(ctx, chromium, o)
		if err != nil {
			return err
		}
		all = append(all, measured...)
	}
	return table(os.Stdout, all)
}

func table(out io.Writer, all []figures) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tn\tp50\tp95\tworst\tgoal\t")
	for _, f := range all {
		slices.Sort(f.all)
		goal, n := "", len(f.all)
		if f.goal > 0 {
			goal = fmt.Sprintf("< %d ms", f.goal.Milliseconds())
		}
		ms := func(i int) string { return fmt.Sprintf("%d ms", f.all[min(i, n-1)].Milliseconds()) }
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", f.what, n, ms(n/2), ms(n*95/100), ms(n-1), goal, f.added)
	}
	return w.Flush()
}

// wait is how long anything of the page may take before the benchmark gives up.
const wait = 20 * time.Second

// shown holds once the overview shows a temperature.
const shown = `/\d\d\.\d\s*°C/.test(document.querySelector("main")?.innerText ?? "")`

// noted keeps, in the page's own clock, when a temperature was first seen: after the frame in which it was drawn.
const noted = `new MutationObserver((_, o) => { if (` + shown + `) { o.disconnect(); requestAnimationFrame(() => setTimeout(() => { window.valuesAt = performance.now(); })); } })
  .observe(document, {subtree: true, childList: true, characterData: true});`

// staged opens a stage for a part.
func staged() (*browser.Stage, func(), error) {
	folder, err := os.MkdirTemp("", "bench-ui-page-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder: %w", err)
	}
	world, err := browser.NewWorld(browser.Busy, time.Now())
	if err != nil {
		return nil, nil, err
	}
	stage := browser.NewStage(world, "127.0.0.1:0", folder)
	if err := stage.Open(); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return stage, func() { stage.Close(); _ = os.RemoveAll(folder) }, nil
}

// first is the overview opened by somebody who has never been here, and once more by the same person.
func first(_ context.Context, chromium *browser.Chromium, _ options) ([]figures, error) {
	stage, end, err := staged()
	if err != nil {
		return nil, err
	}
	defer end()
	cold := [3]figures{{what: "first paint, empty cache", goal: paintGoal}, {what: "first values, empty cache"}, {what: "first values, again"}}
	var bytes []int64
	for range loads {
		p, err := chromium.Open(stage.Origin(), browser.Look{Width: 1280, Height: 800, Language: "en"})
		if err != nil {
			return nil, err
		}
		paint, values, size, err := load(p)
		if err != nil {
			return nil, err
		}
		_, valuesAgain, _, err := load(p)
		if err != nil {
			return nil, err
		}
		p.Close()
		cold[0].all, cold[1].all, cold[2].all = append(cold[0].all, paint), append(cold[1].all, values), append(cold[2].all, valuesAgain)
		bytes = append(bytes, size)
	}
	slices.Sort(bytes)
	cold[0].added = fmt.Sprintf("%d kB on the wire (goal < %d kB)", bytes[loads/2]/1000, bytesGoal/1000)
	return cold[:], nil
}

// load opens the overview and says when something and when values were painted, and how many bytes came.
func load(p *browser.Page) (paint, values time.Duration, size int64, err error) {
	if err := p.Before(noted); err != nil {
		return 0, 0, 0, err
	}
	before := p.Received()
	if err := p.Go("/"); err != nil {
		return 0, 0, 0, err
	}
	if err := p.Until(wait, "the overview shows values", `window.valuesAt && performance.getEntriesByName("first-contentful-paint").length`); err != nil {
		return 0, 0, 0, err
	}
	var at struct{ Paint, Values float64 }
	err = p.Do(`({paint: performance.getEntriesByName("first-contentful-paint")[0].startTime, values: window.valuesAt})`, &at)
	return millis(at.Paint), millis(at.Values), p.Received() - before, err
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// pixel is from a reading that goes into Kafka to its number on the screen, while others come at the given rate.
func pixel(ctx context.Context, chromium *browser.Chromium, o options) ([]figures, error) {
	o.Rooms = 1
	s, err := newStage(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	producer, err := kafka.NewProducer(s.kafka)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	p, err := chromium.Open(s.url, browser.Look{Width: 1920, Height: 1080, Language: "en"})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	others, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { s.others(others, producer) })
	defer background.Wait()
	defer cancel()
	if err := p.Go("/"); err != nil {
		return nil, err
	}
	if err := p.Until(wait, "the tile of sensor 1 is drawn", `document.querySelector("[data-sensor='1']")`); err != nil {
		return nil, err
	}
	f := figures{what: "reading to pixel", goal: pixelGoal, added: fmt.Sprintf("through Kafka, with %d other readings a second on the page", o.Rate)}
	for i := range readings {
		took, err := s.one(ctx, p, producer, 30+float64(i)/10)
		if err != nil {
			return nil, err
		}
		f.all = append(f.all, took)
		time.Sleep(time.Duration(137+53*(i%11)) * time.Millisecond) // at no fixed phase to the server's ticks
	}
	return []figures{f}, nil
}

// watching resolves, with the wall clock, once the tile of sensor 1 shows a text and the frame with it was drawn.
const watching = `window.drawn = new Promise((resolve) => {
  const want = %q, tile = () => document.querySelector("[data-sensor='1']");
  const look = () => { if (!tile()?.innerText.includes(want)) return false; requestAnimationFrame(() => setTimeout(() => resolve(Date.now()))); return true; };
  if (look()) return;
  const o = new MutationObserver(() => { if (look()) o.disconnect(); });
  o.observe(document.querySelector("main"), {subtree: true, childList: true, characterData: true});
}); null`

// one publishes a reading of sensor 1 and waits for its number.
func (s *stage) one(ctx context.Context, p *browser.Page, producer *kafka.Producer, celsius float64) (time.Duration, error) {
	if err := p.Do(fmt.Sprintf(watching, strconv.FormatFloat(celsius, 'f', 1, 64)), nil); err != nil {
		return 0, err
	}
	began := time.Now()
	r := wire.Reading{Room: s.rooms[0].Name, Sensor: 1, At: began, Celsius: celsius, Humidity: 40, HasHumidity: true}
	if err := producer.Produce(ctx, kafka.Record{Topic: wire.TopicTemp, Key: []byte(r.Room), Value: wire.AppendReading(nil, r)}); err != nil {
		return 0, err
	}
	var at float64
	if err := p.Do(`window.drawn`, &at); err != nil {
		return 0, err
	}
	return time.Duration(at-float64(began.UnixMilli())) * time.Millisecond, nil
}

// others are readings of every sensor but the first, at the given rate.
func (s *stage) others(ctx context.Context, producer *kafka.Producer) {
	room := s.rooms[0]
	s.produce(ctx, producer, func(i int) (string, int) { return room.Name, room.Sensors[1+i%(len(room.Sensors)-1)].ID })
}

// strokes notes when a canvas was last drawn on.
const strokes = `for (const name of ["stroke", "fill"]) {
  const real = CanvasRenderingContext2D.prototype[name];
  CanvasRenderingContext2D.prototype[name] = function (...args) { window.drawnAt = performance.now(); return real.apply(this, args); };
}`

// press clicks the button of a year and resolves to the ms until the year's curves were drawn: the answer has come, and
// nothing has been drawn for a while.
const press = `(async () => {
  const chart = document.querySelector("time-chart");
  const asked = () => performance.getEntriesByType("resource").filter((r) => r.name.includes("/series?")).length;
  const buttons = [...chart.querySelectorAll(".tc-ranges button")], year = buttons.at(-1), day = buttons.at(3);
  const settle = async (before) => { while (asked() <= before || performance.now() - window.drawnAt < 400) await new Promise((r) => setTimeout(r, 20)); };
  let before = asked();
  day.click();
  await settle(before);
  before = asked();
  const began = performance.now();
  year.click();
  await settle(before);
  return window.drawnAt - began;
})()`

// year is from the click on "1 year" to the drawn curves, of 1,500 points each, of every curve that the room has.
func year(_ context.Context, chromium *browser.Chromium, _ options) ([]figures, error) {
	stage, end, err := staged()
	if err != nil {
		return nil, err
	}
	defer end()
	p, err := chromium.Open(stage.Origin(), browser.Look{Width: 1920, Height: 1080, Language: "en"})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Before(strokes); err != nil {
		return nil, err
	}
	if err := p.Go("/rooms/server-room"); err != nil {
		return nil, err
	}
	if err := p.Until(wait, "the chart is drawn", `window.drawnAt && document.querySelector("time-chart .tc-ranges button")`); err != nil {
		return nil, err
	}
	f := figures{what: "a year drawn", goal: yearGoal, added: "every curve of the room; what stores it is measured by bench/history"}
	for range years {
		var ms float64
		if err := p.Do(press, &ms); err != nil {
			return nil, err
		}
		f.all = append(f.all, millis(ms))
	}
	return []figures{f}, nil
}
