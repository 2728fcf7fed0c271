package server

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// tunes answers what a room's tuning would.
type tunes struct {
	state workflows.TuneState
	err   error
	asked int
}

func (q *tunes) TuneState(context.Context, string, string) (workflows.TuneState, error) {
	q.asked++
	return q.state, q.err
}

func holding(id string) workflows.TuneState {
	return workflows.TuneState{Room: "server-room", ACs: []workflows.ACState{{
		Name: "ac1", Overrides: []workflows.ActiveOverride{{Override: workflows.Override{ID: id, AC: "ac1", Setpoint: 20}}},
	}}}
}

func TestWhatAPersonDidShowsAtOnce(t *testing.T) {
	s, _ := newServer(t)
	asked := &tunes{state: holding("o1")}
	s.Tunes = asked
	require.Equal(t, http.StatusCreated, request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good).Code)
	require.Equal(t, 1, asked.asked)
	require.Equal(t, "o1", s.Store.Snapshot(time.Now()).Rooms[0].ACs[0].Overrides[0].ID)

	asked.err = fault.ErrUnreachable
	require.Equal(t, http.StatusCreated, request(t, s, "POST", "/api/v1/rooms/server-room/overrides", good).Code, "the override was taken all the same")
}

func TestAnOverrideThatBeganElsewhereJustNowCanBeEnded(t *testing.T) {
	s, people := newServer(t)
	s.Tunes = &tunes{state: holding("o9")}
	w := request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides/o9?who=lee", "")
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	require.Equal(t, []string{"resume smart-energy/server-room o9 by lee"}, people.log)
}

func TestAllOverridesOfARoomEndTogether(t *testing.T) {
	s, people := newServer(t)
	require.Equal(t, http.StatusNoContent, request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides?who=lee", "").Code)
	require.Equal(t, []string{"resume smart-energy/server-room  by lee"}, people.log)
	w := request(t, s, "DELETE", "/api/v1/rooms/server-room/overrides?ac=ac9", "")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "it has ac1")
	require.Len(t, people.log, 1)
	require.Equal(t, http.StatusNotFound, request(t, s, "DELETE", "/api/v1/rooms/attic/overrides", "").Code)
}
