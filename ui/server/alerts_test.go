package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// answers is a hand-written tuning that takes answers and keeps a log.
type answers struct {
	log    []string
	answer error
}

func (a *answers) Answer(_ context.Context, service, room, name string, r workflows.AnswerRequest) (workflows.AnswerAccepted, error) {
	a.log = append(a.log, fmt.Sprintf("%s %s/%s %s for %s by %s: %s", name, service, room, r.Alert, r.For, r.Who, r.Why))
	return workflows.AnswerAccepted{Alert: r.Alert, Kind: name, Lasts: true}, a.answer
}

// rang is a store with what rang.
type rang struct {
	alerts  []wire.Alert
	answers []wire.Answer
	asked   []string
	err     error
}

func (r *rang) Alerts(_ context.Context, room string, from, to time.Time) ([]wire.Alert, []wire.Answer, error) {
	r.asked = append(r.asked, fmt.Sprintf("%s %d %d", room, from.UnixMilli(), to.UnixMilli()))
	return r.alerts, r.answers, r.err
}

// told is a board of notices.
type told struct {
	notices []wire.Notice
	tests   []string
	answer  error
}

func (n *told) Recent() []wire.Notice { return n.notices }

func (n *told) Test(_ context.Context, who string) ([]wire.Notice, error) {
	n.tests = append(n.tests, who)
	return []wire.Notice{{Channel: "mail", ID: "test-1", State: wire.NoticeTold}}, n.answer
}

const morning = 1_790_000_000_000 // Unix ms

func TestAnswersReachTheTuningOfTheAlertsRoom(t *testing.T) {
	s, _ := newServer(t)
	tuning := &answers{}
	s.Answers = tuning
	for _, c := range []struct{ verb, body, want string }{
		{"acknowledge", `{"who":"kim","why":"on my way"}`, "acknowledge smart-energy/server-room server-room/sensor/3 for 0s by kim: on my way"},
		{"shelve", `{"who":"kim","for":"2h"}`, "shelve smart-energy/server-room server-room/sensor/3 for 2h0m0s by kim: "},
		{"unshelve", `{"who":"kim"}`, "unshelve smart-energy/server-room server-room/sensor/3 for 0s by kim: "},
	} {
		tuning.log = nil
		w := request(t, s, "POST", "/api/v1/alerts/server-room%2Fsensor%2F3/"+c.verb, c.body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.Equal(t, []string{c.want}, tuning.log)
		require.JSONEq(t, `{"alert":"server-room/sensor/3","kind":"`+c.verb+`","lasts":true}`, w.Body.String())
	}
}

func TestBadQuestionsAboutAlertsSayWhyAndChangeNothing(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
	}{
		{"an alert of no room", "POST", "/api/v1/alerts/attic%2Fwarm/acknowledge", `{"who":"kim"}`, 404, "is of no room here (there are server-room)"},
		{"a misspelt field", "POST", "/api/v1/alerts/server-room%2Fwarm/shelve", `{"who":"kim","four":"2h"}`, 422, "four"},
		{"a duration that is none", "POST", "/api/v1/alerts/server-room%2Fwarm/shelve", `{"who":"kim","for":"soon"}`, 422, "write 30s, 15m or 2h"},
		{"no body", "POST", "/api/v1/alerts/server-room%2Fwarm/acknowledge", "", 422, "the body is no answer to an alert"},
		{"an unknown verb", "POST", "/api/v1/alerts/server-room%2Fwarm/forget", "{}", 404, ""},
		{"an unknown state", "GET", "/api/v1/alerts?state=maybe", "", 422, "give lasting, ended or all"},
		{"an unknown severity", "GET", "/api/v1/alerts?severity=red", "", 422, "give warning, high or critical"},
		{"an unknown room", "GET", "/api/v1/alerts?room=attic", "", 404, "there is no room"},
		{"a time that is none", "GET", "/api/v1/alerts?state=all&from=yesterday", "", 422, "give Unix milliseconds"},
		{"a range that ends before it begins", "GET", "/api/v1/alerts?state=all&from=1790000000020&to=1790000000010", "", 422, "from must lie before to"},
		{"a range far too long", "GET", "/api/v1/alerts?state=all&from=946684800000", "", 422, "at most 400 days"},
		{"a cursor of another list", "GET", "/api/v1/alerts?state=all&after=5~x", "", 422, "begin anew"},
		{"a page far too long", "GET", "/api/v1/alerts?limit=100000", "", 422, "from 1 to 500"},
		{"a notice of no state", "GET", "/api/v1/notices?state=perhaps", "", 422, "give told, trying or lost"},
		{"a test of nobody", "POST", "/api/v1/notices/test", `{"who":" "}`, 422, "who must be given"},
		{"a test of somebody endless", "POST", "/api/v1/notices/test", `{"who":"` + strings.Repeat("k", 200) + `"}`, 422, "at most 100 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newServer(t)
			tuning, board := &answers{}, &told{}
			s.Answers, s.Notices, s.AlertHistory = tuning, board, &rang{}
			w := request(t, s, c.method, c.path, c.body)
			require.Equal(t, c.status, w.Code, w.Body)
			require.Contains(t, w.Body.String(), c.says)
			require.Empty(t, tuning.log)
			require.Empty(t, board.tests)
		})
	}
}

func TestWhatTheTuningRefusesIsSaidInItsWords(t *testing.T) {
	s, _ := newServer(t)
	s.Answers = &answers{answer: fmt.Errorf("no alert server-room/warm lasts in room server-room (none does): %w", fault.ErrInvalid)}
	w := request(t, s, "POST", "/api/v1/alerts/server-room%2Fwarm/acknowledge", `{"who":"kim"}`)
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), `"no alert server-room/warm lasts in room server-room (none does)"`)
}

func alert(id, severity string, began, ended int64) wire.Alert {
	parts := strings.SplitN(id, "/", 3)
	return wire.Alert{ID: id, Room: parts[0], Kind: parts[1], Severity: severity, BeganMillis: began, EndedMillis: ended, Evidence: severity, Source: "control"}
}

type page struct {
	Items []Rang `json:"items"`
	Next  string `json:"next"`
}

func list(t *testing.T, s *Server, path string) page {
	t.Helper()
	w := request(t, s, "GET", path, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var p page
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	return p
}

func TestThoseThatLastComeFromTheStreams(t *testing.T) {
	s, _ := newServer(t)
	s.Store.Alert(alert("server-room/warm/", wire.SeverityWarning, morning, 0))
	s.Store.Alert(alert("server-room/stale/", wire.SeverityHigh, morning, 0))
	s.Store.Alert(alert("server-room/sensor/3", wire.SeverityWarning, morning+1, 0))
	s.Store.Alert(alert("server-room/sensor/4", wire.SeverityWarning, morning, morning+5))
	s.Store.Answer(wire.Answer{Room: "server-room", Alert: "server-room/sensor/3", Kind: wire.AnswerAcknowledge, Who: "kim", TimeMillis: morning + 2})
	p := list(t, s, "/api/v1/alerts?limit=2")
	require.Equal(t, "server-room/stale/", p.Items[0].ID, "the worst first")
	require.Equal(t, "kim", p.Items[1].Answer.Who)
	require.True(t, p.Items[0].Lasts)
	p = list(t, s, "/api/v1/alerts?limit=2&after="+p.Next)
	require.Equal(t, "server-room/warm/", p.Items[0].ID)
	require.Empty(t, p.Next)
	require.Len(t, list(t, s, "/api/v1/alerts?severity=high").Items, 1)
	require.Empty(t, list(t, s, "/api/v1/alerts?kind=humid").Items)
}

func TestWhatRangIsPutTogetherFromBeginningsAndEnds(t *testing.T) {
	s, _ := newServer(t)
	const minute = 60_000
	past := &rang{
		alerts: []wire.Alert{
			alert("server-room/cold/", wire.SeverityWarning, 0, morning), // its beginning is not stored any more
			alert("server-room/warm/", wire.SeverityWarning, morning, 0),
			alert("server-room/warm/", wire.SeverityHigh, morning, 0), // it became worse
			alert("server-room/warm/", wire.SeverityWarning, morning, 0),
			alert("server-room/warm/", wire.SeverityHigh, 0, morning+5*minute),
			alert("server-room/warm/", wire.SeverityWarning, morning+10*minute, 0),
		},
		answers: []wire.Answer{
			{Alert: "server-room/warm/", Kind: wire.AnswerAcknowledge, Who: "kim", TimeMillis: morning + minute},
			{Alert: "server-room/warm/", Kind: wire.AnswerShelve, Who: "lee", TimeMillis: morning + 11*minute, UntilMillis: morning + 60*minute},
			{Alert: "server-room/warm/", Kind: wire.AnswerUnshelve, Who: "lee", TimeMillis: morning + 7*minute},
		},
	}
	s.AlertHistory = past
	question := fmt.Sprintf("/api/v1/alerts?state=all&from=%d&to=%d", morning-minute, morning+20*minute)
	all := list(t, s, question).Items
	require.Len(t, all, 3)
	require.Equal(t, int64(morning+10*minute), all[0].BeganMillis, "the newest first")
	require.True(t, all[0].Lasts)
	require.Equal(t, "lee", all[0].Answers[0].Who)
	require.Equal(t, "server-room/cold/", all[1].ID)
	require.Zero(t, all[1].BeganMillis)
	require.Equal(t, wire.SeverityHigh, all[2].Severity, "the worst that it was")
	require.Equal(t, int64(morning+5*minute), all[2].EndedMillis)
	require.Len(t, all[2].Answers, 1, "what was said between two episodes is of neither")
	require.Equal(t, []string{fmt.Sprintf(" %d %d", morning-minute-7*24*60*minute, morning+20*minute)}, past.asked, "a beginning may lie before the range")

	require.Len(t, list(t, s, question+"&severity=high").Items, 1)
	require.Len(t, list(t, s, strings.Replace(question, "all", "ended", 1)).Items, 2)
	require.Empty(t, list(t, s, fmt.Sprintf("/api/v1/alerts?state=ended&from=%d&to=%d", morning+6*minute, morning+9*minute)).Items)
	first := list(t, s, question+"&limit=1")
	require.Equal(t, all[1].ID, list(t, s, question+"&limit=1&after="+first.Next).Items[0].ID)

	past.err = fmt.Errorf("the store: %w", fault.ErrUnreachable)
	require.Equal(t, http.StatusServiceUnavailable, request(t, s, "GET", question, "").Code)
}

func TestNoticesAndTheirTest(t *testing.T) {
	s, _ := newServer(t)
	board := &told{notices: []wire.Notice{
		{Channel: "mail", ID: "b", State: wire.NoticeLost, Cause: "550 no such user", TimeMillis: 2},
		{Channel: "webhook", ID: "b", State: wire.NoticeTold, TimeMillis: 2},
		{Channel: "mail", ID: "a", State: wire.NoticeTold, TimeMillis: 1},
	}}
	s.Notices = board
	ask := func(query string) (ids []string) {
		var p struct{ Items []wire.Notice }
		w := request(t, s, "GET", "/api/v1/notices"+query, "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		for _, n := range p.Items {
			ids = append(ids, n.Channel+" "+n.ID)
		}
		return ids
	}
	require.Equal(t, []string{"mail b", "webhook b", "mail a"}, ask(""))
	require.Equal(t, []string{"mail b"}, ask("?state=lost"))
	require.Equal(t, []string{"mail b", "mail a"}, ask("?channel=mail"))
	require.Equal(t, []string{"mail a"}, ask("?after=webhook~b"))

	w := request(t, s, "POST", "/api/v1/notices/test", `{"who":"kim"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Contains(t, w.Body.String(), `"state":"told"`)
	require.Equal(t, []string{"kim"}, board.tests)
	board.answer = fmt.Errorf("nobody answered in 15s: no notifier runs, or it cannot reach Kafka: %w", fault.ErrUnreachable)
	w = request(t, s, "POST", "/api/v1/notices/test", `{"who":"kim"}`)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Contains(t, w.Body.String(), "nobody answered in 15s")
}
