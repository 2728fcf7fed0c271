package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

const oneWay = `
name: shop
services:
  web:
    image: web:1
    ports: ["8080:80", "8081:81"]
    environment: {B: "2", A: "1"}
    depends_on: [db, cache]
    x-overcloud:
      consumes: [db:5432, cache:6379]
      prefer: {zone: cold, disk: fast}
  db: {image: "db:1", expose: ["5432"]}
  cache: {image: "cache:1", expose: ["6379"]}
x-overcloud:
  boxes:
    b: {engine: "tcp://10.0.0.2:2376", labels: {y: "2", x: "1"}}
    a: {engine: "tcp://10.0.0.1:2376"}
`

const otherWay = `
x-overcloud:
  boxes:
    a: {engine: "tcp://10.0.0.1:2376"}
    b: {labels: {x: "1", y: "2"}, engine: "tcp://10.0.0.2:2376"}
services:
  cache: {expose: ["6379"], image: "cache:1"}
  db: {expose: ["5432"], image: "db:1"}
  web:
    x-overcloud:
      prefer: {disk: fast, zone: cold}
      consumes: [cache:6379, {port: 5432, function: db}]
    depends_on: [cache, db]
    environment: ["A=1", "B=2"]
    ports: ["8081:81", {target: 80, published: "8080"}]
    image: web:1
name: shop
`

func TestTheProbeComesFromTheRegistryOfTheOtherImages(t *testing.T) {
	load := func(text string, env map[string]string) string {
		service, err := Load(context.Background(), Options{Path: "-", Stdin: strings.NewReader(text), Env: env})
		require.NoError(t, err)
		return service.ProbeImage
	}
	require.Equal(t, "127.0.0.1:5000/overcloud/probe:dev", load(oneWay, nil))
	require.Equal(t, "r:1/overcloud/probe:2", load(oneWay, map[string]string{"OVERCLOUD_REGISTRY": "r:1", "OVERCLOUD_VERSION": "2"}))
	require.Empty(t, load("name: one\nservices: {a: {image: a}}", nil), "nothing connects, so nothing is to be proven")
}

func TestAHealthCheckKeepsItsStartInterval(t *testing.T) {
	service, err := fromText(t, "services: {a: {image: a, healthcheck: {test: x, interval: 10s, start_interval: 250ms, start_period: 1m}}}")
	require.NoError(t, err)
	require.Equal(t, 250*time.Millisecond, service.Functions[0].Healthcheck.StartInterval.D())
	require.Equal(t, 10*time.Second, service.Functions[0].Healthcheck.Interval.D())
}

func fromText(t *testing.T, text string) (spec.Service, error) {
	t.Helper()
	return Load(context.Background(), Options{Path: "-", Stdin: strings.NewReader(text), Env: map[string]string{}})
}

func TestTheOrderOfKeysDoesNotMatter(t *testing.T) {
	one, err := fromText(t, oneWay)
	require.NoError(t, err)
	other, err := fromText(t, otherWay)
	require.NoError(t, err)
	require.Equal(t, string(Render(one)), string(Render(other)))
}

func TestRenderedIsReadBackEqual(t *testing.T) {
	for _, file := range []string{"specs/smart-energy/compose.yaml", "specs/hello/compose.yaml"} {
		service := load(t, root+file, nil, "simulated")
		rendered := Render(service)

		var read spec.Service
		require.NoError(t, json.Unmarshal(rendered, &read))
		require.Equal(t, service, read)

		path := filepath.Join(t.TempDir(), "rendered.json")
		require.NoError(t, os.WriteFile(path, rendered, 0o600))
		again := load(t, path, nil)
		require.Equal(t, string(rendered), string(Render(again)))
	}
}

func TestARenderedSpecificationIsCheckedToo(t *testing.T) {
	rendered := Render(load(t, root+"specs/smart-energy/compose.yaml", nil, "simulated"))
	cases := map[string][2]string{
		"unknown function in consumes": {`"function": "influxdb"`, `"function": "inflxdb"`},
		"a range":                      {`"setpoint_max": 27`, `"setpoint_max": 40`},
		"an unknown key":               {`"orchestrator"`, `"orchestrater"`},
		"no number":                    {`"replicas": 1`, `"replicas": "one"`},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			changed := bytes.Replace(rendered, []byte(change[0]), []byte(change[1]), 1)
			require.NotEqual(t, string(rendered), string(changed))
			_, err := fromText(t, string(changed))
			require.ErrorIs(t, err, fault.ErrInvalid)
		})
	}
}

func TestAMissingFileIsNotFound(t *testing.T) {
	_, err := Load(context.Background(), Options{Path: filepath.Join(t.TempDir(), "none.yaml")})
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = Load(context.Background(), Options{})
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = Load(context.Background(), Options{Path: t.TempDir()})
	require.Error(t, err)
}

func TestAFileWithoutEndIsRefused(t *testing.T) {
	_, err := fromText(t, strings.Repeat("#", maxFile+1))
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func TestTheNameIsComposes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "My Shop_1")
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "compose.yaml")
	require.NoError(t, os.WriteFile(path, []byte("services: {web: {image: \"web:1\"}}"), 0o600))
	require.Equal(t, "myshop_1", load(t, path, nil).Name)
	require.Equal(t, "other", load(t, path, map[string]string{"COMPOSE_PROJECT_NAME": "other"}).Name)
}

func TestSecretsAreReferencesNeverValues(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte("hunter2"), 0o600))
	path := filepath.Join(dir, "compose.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
services:
  web: {image: "web:1", secrets: [password, {source: token, target: /etc/token}]}
secrets:
  password: {file: ./password}
  token: {environment: TOKEN}
`), 0o600))
	s := load(t, path, map[string]string{"TOKEN": "hunter3"})
	require.Equal(t, []spec.Secret{
		{Name: "password", From: "file:" + filepath.Join(dir, "password")}, {Name: "token", From: "env:TOKEN"},
	}, s.Secrets)
	require.Equal(t, []spec.SecretUse{
		{Name: "token", Target: "/etc/token"}, {Name: "password", Target: "/run/secrets/password"},
	}, function(t, s, "web").Secrets)
	require.NotContains(t, string(Render(s)), "hunter")
}

func TestProfilesComeFromTheEnvironmentToo(t *testing.T) {
	file := root + "specs/smart-energy/compose.yaml"
	_, there := load(t, file, map[string]string{"COMPOSE_PROFILES": "x,simulated"}).Function("room")
	require.True(t, there)
}

func TestVolumesAndNetworksHaveComposesNames(t *testing.T) {
	s, err := fromText(t, `
name: shop
services:
  web: {image: "web:1", volumes: ["data:/data", "old:/old"], networks: [front]}
volumes: {data: {}, old: {external: true, name: ancient}}
networks: {front: {}}
`)
	require.NoError(t, err)
	require.Equal(t, []string{"ancient", "shop_data"}, s.Volumes)
	require.Equal(t, []string{"shop_front"}, s.Networks)
	require.Equal(t, "shop_data", function(t, s, "web").Mounts[0].Source)
}

func TestExpandFollowsCompose(t *testing.T) {
	env := map[string]string{"A": "a", "EMPTY": ""}
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	for text, want := range map[string]string{
		"$A${A}$$A":               "aa$A",
		"${NONE:-d}${EMPTY:-d}":   "dd",
		"${NONE-d}${EMPTY-d}":     "d",
		"${A:+x}${EMPTY:+x}":      "x",
		"${A+x}${EMPTY+x}":        "xx",
		"${NONE:-${A:-b}-{c}}":    "a-{c}",
		"{{kafka.host}}:${A:?no}": "{{kafka.host}}:a",
		"${NONE}":                 "",
	} {
		got, _, err := expand(text, lookup)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, bad := range []string{"${NONE:?say}", "${EMPTY:?say}", "${NONE?say}", "${", "$", "${1}", "${a.b}", "${A/b}"} {
		_, _, err := expand(bad, lookup)
		require.Error(t, err, bad)
	}
}

// Whatever the file: no panic, no other error than Problems with lines, and what loads renders and loads again.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/compose.yaml")
	require.NoError(f, err)
	for _, seed := range append(seeds, root+"specs/smart-energy/compose.yaml", root+"specs/hello/compose.yaml") {
		content, err := os.ReadFile(seed)
		require.NoError(f, err)
		f.Add(string(content))
	}
	f.Fuzz(func(t *testing.T, text string) {
		service, err := fromText(t, text)
		if err != nil {
			var problems spec.Problems
			require.True(t, errors.As(err, &problems), "%v", err)
			require.NotEmpty(t, problems.Error())
			return
		}
		again, err := fromText(t, string(Render(service)))
		require.NoError(t, err)
		require.Equal(t, string(Render(service)), string(Render(again)))
	})
}
