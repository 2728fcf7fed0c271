package server

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed assets
var assets embed.FS

// places are the page's own addresses: each is the same shell, whose script draws what belongs there.
func places() []string {
	return []string{"/", "/rooms/:room", "/boxes", "/boxes/:box", "/service", "/alerts", "/people", "/sign-in", "/setup"}
}

// pageRoutes are the shell at each of its addresses, and its files under /assets.
func (s *Server) pageRoutes(e *echo.Echo) {
	folder, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is embedded: only a build without it comes here
	}
	files, err := newFiles(folder)
	if err != nil {
		panic(err)
	}
	for _, place := range places() {
		shell := files.shell(moduleOf(place))
		e.GET(place, func(c echo.Context) error { return shell.answer(c, keepAsking) })
	}
	e.GET("/assets/*", files.serve)
}

// policy is what a page from here may load and do: its own files and nothing else, nothing written into the page itself,
// and no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; " +
	"manifest-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// security sets the headers that keep the page from being framed, sniffed or fed foreign scripts. A page of another site
// may not act here either: net/http's CrossOriginProtection looks at Sec-Fetch-Site and Origin, which browsers send.
func (s *Server) security() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	if origin := s.People.Origin(); origin != "" {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("the origin %q was checked when it was read: %v", origin, err))
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
			if s.secure(c) {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			if protection.Check(c.Request()) != nil {
				return echo.NewHTTPError(http.StatusForbidden, "a page of another site may not act here")
			}
			return next(c)
		}
	}
}
