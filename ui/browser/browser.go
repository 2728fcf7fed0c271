// Package browser looks at the Control Room as a person does: it puts the page on a stage, the real server with rooms
// whose readings move and without the servers behind it, and drives a real Chromium over it. The tests of the page and
// bench/ui use it; nothing of it is part of a process.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

// ErrNoChromium says that this machine has no browser that could look.
var ErrNoChromium = errors.New("no Chromium is installed (Debian's package is called chromium)")

// EnvChromium names the browser's binary when it is none of the usual ones.
const EnvChromium = "CHROMIUM"

// Find is the path of the browser. Error: ErrNoChromium.
func Find() (string, error) {
	if path := os.Getenv(EnvChromium); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoChromium
}

// Chromium is one running browser. Each page that is opened in it shares nothing with the others.
type Chromium struct {
	ctx    context.Context
	cancel func()
}

// startWithin bounds the start of the browser: on two busy cores it takes some seconds.
const startWithin = time.Minute

// Start starts the browser without a window. Errors: ErrNoChromium, or what the browser said.
func Start(ctx context.Context) (*Chromium, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("mute-audio", true),
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(startWithin))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the sandbox refuses to run as root
	}
	allocated, end := chromedp.NewExecAllocator(ctx, options...)
	browser, closing := chromedp.NewContext(allocated)
	c := &Chromium{ctx: browser, cancel: func() { closing(); end() }}
	if err := chromedp.Do(browser); err != nil {
		c.cancel()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return c, nil
}

// Close ends the browser with all its pages.
func (c *Chromium) Close() { c.cancel() }
