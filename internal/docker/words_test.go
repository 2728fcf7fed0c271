package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestOpenRefusesAddressesThatNeverWork(t *testing.T) {
	engines := NewEngines(Options{})
	for engine, words := range map[string]string{
		"ssh://pi@pi-1":     "ssh:// is not set up here",
		"http://pi-1:2375":  "is neither unix:// nor tcp://",
		"pi-1":              "is neither unix:// nor tcp://",
		"tcp://pi-1":        "names no port",
		"unix://":           "names no socket",
		"tcp://pi-1:\x7f99": "is no address",
	} {
		_, err := engines.Open(spec.Box{Name: "pi-1", Engine: engine})
		require.ErrorIs(t, err, fault.ErrInvalid, engine)
		require.ErrorContains(t, err, words)
		require.ErrorContains(t, err, "box pi-1")
	}
	folder := t.TempDir()
	_, err := engines.Open(spec.Box{Name: "pi-1", Engine: "tcp://pi-1:2376", TLS: folder})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, filepath.Join(folder, "ca.pem"))
}

func TestOpenSharesClients(t *testing.T) {
	engines := NewEngines(Options{})
	for _, name := range []string{"a", "b"} {
		_, err := engines.Open(spec.Box{Name: name, Engine: "tcp://127.0.0.1:2375"})
		require.NoError(t, err)
	}
	_, err := engines.Open(spec.Box{Name: "c", Engine: "tcp://127.0.0.1:2376"})
	require.NoError(t, err)
	require.Len(t, engines.clients, 2)
	require.NoError(t, engines.Close())
}

// An engine that accepts and then says nothing must not hold a deploy up.
func TestObserveOfASilentEngineEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	engine, err := NewEngines(Options{}).Open(spec.Box{Name: "mute", Engine: "tcp://" + listener.Addr().String()})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	seen := engine.Observe(ctx)
	require.False(t, seen.Reachable)
	require.Contains(t, seen.Fault, "did not answer in time")
}

func TestEveryCallToADeadEngineIsUnreachable(t *testing.T) {
	engine, err := NewEngines(Options{ProbeImage: "r/probe"}).Open(spec.Box{Name: "dead", Engine: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	require.NoError(t, err)
	ctx := context.Background()
	for name, call := range map[string]func() error{
		"pull": func() error {
			return engine.Pull(ctx, plan.Pull{Image: "r/a", Digest: "sha256:1111"}, activities.Source{}, nil)
		},
		"verify":  func() error { return engine.Verify(ctx, plan.Pull{Image: "r/a", Digest: "sha256:1111"}) },
		"network": func() error { return engine.EnsureNetwork(ctx, "s", "n") },
		"volume":  func() error { return engine.EnsureVolume(ctx, "s", "n") },
		"start":   func() error { _, _, err := engine.EnsureContainer(ctx, "s", plan.Placement{}, nil); return err },
		"state":   func() error { _, err := engine.State(ctx, "c"); return err },
		"logs":    func() error { _, err := engine.Logs(ctx, "c", 1); return err },
		"remove":  func() error { return engine.Remove(ctx, "c", 0) },
		"forward": func() error { return engine.EnsureForwards(ctx, "s", "c", plan.Placement{}, "") },
		"dial": func() error {
			_, err := engine.Dial(ctx, activities.Dial{Container: "c", Addresses: []string{"a:1"}})
			return err
		},
	} {
		require.ErrorIs(t, call(), fault.ErrUnreachable, name)
	}
	removed, stayed := engine.Sweep(ctx, "s", true)
	require.Empty(t, removed)
	require.Len(t, stayed, 3)

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = engine.State(cancelled, "c")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, fault.ErrUnreachable)
}

// The words are those of engines 20.10 to 28, with the classic and the containerd image store.
func TestPullFaultsByTheirWords(t *testing.T) {
	for words, want := range map[string]error{
		"filesystem layer verification failed for digest sha256:9c7c":                                                                       fault.ErrDigestMismatch,
		"image config verification failed for digest sha256:9c7c":                                                                           fault.ErrDigestMismatch,
		`failed commit on ref "layer-sha256:9c7c": unexpected commit digest sha256:1, expected sha256:9c7c`:                                 fault.ErrDigestMismatch,
		"no matching manifest for linux/arm/v7 in the manifest list entries":                                                                fault.ErrNoPlatform,
		"no match for platform in manifest: not found":                                                                                      fault.ErrNoPlatform,
		"manifest for r/kafka@sha256:1 not found: manifest unknown: manifest unknown":                                                       fault.ErrNotFound,
		"pull access denied for r/kafka, repository does not exist or may require 'docker login': denied: requested access to the resource": fault.ErrUnauthorised,
		"unauthorized: authentication required":                                                                                             fault.ErrUnauthorised,
		`Head "https://r/v2/kafka/manifests/4": no basic auth credentials`:                                                                  fault.ErrUnauthorised,
		"failed to register layer: write /edge: no space left on device":                                                                    fault.ErrDiskFull,
		`Get "https://10.0.0.1:5000/v2/": http: server gave HTTP response to HTTPS client`:                                                  fault.ErrUntrusted,
		`Get "https://r/v2/": dial tcp 10.0.0.1:443: connect: connection refused`:                                                           fault.ErrNetwork,
		`Get "https://r.example/v2/": dial tcp: lookup r.example on 10.0.0.53:53: no such host`:                                             fault.ErrNetwork,
		"toomanyrequests: You have reached your pull rate limit":                                                                            fault.ErrRateLimited,
		`received unexpected HTTP status: 503 Service Unavailable`:                                                                          fault.ErrNetwork,
		`Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`:     fault.ErrNetwork,
		`Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`:                             fault.ErrUntrusted,
	} {
		err := classifyPull(context.Background(), errors.New("Error response from daemon: "+words))
		require.ErrorIs(t, err, want)
		require.True(t, strings.HasPrefix(err.Error(), words), "the registry's own words come first: %v", err)
	}
	strange := errors.New("something new")
	require.Equal(t, strange, classifyPull(context.Background(), strange))
	require.NoError(t, classifyPull(context.Background(), nil))
}

func TestReadPull(t *testing.T) {
	var seen []activities.PullProgress
	lines := []string{
		`{"status":"Pulling from test/echo","id":"sha256:1111"}`,
		`{"status":"Pulling fs layer","progressDetail":{},"id":"a"}`,
		`{"status":"Already exists","progressDetail":{},"id":"b"}`,
		`{"status":"Downloading","progressDetail":{"current":100,"total":1000},"id":"a"}`,
		`{"status":"Download complete","progressDetail":{},"id":"a"}`,
		`{"status":"Extracting","progressDetail":{"current":5,"total":1000},"id":"a"}`,
		`{"status":"Pull complete","progressDetail":{},"id":"a"}`,
		`{"status":"Digest: sha256:1111"}`,
	}
	err := readPull(strings.NewReader(strings.Join(lines, "\n")), 5000, func(p activities.PullProgress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.Len(t, seen, len(lines))
	require.Equal(t, activities.PullProgress{TotalBytes: 5000, Status: "Pulling from test/echo"}, seen[0], "that is no layer")
	each := func(bytes, total int64, status string) []activities.LayerProgress {
		return []activities.LayerProgress{{ID: "a", Bytes: bytes, Total: total, Status: status}, {ID: "b", Status: activities.LayerDone}}
	}
	require.Equal(t, activities.PullProgress{Layers: 2, LayersDone: 1, TotalBytes: 5000, Status: "Already exists", Each: each(0, 0, "waiting")}, seen[2],
		"the registry's size until the engine says its own")
	require.Equal(t, activities.PullProgress{Layers: 2, LayersDone: 1, Bytes: 100, TotalBytes: 1000, Status: "Downloading", Each: each(100, 1000, "downloading")}, seen[3])
	require.Equal(t, activities.PullProgress{Layers: 2, LayersDone: 1, Bytes: 1000, TotalBytes: 1000, Extracted: 5, Status: "Extracting", Each: each(1000, 1000, "extracting")}, seen[5])
	require.Equal(t, activities.PullProgress{Layers: 2, LayersDone: 2, Bytes: 1000, TotalBytes: 1000, Extracted: 5, Status: "Digest: sha256:1111", Each: each(1000, 1000, "done")}, seen[7])

	err = readPull(strings.NewReader(lines[1]+`{"errorDetail":{"message":"no space left on device"},"error":"no space"}`), 0, nil)
	require.EqualError(t, err, "no space left on device")
	err = readPull(strings.NewReader(lines[1]+`{"status":`), 0, nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, classifyPull(context.Background(), err), fault.ErrUnreachable, "a broken connection is worth another try")
}

func TestTranslate(t *testing.T) {
	p := plan.Placement{
		Function: "kafka", Replica: 2, Container: "s-kafka-2", Image: "r/kafka:dev", Digest: "sha256:1111", SpecHash: "h",
		Command: []string{"serve"}, Environment: []spec.Variable{{Name: "A", Value: "b=c"}},
		Labels:   []spec.Variable{{Name: "team", Value: "cold"}, {Name: LabelService, Value: "forged"}},
		Ports:    []spec.Port{{Container: 53, Host: 5353, HostIP: "10.0.0.1", Protocol: "udp"}, {Container: 80, Host: 8080}},
		Mounts:   []spec.Mount{{Kind: "bind", Source: "/dev/lirc0", Target: "/dev/lirc0", ReadOnly: true}, {Kind: "volume", Source: "v", Target: "/data"}},
		Networks: []string{"n1", "n2"}, Restart: "on-failure:5", StopGrace: spec.Duration(1500 * time.Millisecond),
		Resources: spec.Resources{CPUs: 0.25, MemoryBytes: 200, LimitCPUs: 1.5, LimitMemoryBytes: 100}, Devices: []string{"/dev/a", "/dev/b:/dev/c:r"},
		Healthcheck: &spec.Healthcheck{Test: []string{"CMD", "/kafka", "health"}, Interval: spec.Duration(time.Second), StartInterval: spec.Duration(250 * time.Millisecond), Retries: 3},
		ExtraHosts:  []string{"influxdb:10.0.0.2"},
	}
	config, host, joined := translate("s", p)
	require.Equal(t, map[string]string{
		"team": "cold", "overcloud.service": "s", "overcloud.function": "kafka", "overcloud.replica": "2", "overcloud.spec-hash": "h",
		"overcloud.digest": "sha256:1111", "overcloud.cpus": "0.25", "overcloud.memory": "200",
	}, config.Labels)
	require.Equal(t, []string{"A=b=c"}, config.Env)
	require.Equal(t, 2, *config.StopTimeout, "rounded up to whole seconds")
	require.Equal(t, time.Second, config.Healthcheck.Interval)
	require.Equal(t, "5353", host.PortBindings["53/udp"][0].HostPort)
	require.Equal(t, "10.0.0.1", host.PortBindings["53/udp"][0].HostIP)
	require.Equal(t, "8080", host.PortBindings["80/tcp"][0].HostPort)
	require.Equal(t, container.RestartPolicy{Name: "on-failure", MaximumRetryCount: 5}, host.RestartPolicy)
	require.Equal(t, int64(1_500_000_000), host.NanoCPUs)
	require.Equal(t, int64(100), host.Memory)
	require.Equal(t, int64(100), host.MemoryReservation, "not above the limit")
	require.Equal(t, "bind", string(host.Mounts[0].Type))
	require.True(t, host.Mounts[0].ReadOnly)
	require.Equal(t, []container.DeviceMapping{
		{PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm"},
		{PathOnHost: "/dev/b", PathInContainer: "/dev/c", CgroupPermissions: "r"},
	}, host.Devices)
	require.Equal(t, "n1", string(host.NetworkMode))
	require.Len(t, joined.EndpointsConfig, 1, "engines before API 1.44 take one")
	require.Equal(t, []string{"kafka"}, joined.EndpointsConfig["n1"].Aliases)

	suit(config, "1.44")
	require.Equal(t, 250*time.Millisecond, config.Healthcheck.StartInterval)
	suit(config, "1.43")
	require.Zero(t, config.Healthcheck.StartInterval, "the client refuses it for such an engine")

	_, host, joined = translate("s", plan.Placement{})
	require.Nil(t, joined)
	require.Equal(t, "no", string(host.RestartPolicy.Name))
}

func TestPackedSecrets(t *testing.T) {
	secrets := []activities.SecretFile{
		{Target: "token", Value: []byte("one")}, {Target: "/run/secrets/key", Value: []byte("two")}, {Target: "/etc/app/../pass", Value: []byte("three")},
	}
	for user, want := range map[string]string{
		"":      "0:0 -r--------",
		"root":  "0:0 -r--------",
		"65532": "65532:0 -r--------",
		"10:20": "10:20 -r--------",
		"app":   "0:0 -r--r--r--",
	} {
		archive, err := pack(secrets, user)
		require.NoError(t, err)
		var got []string
		for reader := tar.NewReader(bytes.NewReader(archive)); ; {
			header, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			content, err := io.ReadAll(reader)
			require.NoError(t, err)
			if header.Typeflag == tar.TypeDir {
				got = append(got, header.Name)
				continue
			}
			require.Equal(t, want, fmt.Sprintf("%d:%d %v", header.Uid, header.Gid, os.FileMode(header.Mode)))
			got = append(got, header.Name+"="+string(content))
		}
		require.Equal(t, []string{"run", "run/secrets", "run/secrets/token=one", "run/secrets/key=two", "etc/pass=three"}, got)
	}
}

func TestUnderstand(t *testing.T) {
	all, err := understand([]string{"kafka:9092", "db:5432"},
		`{"asked":"kafka:9092","connected":true,"address":"10.0.0.2:9092","ms":1.5}`+"\n"+
			`{"asked":"db:5432","connected":false,"address":"db:5432","ms":3,"fault":"name db: no such host"}`+"\n", "")
	require.NoError(t, err)
	require.Equal(t, []activities.Connection{
		{Address: "kafka:9092", Connected: true, Millis: 1.5},
		{Address: "db:5432", Millis: 3, Fault: "name db: no such host"},
	}, all)
	for _, said := range []string{"", `{"connected":true}`, "{}\n{}\n{}\n", "exec format error\n"} {
		_, err = understand([]string{"a:1", "b:2"}, said, "no such program")
		require.ErrorIs(t, err, fault.ErrNotConnected, said)
		require.ErrorContains(t, err, "no such program")
	}
}

func TestFits(t *testing.T) {
	image := func(os, arch, variant string) image.InspectResponse {
		return image.InspectResponse{Os: os, Architecture: arch, Variant: variant}
	}
	pull := func(arch, variant string) plan.Pull {
		return plan.Pull{Image: "i", OS: "linux", Arch: arch, Variant: variant}
	}
	require.NoError(t, fits(image("linux", "amd64", ""), pull("amd64", "")))
	require.NoError(t, fits(image("linux", "arm64", ""), pull("arm64", "v8")), "some images name arm64's variant, some do not")
	require.NoError(t, fits(image("linux", "arm", "v7"), pull("arm", "v7")))
	require.NoError(t, fits(image("linux", "arm", ""), pull("arm", "v7")), "not said is not wrong")
	require.ErrorContains(t, fits(image("linux", "arm", "v6"), pull("arm", "v7")), "variant is v6, wanted v7")
	err := fits(image("windows", "amd64", ""), pull("arm64", ""))
	require.ErrorIs(t, err, fault.ErrNoPlatform)
	require.ErrorContains(t, err, "operating system is windows, wanted linux, architecture is amd64, wanted arm64")
}

func TestMachineNames(t *testing.T) {
	for machine, want := range map[string]string{
		"x86_64": "amd64/", "aarch64": "arm64/", "armv7l": "arm/v7", "armv6l": "arm/v6", "riscv64": "riscv64/", "arm64": "arm64/",
	} {
		arch, variant := platform(machine)
		require.Equal(t, want, arch+"/"+variant)
	}
	for status, want := range map[string]string{
		"Up 5 seconds (health: starting)": "starting", "Up 1 hour (healthy)": "healthy", "Up 1 hour (unhealthy)": "unhealthy",
		"Up 5 seconds": "", "Exited (0) 2 minutes ago": "",
	} {
		require.Equal(t, want, healthIn(status))
	}
}
