package server

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var document []byte

// openapi answers with the description of the API; a test holds it against the routes.
func (s *Server) openapi(c echo.Context) error {
	return c.JSONBlob(http.StatusOK, document)
}
