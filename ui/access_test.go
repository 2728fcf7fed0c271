package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/ui/people"
)

func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

func TestAccessHasGoodDefaults(t *testing.T) {
	env := fn.NewEnv(environment())
	a := readAccess(env, "127.0.0.1:8080", "/var/lib/ui")
	require.NoError(t, env.Err())
	require.Equal(t, people.SignInAuto, a.rules.SignIn)
	require.Equal(t, 12*time.Hour, a.rules.Idle)
	require.Equal(t, 168*time.Hour, a.rules.Most)
	require.Nil(t, a.rules.OpenID)
	require.Empty(t, a.legacy, "the 2017 call is off")
}

func TestAccessIsRead(t *testing.T) {
	env := fn.NewEnv(environment("UI_SIGN_IN", "local", "UI_URL", "https://control.example", "UI_PROXIES", "10.0.0.7, 10.1.0.0/16, fd00::1",
		"UI_OPENID_ISSUER", "https://id.example/", "UI_OPENID_CLIENT", "control-room", "UI_OPENID_ROLES", "dc admins=admin, *=viewer",
		"UI_LEGACY_PORT", "4000", "UI_LEGACY_LISTEN", "10.0.0.5", "UI_LEGACY_FOR", "30m"))
	a := readAccess(env, "0.0.0.0:8080", "/data")
	require.NoError(t, env.Err())
	require.Equal(t, "https://id.example/", a.rules.OpenID.Issuer, "letter by letter")
	require.Equal(t, "https://control.example/sign-in/openid/callback", a.rules.OpenID.Redirect)
	require.Equal(t, map[string]people.Role{"dc admins": people.Admin, "*": people.Viewer}, a.rules.OpenID.Roles)
	require.Equal(t, "id.example", a.rules.OpenID.Title)
	var networks []string
	for _, network := range a.rules.Proxies {
		networks = append(networks, network.String())
	}
	require.Equal(t, []string{"10.0.0.7/32", "10.1.0.0/16", "fd00::1/128"}, networks)
	require.Equal(t, "10.0.0.5:4000", a.legacy)
	require.Equal(t, 30*time.Minute, a.lasts)
}

func TestWrongAccessIsToldAtOnce(t *testing.T) {
	env := fn.NewEnv(environment("UI_PROXIES", "proxy", "UI_OPENID_ISSUER", "https://id.example", "UI_OPENID_ROLES", "dc-admins=king", "UI_LEGACY_PORT", "0"))
	readAccess(env, "0.0.0.0:8080", "/data")
	text := env.Err().Error()
	for _, fault := range []string{
		`UI_PROXIES "proxy" is neither an address nor a network (write 10.0.0.7 or 10.0.0.0/24)`, "UI_OPENID_CLIENT is not set",
		"UI_URL is not set; OpenID needs it for the way back", `UI_OPENID_ROLES has "dc-admins=king"`, "UI_OPENID_ROLES is not set: nobody would have a role",
		"UI_LEGACY_PORT",
	} {
		require.Contains(t, text, fault)
	}
	env = fn.NewEnv(environment("UI_URL", "https://control.example/room"))
	readAccess(env, "", "")
	require.ErrorContains(t, env.Err(), `UI_URL "https://control.example/room" is more than https://host[:port]`)
}

// type1 runs a command with a line of standard input.
func type1(t *testing.T, folder, line string, args ...string) (code int, out, errs string) {
	t.Helper()
	in := filepath.Join(t.TempDir(), "in")
	require.NoError(t, os.WriteFile(in, []byte(line), 0o600))
	file, err := os.Open(in)
	require.NoError(t, err)
	defer file.Close()
	var o, e bytes.Buffer
	code, done := command(args, environment("UI_DATA", folder), terminal{file, &o, &e})
	require.True(t, done)
	return code, o.String(), e.String()
}

func TestUsersAndTokensByCommand(t *testing.T) {
	folder := t.TempDir()
	const word = "correct horse battery\n"
	for _, c := range []struct {
		line string
		args string
		code int
		out  string
		errs string
	}{
		{word, "user add kim --role admin", 0, "", ""},
		{word, "user add --role operator lee", 0, "", ""},
		{word, "user add kim", 1, "", "there is a user \"kim\" already"},
		{"short", "user add park", 1, "", "a password has at least 10 characters"},
		{word, "user add park --role king", 1, "", `there is no role "king"`},
		{"", "user role lee viewer", 0, "", ""},
		{"", "user disable lee", 0, "", ""},
		{"", "user disable kim", 1, "", "kim is the last admin"},
		{"", "user list", 0, "lee   viewer  disabled", ""},
		{"", "user enable lee", 0, "", ""},
		{"another long word\n", "user password lee", 0, "", ""},
		{"", "user remove lee", 0, "", ""},
		{"", "user remove", 1, "", `"user remove" takes 1 arguments, not 0`},
		{"", "user promote kim", 1, "", `there is no command "user promote"`},
		{"", "user list --all", 1, "", "flag provided but not defined"},
		{"", "token add grafana --for 24h", 0, "overcloud_", ""},
		{"", "token list", 0, "grafana  viewer", ""},
		{"", "token revoke nothing", 1, "", `there is no token "nothing"`},
		{"", "token --help", 0, "ui token revoke ID", ""},
	} {
		code, out, errs := type1(t, folder, c.line, strings.Fields(c.args)...)
		require.Equal(t, c.code, code, "%s: %s", c.args, errs)
		require.Contains(t, out, c.out, c.args)
		require.Contains(t, errs, c.errs, c.args)
		require.NotContains(t, strings.TrimSpace(errs), "\n", "one sentence")
	}
	journal, err := people.OpenJournal(folder)
	require.NoError(t, err)
	deeds, err := journal.Page(0, 100)
	require.NoError(t, err)
	require.Equal(t, "token add", deeds[0].What)
	require.Equal(t, "command line", deeds[0].By)
	require.Len(t, deeds, 8, "what was refused changed nothing")
	_, done := command([]string{"health"}, environment(), terminal{})
	require.False(t, done)
}
