package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Look is how a person looks at the page.
type Look struct {
	Width, Height int64  // CSS pixels
	Dark          bool   // the system's colours
	Language      string // en or ko
}

// Page is one page in a profile of its own. It notes whatever the browser complains of.
type Page struct {
	ctx    context.Context
	close  func()
	origin string

	mu       sync.Mutex
	faults   []string
	received int64
}

// actMost bounds one act of a person.
const actMost = 30 * time.Second

// watch makes what the Content-Security-Policy held back a complaint.
const watch = `document.addEventListener("securitypolicyviolation", (e) => console.error("CSP " + e.effectiveDirective + " held back " + e.blockedURI + " of " + e.sourceFile + ":" + e.lineNumber));`

// Open opens a page at an origin, http://host:port, and goes nowhere yet.
func (c *Chromium) Open(origin string, look Look) (*Page, error) {
	p := &Page{origin: origin}
	p.ctx, p.close = chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	language := fmt.Sprintf(`if (localStorage.getItem("language") === null) localStorage.setItem("language", %q);`, look.Language)
	if _, err := chromedp.Call(p.ctx, network.Enable, network.EnableParams{}); err != nil {
		p.close()
		return nil, fmt.Errorf("open a page: %w", err)
	}
	for _, script := range []string{watch, language} {
		if err := p.Before(script); err != nil {
			p.close()
			return nil, err
		}
	}
	err := p.See(look)
	if err == nil { // a page in the background would get no keys
		_, err = chromedp.Call(p.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("prepare a page: %w", err)
	}
	return p, nil
}

// Before runs a script in every document before its own.
func (p *Page) Before(script string) error {
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	if err != nil {
		return fmt.Errorf("prepare a page: %w", err)
	}
	return nil
}

// See changes the size and the colours; the language stays.
func (p *Page) See(look Look) error {
	_, err := chromedp.Call(p.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: look.Width, Height: look.Height, DeviceScaleFactor: 1, Mobile: look.Width < 500,
	})
	if err != nil {
		return fmt.Errorf("resize the page to %d × %d: %w", look.Width, look.Height, err)
	}
	// A phone has a thumb: what is made larger for it (pointer: coarse) is, and its mouse stays a mouse.
	if _, err = chromedp.Call(p.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: look.Width < 500}); err != nil {
		return fmt.Errorf("make the page one for thumbs: %w", err)
	}
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	_, err = chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		return fmt.Errorf("change the page's colours: %w", err)
	}
	return nil
}

// hear notes exceptions that nobody caught, errors on the console and entries of the browser's log.
func (p *Page) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.note("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.note(fmt.Sprintf("console.%s: %s", e.Type, arguments(e.Args)))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.note(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventResponseReceived:
		p.receive(e.Response.EncodedDataLength) // of its headers
	case *network.EventDataReceived:
		p.receive(float64(e.EncodedDataLength))
	}
}

func arguments(args []*runtime.RemoteObject) string {
	var all []string
	for _, a := range args {
		text := a.Description
		if text == "" {
			text = string(a.Value)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func (p *Page) note(fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, fault)
}

func (p *Page) receive(bytes float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received += int64(bytes)
}

// Received is how many bytes have come over the wire so far, headers included.
func (p *Page) Received() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.received
}

// Faults are the complaints so far but for those that match one of the expected patterns.
func (p *Page) Faults(expected ...string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []string
	for _, fault := range p.faults {
		if !matches(fault, expected) {
			left = append(left, fault)
		}
	}
	return left
}

func matches(text string, patterns []string) bool {
	for _, pattern := range patterns {
		if regexp.MustCompile(pattern).MatchString(text) {
			return true
		}
	}
	return false
}

// Go loads a place of the page by its address, path and query, and returns when it was drawn with the server's state.
func (p *Page) Go(path string) error {
	ctx, cancel := context.WithTimeout(p.ctx, actMost)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(p.origin+path)); err != nil {
		return fmt.Errorf("go to %s: %w", path, err)
	}
	return nil
}

// Do runs a script in the page; a promise is awaited. Into is filled with its value unless it is nil.
func (p *Page) Do(script string, into any) error {
	ctx, cancel := context.WithTimeout(p.ctx, actMost)
	defer cancel()
	answer, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: script, AwaitPromise: yes(), ReturnByValue: yes(), UserGesture: yes(),
	})
	if err != nil {
		return fmt.Errorf("run a script in the page: %w", err)
	}
	if e := answer.ExceptionDetails; e != nil {
		what := e.Text
		if e.Exception != nil {
			what += " " + e.Exception.Description
		}
		return fmt.Errorf("a script in the page: %s", what)
	}
	if into == nil || len(answer.Result.Value) == 0 {
		return nil
	}
	if err := json.Unmarshal([]byte(answer.Result.Value), into); err != nil {
		return fmt.Errorf("decode what a script in the page answered: %w", err)
	}
	return nil
}

func yes() *bool { is := true; return &is }

// lookEvery is how often Until looks.
const lookEvery = 50 * time.Millisecond

// Until waits until a script's value is true. Its error says what was waited for.
func (p *Page) Until(within time.Duration, what, script string) error {
	deadline := time.Now().Add(within)
	for {
		var holds bool
		err := p.Do("Boolean("+script+")", &holds)
		if err == nil && holds {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("not within %s: %s", within, what), err)
		}
		select {
		case <-p.ctx.Done():
			return fmt.Errorf("%s: %w", what, p.ctx.Err())
		case <-time.After(lookEvery):
		}
	}
}

// Picture is what is seen now, as PNG.
func (p *Page) Picture() ([]byte, error) {
	answer, err := chromedp.Call(p.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		return nil, fmt.Errorf("take a picture: %w", err)
	}
	return answer.Data, nil
}

// Press presses keys, one after the other: characters, or those of chromedp's package kb.
func (p *Page) Press(keys ...string) error {
	ctx, cancel := context.WithTimeout(p.ctx, actMost)
	defer cancel()
	for _, key := range keys {
		if err := chromedp.Do(ctx, chromedp.KeyEvent(key)); err != nil {
			return fmt.Errorf("press %q: %w", key, err)
		}
	}
	return nil
}

// Click moves the mouse to the middle of the first element that a selector finds and clicks there, whatever lies on top.
func (p *Page) Click(selector string) error {
	var at struct{ X, Y float64 }
	err := p.Do(fmt.Sprintf(`(() => {
	  const e = document.querySelector(%q);
	  if (!e) throw new Error("there is none");
	  e.scrollIntoView({block: "center"});
	  const b = e.getBoundingClientRect();
	  return {x: b.x + b.width / 2, y: b.y + b.height / 2};
	})()`, selector), &at)
	if err != nil {
		return fmt.Errorf("click %s: %w", selector, err)
	}
	ctx, cancel := context.WithTimeout(p.ctx, actMost)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		return fmt.Errorf("click %s: %w", selector, err)
	}
	return nil
}

// Context is for actions of chromedp on the page.
func (p *Page) Context() context.Context { return p.ctx }

// Close closes the page and forgets its profile.
func (p *Page) Close() { p.close() }
