//go:build integration

package snmp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

const (
	authPassword    = "authenticate me"
	privacyPassword = "read by nobody"
)

// users are snmpd.conf's lines for a user of each kind that this snmpd can make.
func users() string {
	var b strings.Builder
	for i, auth := range AuthProtocols() {
		for j, privacy := range PrivacyProtocols() {
			fmt.Fprintf(&b, "createUser u%d%d %s %q %s %q\nrouser u%d%d authPriv\n", i, j, auth, authPassword, privacy, privacyPassword, i, j)
		}
		fmt.Fprintf(&b, "createUser a%d %s %q\nrouser a%d authNoPriv\n", i, auth, authPassword, i)
	}
	b.WriteString("createUser nobody\nrouser nobody noAuth\ncreateUser blind SHA-256 \"" + authPassword + "\"\n")
	return b.String()
}

func secured(to Target, auth, privacy string) Target {
	to.Community, to.Auth, to.AuthPassword = "", auth, authPassword
	if privacy != "" {
		to.Privacy, to.PrivacyPassword = privacy, privacyPassword
	}
	return to
}

func TestEveryProtocolAgainstTheRealSnmpd(t *testing.T) {
	d := snmpd(t, plainConf, users())
	poll := func(t *testing.T, to Target) *Session {
		t.Helper()
		s := NewSession(to)
		t.Cleanup(func() { s.Close() })
		sample, err := s.Poll(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, sample.Interfaces)
		return s
	}
	for i, auth := range AuthProtocols() {
		t.Run(auth, func(t *testing.T) {
			poll(t, secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: fmt.Sprintf("a%d", i)}, auth, ""))
		})
		for j, privacy := range PrivacyProtocols() {
			t.Run(auth+" "+privacy, func(t *testing.T) {
				// Interfaces that come and go between two polls (of engines, say) change what a poll takes.
				asked := 0
				for range 5 {
					s := poll(t, secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: fmt.Sprintf("u%d%d", i, j)}, auth, privacy))
					first := s.Stats().Sent
					_, err := s.Poll(t.Context())
					require.NoError(t, err)
					if asked = first - (s.Stats().Sent - first); asked == 1 {
						break
					}
				}
				require.Equal(t, 1, asked, "the engine is asked for once")
			})
		}
	}
	t.Run("nothing", func(t *testing.T) {
		poll(t, Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "nobody"})
	})
}

func TestWhatTheRealSnmpdRefusesIsSaidPlainly(t *testing.T) {
	d := snmpd(t, plainConf, users(), "rocommunity narrow 127.0.0.1 .1.3.6.1.2.1.4")
	user := func(change func(*Target)) Target {
		to := secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "u32", Timeout: time.Second, Retries: 1}, "SHA-256", "AES")
		to.User = "u31"
		change(&to)
		return to
	}
	for _, c := range []struct {
		name   string
		target Target
		is     error
		says   string
	}{
		{"wrong community", d.target("?community=private-one"), fault.ErrUnreachable, "An agent says nothing to a wrong community either"},
		{"a view without the items", d.target("?community=narrow"), fault.ErrRejected, "give it a view that holds"},
		{"unknown user", user(func(t *Target) { t.User = "stranger" }), fault.ErrUnauthorised, `the agent does not know the user "stranger": add createUser and rouser`},
		{"wrong password", user(func(t *Target) { t.AuthPassword = "something else" }), fault.ErrUnauthorised, `the auth password or protocol of user "u31" is not the agent's (asked with SHA-256)`},
		{"wrong protocol", user(func(t *Target) { t.Auth = "SHA-512" }), fault.ErrUnauthorised, "the auth password or protocol of user"},
		{"wrong privacy password", user(func(t *Target) { t.PrivacyPassword = "something else" }), nil, `the privacy password or protocol of user "u31"`},
		{"wrong privacy protocol", user(func(t *Target) { t.Privacy = "DES" }), nil, `the privacy password or protocol of user "u31"`},
		{"privacy that the user has not", user(func(t *Target) { t.User = "a3" }), fault.ErrUnauthorised, "the agent cannot do for user"},
		{"a user without rights", user(func(t *Target) { t.User, t.Privacy, t.PrivacyPassword = "blind", "", "" }), fault.ErrUnauthorised, `the agent lets user "blind" read nothing`},
		{"less than the agent wants", user(func(t *Target) { t.Privacy, t.PrivacyPassword = "", "" }), fault.ErrUnauthorised, `the agent lets user "u31" read nothing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			_, err := Poll(t.Context(), c.target)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "rack-1")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.NotContains(t, err.Error(), "something else")
			require.NotContains(t, err.Error(), "private-one")
			require.Less(t, time.Since(began), 4*time.Second)
			t.Log(err)
		})
	}
}

func TestTheRealSnmpdIsStartedAgain(t *testing.T) {
	d := snmpd(t, plainConf, users())
	v2, v3 := NewSession(d.target("?community=public")), NewSession(secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "u31", Timeout: time.Second, Retries: 1}, "SHA-256", "AES"))
	defer v2.Close()
	defer v3.Close()
	poll := func(s *Session) (float64, error) {
		sample, err := s.Poll(t.Context())
		if err != nil {
			return 0, err
		}
		return *sample.UptimeS, nil
	}
	before2, err := poll(v2)
	require.NoError(t, err)
	_, err = poll(v3)
	require.NoError(t, err)

	// The engine's boots rise, its time begins anew: the agent answers "not in time window", which is no error here.
	d.Stop()
	d.Start()
	after2, err := poll(v2)
	require.NoError(t, err)
	require.GreaterOrEqual(t, after2, before2, "the system's uptime, not the agent's: no restart of the box")
	_, err = poll(v3)
	require.NoError(t, err)
	require.Equal(t, 1, v3.Stats().Opened, "on the same socket")

	// While it is away, nothing listens: said at once.
	d.Stop()
	_, err = poll(v2)
	require.ErrorContains(t, err, "nothing listens there: start snmpd")
	_, err = poll(v3)
	require.ErrorIs(t, err, fault.ErrUnreachable)
	d.Start()
	_, err = poll(v2)
	require.NoError(t, err)
	_, err = poll(v3)
	require.NoError(t, err)

	// Set up anew, it is another engine with another ID; the session finds out by itself.
	d.Stop()
	require.NoError(t, os.RemoveAll(filepath.Join(d.Dir, "state")))
	d.Start()
	_, err = poll(v3)
	require.NoError(t, err)
}

func TestAnEngineTimeThatWasHeardLongAgoIsMovedOn(t *testing.T) {
	d := snmpd(t, plainConf, users())
	s := NewSession(secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "u31"}, "SHA-256", "AES"))
	defer s.Close()
	_, err := s.Poll(t.Context())
	require.NoError(t, err)
	usm, _ := s.v3()
	heard := usm.AuthoritativeEngineTime
	s.wire.heard = s.wire.heard.Add(-5 * time.Minute) // as if the box had not been asked for that long
	usm.AuthoritativeEngineTime = heard
	s.keepTime()
	require.InDelta(t, heard+300, usm.AuthoritativeEngineTime, 1)
	_, err = s.Poll(t.Context())
	require.NoError(t, err, "300 s ahead of the agent, which says so and is followed")
	require.InDelta(t, heard, usm.AuthoritativeEngineTime, 5)
}

func TestSingleNumbersOfTheRealSnmpd(t *testing.T) {
	d := snmpd(t, plainConf,
		"override .1.3.6.1.4.1.2021.13.16.2.1.2.1 octet_str \"CPU Temp\"", "override .1.3.6.1.4.1.2021.13.16.2.1.3.1 uinteger 48500",
		"override .1.3.6.1.4.1.318.1.1.26.6.3.1.7.1 integer 82")
	s := NewSession(d.target("?community=public"))
	defer s.Close()
	temperatures, err := s.Temperatures(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Temperature{{"1", "CPU Temp", 48.5}}, temperatures)
	watts, err := s.Number(t.Context(), "1.3.6.1.4.1.318.1.1.26.6.3.1.7.1")
	require.NoError(t, err)
	require.InDelta(t, 82, watts, 0)
}

// The snmpd.conf that docs/snmp.md tells people to write works as it stands, for v3 and for v2c.
func TestTheConfigurationInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/snmp.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```\n")
	require.Greater(t, len(blocks), 2)
	conf := strings.ReplaceAll(blocks[1], "agentAddress", "# agentAddress")
	conf = strings.ReplaceAll(conf, "#rocommunity public 10.0.0.5", "rocommunity public 127.0.0.1")
	require.Contains(t, conf, "\nrocommunity")
	d := snmpd(t, conf)
	for _, to := range []Target{
		d.target("?community=public"),
		{
			Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "overcloud", Auth: "SHA-256", AuthPassword: "a long password",
			Privacy: "AES", PrivacyPassword: "another long password",
		},
	} {
		sample, err := Poll(t.Context(), to)
		require.NoError(t, err)
		require.NotNil(t, sample.UptimeS)
		require.NotNil(t, sample.Load1)
		require.NotNil(t, sample.MemAvail)
		require.NotEmpty(t, sample.Disks)
		require.NotEmpty(t, sample.Interfaces)
	}
}

// Packets, bytes and time for each poll: they are logged, and only the packets are held.
func TestTheCostOfAPollOfTheRealSnmpd(t *testing.T) {
	d := snmpd(t, plainConf, users())
	for name, to := range map[string]Target{
		"v2c":            d.target("?community=public"),
		"v3 SHA-256 AES": secured(Target{Box: "rack-1", Host: "127.0.0.1", Port: uint16(d.Port), User: "u31"}, "SHA-256", "AES"),
	} {
		to.Skip = []string{} // a row that is left out was asked for all the same
		s := NewSession(to)
		_, err := s.Poll(t.Context())
		require.NoError(t, err)
		before, began, rows := s.Stats(), time.Now(), 0
		const polls = 200
		for range polls {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			sample, err := s.Poll(ctx)
			cancel()
			require.NoError(t, errors.Join(err))
			rows = max(rows, len(sample.Interfaces)+len(sample.Disks)) // other tests' labs come and go meanwhile
		}
		took, after := time.Since(began)/polls, s.Stats()
		// One packet for the numbers, and one for some ten rows of the tables.
		require.LessOrEqual(t, after.Sent-before.Sent, polls*(2+rows/8))
		t.Logf("%s: %d packets out with %d bytes, in with %d bytes, %s", name, (after.Sent-before.Sent)/polls,
			(after.BytesSent-before.BytesSent)/polls, (after.BytesReceived-before.BytesReceived)/polls, took.Round(time.Microsecond))
		s.Close()
	}
}
