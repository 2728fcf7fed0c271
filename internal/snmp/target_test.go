package snmp

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/fault"
)

func TestParseTarget(t *testing.T) {
	got, err := ParseTarget("b", "udp://10.0.0.7")
	require.NoError(t, err)
	require.Equal(t, Target{Box: "b", Host: "10.0.0.7", Port: 161, Community: "public"}, got)

	secret := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(secret, []byte("correct horse\n"), 0o600))
	t.Setenv("PRIVACY", "battery staple")
	got, err = ParseTarget("b", "udp://mon@[fd00::7]:1161?auth=sha-256&auth-password-file="+secret+
		"&privacy=AES&privacy-password-env=PRIVACY&context=blade&timeout=3s&retries=0&max-repetitions=5&skip=lo,veth*")
	require.NoError(t, err)
	require.Equal(t, Target{
		Box: "b", Host: "fd00::7", Port: 1161, User: "mon", Auth: "sha-256", AuthPassword: "correct horse", Privacy: "AES",
		PrivacyPassword: "battery staple", Context: "blade", Timeout: 3 * time.Second, Retries: -1, MaxRepetitions: 5, Skip: []string{"lo", "veth*"},
	}, got)
	got, err = ParseTarget("b", "udp://10.0.0.7?skip=&community-env=PRIVACY")
	require.NoError(t, err)
	require.Equal(t, []string{}, got.Skip)
	require.Equal(t, Secret("battery staple"), got.Community)
}

func TestParseTargetRefusesInOneSentence(t *testing.T) {
	t.Setenv("PASSWORD", "long enough")
	t.Setenv("SHORT", "hush-me")
	for address, says := range map[string]string{
		"tcp://x":                         "write udp://host:port",
		"udp://":                          "write udp://host:port",
		"10.0.0.7:161":                    "write udp://host:port",
		"udp://x:0":                       "port 0 is outside 1 to 65535",
		"udp://x:99999":                   "outside 1 to 65535",
		"udp://x:y":                       "write udp://",
		"udp://x?colour=red":              "colour is no parameter",
		"udp://x?retries=many":            `retries "many" is no number`,
		"udp://x?timeout=0s":              "write timeout=2s",
		"udp://x?max-repetitions=0":       "max-repetitions",
		"udp://x?max-repetitions=900":     "outside 1 to 200",
		"udp://x?skip=[":                  "is no pattern",
		"udp://x?auth=SHA":                "for version 3",
		"udp://u:hush-me@x":               "does not belong into the address",
		"udp://u@x?auth-password=hush-me": "write auth-password-file=",
		"udp://x?community=" + strings.Repeat("x", 128):                                        "longer than 127 bytes",
		"udp://" + strings.Repeat("u", 33) + "@x":                                              "longer than 32 bytes",
		"udp://u@x?auth=SHA3":                                                                  `auth "SHA3" is none of MD5, SHA, SHA-224`,
		"udp://u@x?auth=SHA":                                                                   "give both or neither",
		"udp://u@x?auth=SHA&auth-password-env=SHORT":                                           "shorter than 8",
		"udp://u@x?auth=SHA&auth-password-env=NOT_SET":                                         "NOT_SET is not set",
		"udp://u@x?auth=SHA&auth-password-file=/no":                                            "/no",
		"udp://u@x?auth=SHA&auth-password-env=PASSWORD&privacy=ROT13":                          `privacy "ROT13" is none of DES, AES`,
		"udp://u@x?auth=SHA&auth-password-env=PASSWORD&privacy=AES":                            "give both or neither",
		"udp://u@x?privacy=AES&privacy-password-env=PASSWORD":                                  "privacy needs auth",
		"udp://u@x?auth=SHA&auth-password-env=PASSWORD&privacy=AES&privacy-password-env=SHORT": "shorter than 8",
		"udp://u@x?community=hush-me":                                                          "a community is for version 2c",
		"udp://u@x?community=%zz&auth=hush-me":                                                 "write udp://",
	} {
		_, err := ParseTarget("rack-9", address)
		require.ErrorIs(t, err, fault.ErrInvalid, address)
		require.ErrorContains(t, err, "rack-9", address)
		require.ErrorContains(t, err, says, address)
		require.NotContains(t, err.Error(), "hush-me", address)
		require.NotContains(t, err.Error(), "\n", address)
	}
	for name, bad := range map[string]Target{
		"none of 2c and 3": {Box: "b", Host: "h", Version: "1"}, "no name": {Host: "h"}, "no host": {Box: "b"}, "needs a user": {Box: "b", Host: "h", Version: Version3},
	} {
		require.ErrorContains(t, bad.Validate(), name)
	}
}

func TestEveryNameOfAProtocolIsKnown(t *testing.T) {
	for _, auth := range AuthProtocols() {
		for _, privacy := range PrivacyProtocols() {
			require.NoError(t, Target{Box: "b", Host: "h", User: "u", Auth: auth, AuthPassword: "12345678", Privacy: privacy, PrivacyPassword: "12345678"}.Validate())
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	to := Target{Box: "rack-1", Host: "h", Community: "hush-1", User: "mon", AuthPassword: "hush-2", PrivacyPassword: "hush-3"}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "target", to, "pointer", &to, "targets", []Target{to}, "secret", to.Community)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "target", to, "targets", []Target{to}, "secret", to.AuthPassword)
	held := struct{ Targets []Target }{[]Target{to}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, to, held, to.Community, &to)
	}
	encoded, err := json.Marshal(held)
	require.NoError(t, err)
	out.Write(encoded)
	require.NotContains(t, strings.ToLower(out.String()), "hush")
	require.NotContains(t, strings.ToLower(out.String()), "687573682d", "nor in hexadecimal")
	require.Contains(t, out.String(), "rack-1 (udp h:161, v3 mon)")
}
