package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/wire"
	"github.com/overcloud/overcloud/workflows"
)

// description is the API's document as a test looks into it.
type description struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct {
				Schema any `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
}

// parsed is the document, read once for all tests: it is large.
var parsed = sync.OnceValues(func() (described, error) {
	d := described{compiler: jsonschema.NewCompiler(), mu: &sync.Mutex{}}
	if err := json.Unmarshal(document, &d.description); err != nil {
		return d, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return d, err
	}
	return d, d.compiler.AddResource("mem:///openapi.json", tree)
})

// described is the document with what compiles its schemas.
type described struct {
	description
	mu       *sync.Mutex // one at a time compiles
	compiler *jsonschema.Compiler
}

// at is the schema at a place of the document.
func (d described) at(place string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.compiler.Compile("mem:///openapi.json" + place)
}

// template is the described path that an address belongs to; empty if none does. A path with fewer blanks goes first.
func (d description) template(address string) string {
	address, _, _ = strings.Cut(address, "?")
	blank := regexp.MustCompile(`\\\{\w+\\\}`)
	var found string
	for path := range d.Paths {
		pattern := "^" + blank.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$"
		if regexp.MustCompile(pattern).MatchString(address) && (found == "" || strings.Count(path, "{") < strings.Count(found, "{")) {
			found = path
		}
	}
	return found
}

// conforms holds an answer against the document: its status is described, and its body is as the schema says. Errors
// are problem+json with a sentence, described or not.
func conforms(t *testing.T, method, address string, w *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(address, "/api/") && address != "/healthz" {
		return
	}
	d, err := parsed()
	require.NoError(t, err)
	body := w.Body.Bytes()
	if w.Header().Get("Content-Encoding") == "gzip" && len(body) > 0 {
		unpacked, err := gzip.NewReader(bytes.NewReader(body))
		require.NoError(t, err)
		body, err = io.ReadAll(unpacked)
		require.NoError(t, err)
	}
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if w.Code >= 400 {
		require.Equal(t, "application/problem+json", kind, "%s %s: %s", method, address, w.Body)
		d.validate(t, "#/components/schemas/Problem", body, method+" "+address)
		return
	}
	path := d.template(address)
	operation, known := d.Paths[path][strings.ToLower(method)]
	require.True(t, known, "%s %s is not described", method, address)
	response, known := operation.Responses[strconv.Itoa(w.Code)]
	require.True(t, known, "%s %s answered %d, which is not described", method, path, w.Code)
	if len(body) == 0 {
		return
	}
	require.Contains(t, response.Content, kind, "%s %s answered with what is not described", method, path)
	if kind != "application/json" {
		return
	}
	pointer := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	d.validate(t, "#/paths/"+pointer.Replace(path)+"/"+strings.ToLower(method)+"/responses/"+strconv.Itoa(w.Code)+"/content/application~1json/schema",
		body, method+" "+address)
}

func (d described) validate(t *testing.T, at string, body []byte, what string) {
	t.Helper()
	schema, err := d.at(at)
	require.NoError(t, err, what)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, what)
	require.NoError(t, schema.Validate(value), "%s: %s", what, body)
}

func TestOpenAPIDescribesEveryRouteAndNoOther(t *testing.T) {
	s, _ := newServer(t)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(request(t, s, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	var want, have []string
	for path, methods := range doc.Paths {
		for method := range methods {
			want = append(want, strings.ToUpper(method)+" "+path)
		}
	}
	parameter := regexp.MustCompile(`:(\w+)`)
	for _, route := range s.echo.Routes() {
		if strings.HasPrefix(route.Path, "/api/") || route.Path == "/healthz" {
			if !strings.HasSuffix(route.Path, "*") {
				have = append(have, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	require.Equal(t, want, slices.Compact(have))
}

// TestOpenAPIIsSound holds the document itself: each operation has a name of its own, a sentence and its parameters,
// and every schema can be compiled.
func TestOpenAPIIsSound(t *testing.T) {
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Summary     string `json:"summary"`
			Parameters  []struct{ Name, In string }
			Responses   map[string]any
		} `json:"paths"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(document, &d))
	all, err := parsed()
	require.NoError(t, err)
	for name := range d.Components.Schemas {
		_, err := all.at("#/components/schemas/" + name)
		require.NoError(t, err, name)
	}
	names := map[string]string{}
	blank := regexp.MustCompile(`\{(\w+)\}`)
	for path, methods := range d.Paths {
		for method, operation := range methods {
			what := method + " " + path
			require.NotEmpty(t, operation.Summary, what)
			require.NotEmpty(t, operation.OperationID, what)
			require.Empty(t, names[operation.OperationID], "%s has the name of another one", what)
			names[operation.OperationID] = what
			require.NotEmpty(t, operation.Responses, what)
			for _, match := range blank.FindAllStringSubmatch(path, -1) {
				require.True(t, slices.ContainsFunc(operation.Parameters, func(p struct{ Name, In string }) bool { return p.Name == match[1] && p.In == "path" }),
					"%s does not describe {%s}", what, match[1])
			}
		}
	}
}

// fill puts something of everything into a store.
func fill(s *Server) {
	at, store := time.Now(), s.Store
	inlet, fixed, left := 25.5, 1100.0, int64(600_000)
	store.Reading(wire.Reading{Room: "server-room", Sensor: 1, At: at, Celsius: inlet, Humidity: 40, HasHumidity: true})
	store.Resource(wire.Resource{Box: "rack-1", TimeMillis: at.UnixMilli(), CPUPercent: &inlet, Disks: []wire.Disk{{Path: "/", Percent: 40}}})
	store.Ack(wire.Ack{Room: "server-room", AC: "ac1", Revision: 1, State: wire.AckConfirmed, Setpoint: 23, TimeMillis: at.UnixMilli()})
	store.Alert(wire.Alert{ID: "server-room/warm", Room: "server-room", Kind: "warm", Severity: wire.SeverityWarning, BeganMillis: at.UnixMilli()})
	store.Answer(wire.Answer{Alert: "server-room/warm", Kind: wire.AnswerAcknowledge, Who: "kim", TimeMillis: at.UnixMilli() + 1})
	store.Power(wire.Power{Room: "server-room", AC: "ac1", Watts: 1400, TimeMillis: at.UnixMilli(), Simulated: true})
	store.Power(wire.Power{Room: "server-room", Watts: 20000, TimeMillis: at.UnixMilli()})
	store.Tune(workflows.TuneState{Room: "server-room", Mode: "auto", Policy: store.Rooms()[0].Policy, ACs: []workflows.ACState{{Name: "ac1", Min: 18, Max: 30, Desired: 24}}}, at)
	store.Service(workflows.Status{Service: "smart-energy", Phase: workflows.PhaseTuning, Boxes: []workflows.BoxStatus{{Name: "rack-1", Reachable: true}, {Name: "rack-2"}}})
	store.Heard("kafka", at, nil)
	for i, action := range []string{"hold", "lower", "hold"} {
		store.Decision(wire.Decision{
			Room: "server-room", TimeMillis: at.UnixMilli() + int64(i), Holder: "control-1", Action: action, Reason: "inside the band at 25.5 °C",
			Inlet: inlet, Fresh: 2, ACs: []wire.DecisionAC{{AC: "ac1", Setpoint: 24, Reason: "hold"}}, ToCriticalMillis: &left, Sure: true,
			Energy: &wire.Energy{SinceMillis: at.UnixMilli() - 1000, UsedWh: 1000, FixedSetpoint: 24, FixedWh: &fixed, DeviationWh: 20, MeteredMillis: 1000, ComparedMillis: 500},
		})
	}
}

func TestRealAnswersAreAsTheSchemasSay(t *testing.T) {
	s, _ := withStored(t)
	fill(s)
	d, err := parsed()
	require.NoError(t, err)
	blanks := strings.NewReplacer("{room}", "server-room", "{box}", "rack-1", "{service}", "smart-energy", "{function}", "control")
	asked := 0
	for path, methods := range d.Paths {
		// What streams is looked at by its own tests, and what is not wired here answers with a problem.
		if _, is := methods["get"]; !is || path == "/api/v1/events" || strings.HasSuffix(path, "/logs") {
			continue
		}
		if w := request(t, s, "GET", blanks.Replace(path), ""); w.Code == http.StatusOK {
			asked++
		}
	}
	require.Greater(t, asked, 8)
}

func TestTheValidatorSeesWhatIsWrong(t *testing.T) {
	d, err := parsed()
	require.NoError(t, err)
	schema, err := d.at("#/paths/~1api~1v1~1state/get/responses/200/content/application~1json/schema")
	require.NoError(t, err)
	s, _ := newServer(t)
	fill(s)
	good := request(t, s, "GET", "/api/v1/state", "").Body.String()
	for _, change := range [][2]string{
		{`"celsius":25.5`, `"celsius":"warm"`},
		{`"now":`, `"then":`},
		{`"role":"inlet"`, `"role":"attic"`},
		{`"watts":1400`, `"watts":-1`},
		{`"used_wh":1000`, `"used_wh":null`},
	} {
		require.Contains(t, good, change[0])
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(good, change[0], change[1], 1)))
		require.NoError(t, err)
		require.Error(t, schema.Validate(value), "%v", change)
	}
}
