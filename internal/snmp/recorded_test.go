package snmp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/resource"
	"github.com/overcloud/overcloud/internal/snmp/snmptest"
)

func target(t testing.TB, agent *snmptest.Agent) Target {
	t.Helper()
	out, err := ParseTarget("rack-1", "udp://"+agent.Address()+"?timeout=1s&community="+snmptest.Community)
	require.NoError(t, err)
	return out
}

func session(t testing.TB, agent *snmptest.Agent) *Session {
	t.Helper()
	s := NewSession(target(t, agent))
	t.Cleanup(func() { s.Close() })
	return s
}

// Each testdata/<case>.snmp is an agent, and <case>.want what two polls make of it. UPDATE=1 writes them anew.
func TestRecordedAgents(t *testing.T) {
	files, err := filepath.Glob("testdata/*.snmp")
	require.NoError(t, err)
	require.Greater(t, len(files), 15)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".snmp")
		t.Run(name, func(t *testing.T) {
			s := session(t, snmptest.Start(t, file))
			first, err := s.Poll(t.Context())
			require.NoError(t, err)
			asked := s.Stats().Sent
			second, err := s.Poll(t.Context())
			require.NoError(t, err)
			require.Equal(t, picture(first), picture(second), "what was learnt changes nothing")
			stats := s.Stats()
			require.Equal(t, 1, stats.Opened)
			got := fmt.Sprintf("packets: %d, then %d\n%s", asked, stats.Sent-asked, picture(second))
			golden(t, "testdata/"+name+".want", got)
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// picture is a sample as text.
func picture(s resource.Sample) string {
	var b strings.Builder
	number := func(name string, v *float64) {
		if v != nil {
			fmt.Fprintf(&b, "%s %.10g\n", name, *v)
		}
	}
	number("uptime", s.UptimeS)
	number("agent's uptime", s.AgentUptimeS)
	number("load", s.Load1)
	fmt.Fprintf(&b, "ticks user %s system %s idle %s other %s\n", ticks(s.User), ticks(s.System), ticks(s.Idle), ticks(s.Other))
	number("memory", s.MemTotal)
	number("available", s.MemAvail)
	for _, d := range s.Disks {
		fmt.Fprintf(&b, "disk %s %.4g %%\n", d.Path, d.Percent)
	}
	for _, i := range s.Interfaces {
		fmt.Fprintf(&b, "interface %q in %s out %s errors %s %s discards %s %s speed %g\n", i.Name, ticks(i.InBytes), ticks(i.OutBytes),
			ticks(i.InErrors), ticks(i.OutErrors), ticks(i.InDiscards), ticks(i.OutDiscards), i.SpeedBits)
	}
	for _, sentence := range s.LeftOut {
		fmt.Fprintf(&b, "left out: %s\n", sentence)
	}
	return b.String()
}

func ticks(c *resource.Counter) string {
	if c == nil {
		return "-"
	}
	return fmt.Sprintf("%d/%d", c.Value, c.Bits)
}

func TestManyRowsFitIntoPacketsThatAreNotCutUp(t *testing.T) {
	recording := "!include testdata/net-snmp.snmp\n"
	for i := 10; i < 60; i++ {
		recording += fmt.Sprintf(".1.3.6.1.2.1.31.1.1.1.1.%d|4|ethernet%d\n.1.3.6.1.2.1.31.1.1.1.6.%d|70|18446744073709551%d\n.1.3.6.1.2.1.31.1.1.1.10.%d|70|18446744073709551%d\n", i, i, i, i, i, i)
		for _, column := range []int{13, 14, 19, 20} {
			recording += fmt.Sprintf(".1.3.6.1.2.1.2.2.1.%d.%d|65|4294967295\n", column, i)
		}
	}
	s := session(t, snmptest.Play(t, recording))
	sample, err := s.Poll(t.Context())
	require.NoError(t, err)
	require.Len(t, sample.Interfaces, 54)
	stats := s.Stats()
	require.LessOrEqual(t, stats.Sent, 10, "54 rows of 7 columns")
	require.Less(t, float64(stats.BytesReceived)/float64(stats.Received), 1472.0)
}

func TestAnAgentThatChangesItsMindIsLearntAnew(t *testing.T) {
	agent := snmptest.Start(t, "testdata/no-ucd-disks.snmp")
	s := session(t, agent)
	sample, err := s.Poll(t.Context())
	require.NoError(t, err)
	require.Len(t, sample.Disks, 2, "from hrStorageTable")
	agent.Set(t, ".1.3.6.1.2.1.1.3.0|67|3", ".1.3.6.1.4.1.2021.9.1.2.1|4|/data", ".1.3.6.1.4.1.2021.9.1.9.1|2|9")
	sample, err = s.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, "/data", sample.Disks[0].Path, "snmpd was started again with disk lines")
}

func TestSkippedInterfaces(t *testing.T) {
	agent := snmptest.Start(t, "testdata/rich.snmp")
	names := func(skip []string) (out []string) {
		to := target(t, agent)
		to.Skip = skip
		sample, err := Poll(t.Context(), to)
		require.NoError(t, err)
		for _, i := range sample.Interfaces {
			out = append(out, i.Name)
		}
		return out
	}
	require.Equal(t, []string{"lo", "ifb0", "ifb1", "eth0", "docker0", "bond0", "bond0#1204"}, names(nil))
	require.Equal(t, []string{"eth0", "bond0", "bond0#1204"}, names([]string{"lo", "veth*", "ifb?", "docker0"}))
	require.Len(t, names([]string{}), 9, "none is skipped")
}

func TestASilentAgentIsToldInTimeAndForgiven(t *testing.T) {
	agent := snmptest.Start(t, "testdata/net-snmp.snmp")
	s := session(t, agent)
	_, err := s.Poll(t.Context())
	require.NoError(t, err)
	agent.Set(t, "!mute")
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	began, before := time.Now(), agent.Asked()
	_, err = s.Poll(ctx)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "rack-1 (udp "+agent.Address())
	require.ErrorContains(t, err, "wrong community")
	require.NotContains(t, err.Error(), snmptest.Community)
	require.Less(t, time.Since(began), time.Second)
	require.Equal(t, 1+DefaultRetries, agent.Asked()-before, "the deadline is shared among the tries")
	agent.Set(t, "!talks")
	_, err = s.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, s.Stats().Opened, "the socket was opened anew")
}

func TestAPollThatIsGivenUpEndsAtOnce(t *testing.T) {
	agent := snmptest.Play(t, "!mute")
	s := session(t, agent)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	_, err := s.Poll(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(began), 500*time.Millisecond, "although one try may take a second")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	empty := snmptest.Play(t, "")
	_, err := Poll(t.Context(), target(t, empty))
	require.ErrorIs(t, err, fault.ErrRejected)
	require.ErrorContains(t, err, "give it a view")

	_, err = Poll(t.Context(), Target{Box: "rack-2", Host: "127.0.0.1", Port: 9, Timeout: 100 * time.Millisecond})
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "ask box rack-2 (udp 127.0.0.1:9, v2c): nothing listens there: start snmpd")

	_, err = Poll(t.Context(), Target{Box: "rack-3", Host: "no-such-host.invalid", Timeout: 100 * time.Millisecond})
	require.ErrorIs(t, err, fault.ErrUnreachable)
	require.ErrorContains(t, err, "rack-3")
	require.ErrorContains(t, err, "the name no-such-host.invalid is not found")

	_, err = Poll(t.Context(), Target{Box: "rack-4", Host: "127.0.0.1", Auth: "SHA"})
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "rack-4")
}

func TestSingleNumbers(t *testing.T) {
	agent := snmptest.Play(t, `
.1.3.6.1.4.1.318.1.1.26.6.3.1.7.1|66|6421
.1.3.6.1.4.1.99.1.0|4| 23.5
.1.3.6.1.4.1.99.2.0|4|warm
.1.3.6.1.4.1.99.3.0|2|-40
.1.3.6.1.4.1.2021.13.16.2.1.2.1|4|CPU Temp
.1.3.6.1.4.1.2021.13.16.2.1.2.2|4|Inlet
.1.3.6.1.4.1.2021.13.16.2.1.3.1|66|48500
.1.3.6.1.4.1.2021.13.16.2.1.3.2|66|4294964796
`)
	s := session(t, agent)
	for oid, want := range map[string]float64{"1.3.6.1.4.1.318.1.1.26.6.3.1.7.1": 6421, ".1.3.6.1.4.1.99.1.0": 23.5, "1.3.6.1.4.1.99.3.0": -40} {
		got, err := s.Number(t.Context(), oid)
		require.NoError(t, err)
		require.InDelta(t, want, got, 0, oid)
	}
	_, err := s.Number(t.Context(), "1.3.6.1.4.1.99.2.0")
	require.ErrorIs(t, err, fault.ErrRejected)
	_, err = s.Number(t.Context(), "1.3.6.1.4.1.99.4.0")
	require.ErrorIs(t, err, fault.ErrNotFound)
	require.ErrorContains(t, err, "rack-1")

	all, err := s.Temperatures(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Temperature{{"1", "CPU Temp", 48.5}, {"2", "Inlet", -2.5}}, all)
	one, err := s.Temperature(t.Context(), "2", "Inlet")
	require.NoError(t, err)
	require.InDelta(t, -2.5, one, 0)
	_, err = s.Temperature(t.Context(), "1", "Inlet")
	require.ErrorIs(t, err, fault.ErrNotFound, "the rows have moved")
	require.Equal(t, 1, s.Stats().Opened)
}

func BenchmarkPoll(b *testing.B) {
	s := session(b, snmptest.Start(b, "testdata/net-snmp.snmp"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Poll(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// A context that ends just as an answer comes must not leave a closed socket behind.
func TestContextsThatEndAtAnyMomentDoNoHarm(t *testing.T) {
	agent := snmptest.Start(t, "testdata/net-snmp.snmp")
	s := session(t, agent)
	good := 0
	for i := range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
		if _, err := s.Poll(ctx); err == nil {
			good++
		}
		cancel()
		if i%10 == 0 {
			_, err := s.Poll(t.Context())
			require.NoError(t, err)
		}
	}
	t.Log(good, "of 300 were in time")
}
