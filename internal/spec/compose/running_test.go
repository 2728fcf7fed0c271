package compose

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const running = `
name: shop
services:
  web:
    image: web:1
    user: "33"
    working_dir: /srv
    hostname: web
    init: true
    read_only: true
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ["no-new-privileges:true"]
    tmpfs: ["/run", "/tmp:size=1m"]
    shm_size: 64M
    ulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 20}
    sysctls: {net.core.somaxconn: "1024"}
    ports: ["8080:80", {target: 81, mode: ingress}]
    deploy:
      replicas: 4
      update_config: {parallelism: 0, delay: 5s, monitor: 10s, failure_action: pause, max_failure_ratio: 0.25}
      placement: {preferences: [{spread: node.labels.zone}, {spread: node.labels.rack}]}
    x-overcloud: {engine: "24.0"}
  worker:
    image: worker:1
    deploy: {update_config: {order: start-first}}
    x-overcloud:
      tune: {metric: kafka-lag, target: 1000, least: 1, most: 5, kafka: kafka, group: workers}
  kafka: {image: "kafka:1"}
x-overcloud:
  lost: {after: 2m, return: original, volumes: move}
  registries:
    registry.lan: {ca: certs/ca.pem}
  boxes:
    a: {engine: "ssh://ops@10.0.0.1", install: true, availability: drain}
`

func TestHowFunctionsRunAndAreReplacedIsRead(t *testing.T) {
	service, err := Load(context.Background(), Options{Path: "-", Stdin: strings.NewReader(running)})
	require.NoError(t, err)
	web, _ := service.Function("web")
	worker, _ := service.Function("worker")
	for what, pair := range map[string]struct {
		got  any
		want string
	}{
		"runtime": {web.Runtime, `{"user":"33","working_dir":"/srv","hostname":"web","init":true,"read_only":true,
			"cap_add":["NET_BIND_SERVICE"],"cap_drop":["ALL"],"security":["no-new-privileges:true"],
			"tmpfs":["/run","/tmp:size=1m"],"shm_bytes":67108864,"ulimits":[{"name":"nofile","soft":1024,"hard":2048},
			{"name":"nproc","soft":20,"hard":20}],"sysctls":[{"name":"net.core.somaxconn","value":"1024"}]}`},
		"update":                              {web.Update, `{"delay":"5s","monitor":"10s","max_failure_ratio":0.25,"failure_action":"pause"}`},
		"one at a time unless said otherwise": {worker.Update, `{"parallelism":1,"order":"start-first"}`},
		"spread":                              {web.Spread, `["zone","rack"]`},
		"engine":                              {web.Engine, `"24.0"`},
		"ports":                               {web.Ports, `[{"container":80,"host":8080,"protocol":"tcp"},{"container":81,"protocol":"tcp","mode":"ingress"}]`},
		"tune":                                {worker.Tune, `{"metric":"kafka-lag","target":1000,"least":1,"most":5,"kafka":"kafka","group":"workers"}`},
		"lost":                                {service.Lost, `{"after":"2m0s","return":"original","volumes":"move"}`},
	} {
		text, err := json.Marshal(pair.got)
		require.NoError(t, err)
		require.JSONEq(t, pair.want, string(text), what)
	}
	require.True(t, service.Boxes[0].Install)
	require.Equal(t, "drain", service.Boxes[0].Availability)
	require.True(t, strings.HasSuffix(service.Registries[0].CA, "/certs/ca.pem"), service.Registries[0].CA)
}
