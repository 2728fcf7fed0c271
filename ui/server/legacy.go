package server

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/workflows"
)

// What the 2017 call accepted, °C, and what it answered (with 200) to anything else.
const (
	legacyLeast   = 18
	legacyMost    = 30
	legacyOutside = "Out of range"
)

// Legacy serves the one call of the 2017 system, PUT /control/temp?name=&temperature=&direction=, as an override that
// lasts so long. temperature is the setpoint; direction (+1 or -1, which button was pressed) was handed on in 2017 and
// used by nobody, and so it is here. It asks for no password, as then: serve it on loopback, or where only its callers are.
// Answers are those of 2017: 200 with nothing when it was taken, 200 with "Out of range" outside 18 to 30; what 2017 could
// not tell is a status with one sentence.
func (s *Server) Legacy(lasts time.Duration) http.Handler {
	protection := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /control/temp", func(w http.ResponseWriter, r *http.Request) {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			address = r.RemoteAddr
		}
		deed := people.Deed{
			At: s.Now(), Who: "2017 API at " + address, By: "2017", What: "set an override", Detail: fmt.Sprintf("%.200s", r.URL.RawQuery),
			Address: address, Outcome: people.Done,
		}
		code, text := s.legacy(r, deed.Who, lasts)
		if text != "" {
			deed.Outcome = text
		}
		if err := s.People.Journal.Add(deed); err != nil {
			s.Log.Error("audit", "who", deed.Who, "what", deed.What, "detail", deed.Detail, "err", err)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(code)
		if _, err := w.Write([]byte(text)); err != nil {
			s.Log.Debug("answer to the 2017 call", "err", err)
		}
	})
	return protection.Handler(byOwnName(mux))
}

// byOwnName keeps pages of other sites out that have their name lead to this machine: on loopback the call is asked for by
// an address of this machine, or localhost.
func byOwnName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if at != nil && people.Loopback(at.String()) && !people.Loopback(r.Host) {
			http.Error(w, fmt.Sprintf("this call answers only to http://127.0.0.1 and http://localhost here, not to %.100q", r.Host), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// legacy does one call and gives its answer.
func (s *Server) legacy(r *http.Request, caller string, lasts time.Duration) (code int, text string) {
	query := r.URL.Query()
	for _, name := range []string{"name", "temperature", "direction"} {
		if len(query[name]) > 1 {
			return http.StatusBadRequest, fmt.Sprintf("%s is given %d times", name, len(query[name]))
		}
	}
	celsius, err := strconv.ParseFloat(strings.TrimSpace(query.Get("temperature")), 64)
	if err != nil || celsius != math.Trunc(celsius) {
		return http.StatusBadRequest, fmt.Sprintf("temperature %.40q is no whole number of °C", query.Get("temperature"))
	}
	// A plus in an address is a blank once it is decoded.
	if direction := strings.TrimSpace(query.Get("direction")); !slices.Contains([]string{"", "1", "+1", "-1"}, direction) {
		return http.StatusBadRequest, fmt.Sprintf("direction %.40q is neither +1 nor -1", direction)
	}
	if celsius < legacyLeast || celsius > legacyMost {
		return http.StatusOK, legacyOutside
	}
	room, ac, err := s.machine(query.Get("name"))
	if err != nil {
		return status(err)
	}
	override := workflows.Override{AC: ac, Setpoint: int(celsius), For: spec.Duration(lasts), Who: caller, Why: "asked by the 2017 call"}
	if _, err := s.Operator.Override(r.Context(), s.Service, room, override); err != nil {
		code, text := status(err)
		if code >= http.StatusInternalServerError {
			s.Log.Error("2017 call", "room", room, "ac", ac, "err", err)
		}
		return code, text
	}
	s.hear(r.Context(), room)
	return http.StatusOK, ""
}

// machine finds an air conditioner by its name, in any spelling of its case, or as room/name where several rooms have it.
func (s *Server) machine(name string) (room, ac string, err error) {
	type place struct{ room, ac string }
	var found, all []place
	for _, r := range s.Store.Rooms() {
		for _, one := range r.AirConditioners {
			all = append(all, place{r.Name, one.Name})
			if strings.EqualFold(name, one.Name) || strings.EqualFold(name, r.Name+"/"+one.Name) {
				found = append(found, place{r.Name, one.Name})
			}
		}
	}
	var names []string
	for _, one := range all {
		names = append(names, one.room+"/"+one.ac)
	}
	switch len(found) {
	case 1:
		return found[0].room, found[0].ac, nil
	case 0:
		return "", "", fmt.Errorf("%w: there is no air conditioner %.80q; there are %s", fault.ErrNotFound, name, strings.Join(names, ", "))
	}
	return "", "", fmt.Errorf("%w: several rooms have an air conditioner %.80q; name one of %s", fault.ErrInvalid, name, strings.Join(names, ", "))
}
