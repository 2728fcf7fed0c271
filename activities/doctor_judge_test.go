package activities

import (
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

func TestAnEngineIsJudgedByItsVersions(t *testing.T) {
	for _, c := range []struct{ api, oldest, ours, state, seen string }{
		{"1.41", "1.12", "1.51", CheckPass, "1.41 (needed: 1.41)"},
		{"1.9", "1.12", "1.51", CheckFail, "1.9 (needed: 1.41)"},
		{"1.40", "1.12", "1.51", CheckFail, "1.40 (needed: 1.41)"},
		{"2.0", "1.44", "1.51", CheckPass, "2.0 (needed: 1.41)"},
		{"1.60", "1.52", "1.51", CheckFail, "speaks nothing older than 1.52, and we nothing newer than 1.51"},
		{"", "", "1.51", CheckFail, " (needed: 1.41)"},
	} {
		check := judgeAPI(EngineAnswer{API: c.api, OldestAPI: c.oldest, OurAPI: c.ours})
		require.Equal(t, c.state, check.State, c)
		require.Equal(t, c.seen, check.Seen)
		require.Equal(t, c.state == CheckFail, check.Advice != "", "whoever fails is told what to do")
	}
	require.Equal(t, CheckWarn, judgeEngine(EngineAnswer{Version: "24.0", OS: "linux", Arch: "arm/v7"}).State, "no memory cgroup, as on a Pi")
	require.Equal(t, CheckPass, judgeEngine(EngineAnswer{Version: "24.0", MemoryLimit: true}).State)
}

func TestAClockIsJudgedByWhatTheRoundTripCannotExplain(t *testing.T) {
	asked := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	answered := asked.Add(4 * time.Second)
	for _, c := range []struct {
		clock time.Duration // after asked
		state string
		seen  string
	}{
		{2 * time.Second, CheckPass, "agrees with the worker's within 4s"},
		{-2 * time.Second, CheckPass, "agrees with the worker's within 6s"},
		{6 * time.Second, CheckPass, "agrees with the worker's within 6s"},
		{-2100 * time.Millisecond, CheckWarn, "2.1s behind the worker's"},
		{6100 * time.Millisecond, CheckWarn, "2.1s ahead of the worker's"},
		{34 * time.Second, CheckWarn, "30s ahead of the worker's"},
		{35 * time.Second, CheckFail, "31s ahead of the worker's"},
		{-8760 * time.Hour, CheckFail, "8760h0m0s behind the worker's"},
	} {
		check := judgeClock(asked.Add(c.clock), asked, answered)
		require.Equal(t, c.state, check.State, c.clock)
		require.Equal(t, c.seen, check.Seen)
	}
	require.Equal(t, CheckSkip, judgeClock(time.Time{}, asked, answered).State)
}

func TestADiskIsJudgedByItsFreeSpace(t *testing.T) {
	for free, want := range map[int64]string{
		0: CheckFail, 256<<20 - 1: CheckFail, 256 << 20: CheckWarn, 2<<30 - 1: CheckWarn, 2 << 30: CheckPass,
	} {
		require.Equal(t, want, judgeDisk("/var/lib/docker", free).State, free)
	}
	require.Equal(t, "255 MiB free on /d", judgeDisk("/d", 256<<20-1).Seen)
	require.Equal(t, "2.0 GiB free on /d", judgeDisk("/d", 2<<30).Seen)
}

func TestDfIsRead(t *testing.T) {
	free, err := freeOf("Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda         263174212 24000000  71303168      27% /\n")
	require.NoError(t, err)
	require.Equal(t, int64(71303168)<<10, free)
	for _, bad := range []string{"", "df: /x: No such file or directory", "Filesystem a b c d e\n/dev/vda x y z 27% /"} {
		_, err := freeOf(bad)
		require.ErrorContains(t, err, "df said", bad)
	}
}

func TestCertificatesAreJudgedByTheFirstToEnd(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ends := func(days int) *x509.Certificate { return &x509.Certificate{NotAfter: now.AddDate(0, 0, days)} }
	for _, c := range []struct {
		server, authority, ours int
		state, seen             string
	}{
		{365, 3650, 90, CheckPass, "both sides are proven; the first certificate to end is ours (cert.pem), in 90 days (2027-02-21)"},
		{29, 3650, 90, CheckWarn, "both sides are proven; the first certificate to end is the engine's, in 29 days (2026-12-22)"},
		{365, 10, 90, CheckWarn, "both sides are proven; the first certificate to end is the engine's, in 10 days (2026-12-03)"},
		{365, 3650, -1, CheckFail, "the certificate of ours (cert.pem) ended on 2026-11-22"},
	} {
		check := judgeTLS([]*x509.Certificate{ends(c.server), ends(c.authority)}, ends(c.ours), nil, now)
		require.Equal(t, c.state, check.State)
		require.Equal(t, c.seen, check.Seen)
	}
	require.Equal(t, CheckWarn, judgePlain("10.0.0.7").State)
	require.Equal(t, CheckSkip, judgePlain("127.0.0.1").State)
}

// The words are those of dockerd 20.10 to 28.
func TestARegistryIsJudgedByWhatTheBoxHeard(t *testing.T) {
	for _, c := range []struct {
		err           error
		real, process bool
		state, advice string
	}{
		{nil, true, false, CheckPass, ""},
		{fmt.Errorf("manifest unknown: %w", fault.ErrNotFound), true, false, CheckWarn, "push the image"},
		{fmt.Errorf("manifest unknown: %w", fault.ErrNotFound), false, false, CheckPass, ""},
		{fmt.Errorf("no basic auth credentials: %w", fault.ErrUnauthorised), true, false, CheckFail, "set `credentials`"},
		{fmt.Errorf("no basic auth credentials: %w", fault.ErrUnauthorised), false, false, CheckPass, ""},
		{errors.New(`Get "https://registry.lan/v2/": dial tcp: lookup registry.lan on 10.0.0.1:53: no such host`), true, false, CheckFail, "the name service of the box"},
		{errors.New(`Get "https://registry.lan/v2/": x509: certificate signed by unknown authority`), true, false, CheckFail, "/etc/docker/certs.d/registry.lan/ca.crt"},
		{errors.New(`Get "https://registry.lan/v2/": http: server gave HTTP response to HTTPS client`), true, false, CheckFail, "insecure-registries"},
		{errors.New(`Get "https://registry.lan/v2/": dial tcp 10.0.0.9:443: connect: connection refused`), true, false, CheckFail, "start the registry"},
		{errors.New(`Get "https://registry.lan/v2/": net/http: request canceled while waiting for connection`), true, false, CheckFail, "the box's way"},
		{fmt.Errorf("a process box does not serve it: %w", fault.ErrRejected), true, true, CheckSkip, ""},
		{fmt.Errorf("secret hub is empty: %w", fault.ErrSecret), true, false, CheckFail, "credentials on the worker"},
	} {
		words := ""
		if c.err != nil {
			words = told(t.Context(), c.err)
		}
		check := judgeRegistry("registry.lan", "registry.lan/app:1", c.real, EngineAnswer{Process: c.process}, c.err, words)
		require.Equal(t, c.state, check.State, c.err)
		require.Equal(t, "registry registry.lan", check.Name)
		require.NotEmpty(t, check.Seen)
		if c.advice == "" {
			require.Empty(t, check.Advice)
		} else if c.advice != "the box's way" {
			require.Contains(t, check.Advice, c.advice)
		}
	}
}

func TestEveryRegistryIsAskedOnceWithAnImageThatComesFromIt(t *testing.T) {
	registries := []spec.Registry{
		{Host: "registry.lan", Credentials: "lan"},
		{Host: "docker.io", Mirrors: []string{"mirror.lan:5000"}, Mode: "strict"},
		{Host: "quay.io", Mirrors: []string{"registry.lan"}},
	}
	var got []string
	for _, q := range questions(registries, []string{"kafka:4", "redis@sha256:aa", "registry.lan/team/app:1", "registry.lan/team/other"}) {
		got = append(got, fmt.Sprintf("%s %s %v %s", q.host, q.ref, q.real, q.place.Credentials))
	}
	require.Equal(t, []string{
		"mirror.lan:5000 mirror.lan:5000/library/kafka:4 false ",
		"registry.lan registry.lan/team/app:1 true lan",
		"quay.io quay.io/overcloud/check:none false ",
	}, got, "a strict registry is never asked itself")
}

func TestAHostIsReadAndRefusedInOneSentence(t *testing.T) {
	h := readHost("Welcome!\nid=raspbian\nlike=debian\npretty=Raspbian GNU/Linux 12 (bookworm)\nuser=pi\nroot=sudo\ninit=systemd\n")
	require.Equal(t, host{ID: "raspbian", Like: []string{"debian"}, Pretty: "Raspbian GNU/Linux 12 (bookworm)", User: "pi", Root: rootSudo, Init: initSystemd}, h)
	box := spec.Box{Name: "pi-1", Engine: "ssh://pi@pi-1"}
	for want, change := range map[string]func(*host, *spec.Box){
		"": func(*host, *spec.Box) {},
		"pi@pi-1 may not become root on the box without a password": func(h *host, _ *spec.Box) { h.Root = rootNone },
		"openSUSE Leap 15.6 is no distribution that OverCloud installs on": func(h *host, _ *spec.Box) {
			h.ID, h.Like, h.Pretty = "opensuse-leap", []string{"suse", "opensuse"}, "openSUSE Leap 15.6"
		},
		"Rocky Linux 9 is no distribution": func(h *host, _ *spec.Box) {
			h.ID, h.Like, h.Pretty = "rocky", []string{"rhel", "centos", "fedora"}, "Rocky Linux 9"
		},
		"a system without /etc/os-release is no distribution": func(h *host, _ *spec.Box) { h.ID, h.Like, h.Pretty = "", nil, "" },
		"podman stands in for docker":                         func(h *host, _ *spec.Box) { h.Podman = true },
		"the engine would listen at /var/run/docker.sock, but `engine` of the box says /srv/d.sock": func(_ *host, b *spec.Box) {
			b.Engine = "ssh://pi@pi-1/srv/d.sock"
		},
	} {
		h, box := h, box
		change(&h, &box)
		err := installable(h, box)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, fault.ErrRejected)
		require.ErrorContains(t, err, want)
	}
}

func TestTheStateOfAnInstallationIsRead(t *testing.T) {
	require.Equal(t, installState{running: true, lines: []string{"overcloud: installing docker.io", "Get:1 x"}},
		readInstall("running\novercloud: installing docker.io\nGet:1 x"))
	require.Equal(t, installState{code: "0", lines: []string{"done"}}, readInstall("ended 0\ndone"))
	require.Equal(t, installState{code: "100", lines: []string{"[31mE: x"}}, readInstall("ended 100\n\n\x1b[31mE: x\r\n"))
	require.Equal(t, installState{}, readInstall("interrupted\n"))
}
