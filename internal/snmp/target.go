package snmp

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/overcloud/overcloud/internal/fault"
)

// howToWrite is what a person should have written.
const howToWrite = "write udp://host:port?community=public, or udp://user@host?auth=SHA-256&auth-password-file=…&privacy=AES&privacy-password-file=…"

// ParseTarget reads the address of a box's agent: udp://host:port?community=public for v2c,
// udp://user@host:port?auth=SHA-256&auth-password-file=/run/secrets/a&privacy=AES&privacy-password-file=/run/secrets/p
// for v3. Further parameters are community-file, community-env, auth-password-env, privacy-password-env, context,
// timeout, retries, max-repetitions and skip (names of interfaces with commas between, skip= for none). Errors are
// ErrInvalid and quote neither the address nor any value that may be secret.
func ParseTarget(box, address string) (Target, error) {
	refuse := func(format string, args ...any) (Target, error) {
		return Target{}, fmt.Errorf("SNMP target of box %s: %s: %w", box, fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "udp" || u.Hostname() == "" {
		return refuse("%s", howToWrite)
	}
	if _, has := u.User.Password(); has {
		return refuse("a password does not belong into the address: put it into a file and write auth-password-file=…")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return refuse("what follows the ? is not name=value&name=value: %s", howToWrite)
	}
	t := Target{Box: box, Host: u.Hostname(), Port: DefaultPort, User: u.User.Username()}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return refuse("port %s is outside 1 to 65535", text)
		}
		t.Port = uint16(port)
	}
	for name, values := range query {
		if err := t.set(name, values[len(values)-1]); err != nil {
			return refuse("%v", err)
		}
	}
	if t.Community == "" && t.version() == gosnmp.Version2c {
		t.Community = DefaultCommunity
	}
	if err := t.Validate(); err != nil {
		return Target{}, err
	}
	return t, nil
}

// set takes one parameter of an address.
func (t *Target) set(name, value string) error {
	var err error
	switch name {
	case "community":
		t.Community = Secret(value)
	case "community-file", "community-env":
		t.Community, err = reference(name, value)
	case "auth":
		t.Auth = value
	case "auth-password-file", "auth-password-env":
		t.AuthPassword, err = reference(name, value)
	case "privacy":
		t.Privacy = value
	case "privacy-password-file", "privacy-password-env":
		t.PrivacyPassword, err = reference(name, value)
	case "context":
		t.Context = value
	case "timeout":
		if t.Timeout, err = time.ParseDuration(value); err != nil || t.Timeout <= 0 {
			err = fmt.Errorf("timeout %q is no time (write timeout=2s)", value)
		}
	case "retries":
		if t.Retries, err = strconv.Atoi(value); err != nil || t.Retries < 0 || t.Retries > 10 {
			err = fmt.Errorf("retries %q is no number from 0 to 10", value)
		} else if t.Retries == 0 {
			t.Retries = -1
		}
	case "max-repetitions":
		if t.MaxRepetitions, err = strconv.Atoi(value); err != nil || t.MaxRepetitions < 1 {
			err = fmt.Errorf("max-repetitions %q is no number from 1 to %d", value, mostRepetitions)
		}
	case "skip":
		t.Skip = []string{}
		if value != "" {
			t.Skip = strings.Split(value, ",")
		}
	case "auth-password", "privacy-password":
		err = fmt.Errorf("%s does not belong into the address: put it into a file and write %s-file=…", name, name)
	default:
		err = fmt.Errorf("%s is no parameter of it: %s", name, howToWrite)
	}
	return err
}

// reference reads a secret from a file, without the line's end, or from the environment.
func reference(name, value string) (Secret, error) {
	if variable, ok := strings.CutSuffix(name, "-env"); ok {
		secret := os.Getenv(value)
		if secret == "" {
			return "", fmt.Errorf("%s: the environment variable %s is not set", variable, value)
		}
		return Secret(secret), nil
	}
	data, err := os.ReadFile(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s: %s is empty", name, value)
	}
	return Secret(secret), nil
}

// mostRepetitions bounds Target.MaxRepetitions: the answer has to fit into one datagram.
const mostRepetitions = 200

// Validate says what is wrong with a target, in one sentence. Errors are ErrInvalid.
func (t Target) Validate() error {
	if complaint := t.complaint(); complaint != "" {
		return fmt.Errorf("SNMP target of box %s: %s: %w", t.Box, complaint, fault.ErrInvalid)
	}
	return nil
}

func (t Target) complaint() string {
	switch {
	case t.Box == "":
		return "the box has no name"
	case t.Host == "":
		return "there is no host: " + howToWrite
	case t.Version != "" && t.Version != Version2c && t.Version != Version3:
		return fmt.Sprintf("version %q is none of 2c and 3", t.Version)
	case t.MaxRepetitions < 0 || t.MaxRepetitions > mostRepetitions:
		return fmt.Sprintf("max-repetitions %d is outside 1 to %d", t.MaxRepetitions, mostRepetitions)
	}
	for _, pattern := range t.Skip {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Sprintf("skip %q is no pattern (write veth* or docker0)", pattern)
		}
	}
	if t.version() == gosnmp.Version3 {
		return t.complaint3()
	}
	if t.User != "" || t.Auth != "" || t.Privacy != "" || t.AuthPassword != "" || t.PrivacyPassword != "" {
		return "user, auth and privacy are for version 3, and this is version 2c"
	}
	if len(t.Community) > longestCommunity {
		return fmt.Sprintf("the community is longer than %d bytes", longestCommunity)
	}
	return ""
}

// The library writes the length of a community and of a user into one byte, which holds 127; a user has 32 at the most
// (RFC 3414, 5). A longer one would make packets that no agent reads.
const (
	longestCommunity = 127
	longestUser      = 32
)

// shortest is the least length of a v3 password (RFC 3414, 11.2); net-snmp refuses shorter ones.
const shortest = 8

func (t Target) complaint3() string {
	_, authKnown := authProtocol(t.Auth)
	_, privacyKnown := privacyProtocol(t.Privacy)
	switch {
	case t.Community != "":
		return "a community is for version 2c, and this is version 3"
	case t.User == "":
		return "version 3 needs a user"
	case len(t.User) > longestUser:
		return fmt.Sprintf("the user is longer than %d bytes", longestUser)
	case !authKnown:
		return fmt.Sprintf("auth %q is none of %s", t.Auth, strings.Join(AuthProtocols(), ", "))
	case !privacyKnown:
		return fmt.Sprintf("privacy %q is none of %s", t.Privacy, strings.Join(PrivacyProtocols(), ", "))
	case t.Privacy != "" && t.Auth == "":
		return "privacy needs auth: SNMP encrypts nothing that it does not authenticate"
	case (t.Auth == "") != (t.AuthPassword == ""):
		return "auth and its password belong together: give both or neither"
	case (t.Privacy == "") != (t.PrivacyPassword == ""):
		return "privacy and its password belong together: give both or neither"
	case t.Auth != "" && len(t.AuthPassword) < shortest:
		return fmt.Sprintf("the auth password is shorter than %d characters", shortest)
	case t.Privacy != "" && len(t.PrivacyPassword) < shortest:
		return fmt.Sprintf("the privacy password is shorter than %d characters", shortest)
	}
	return ""
}

// plain is a protocol's name as people write it in one form: SHA-256, sha256 and SHA_256 are one.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToUpper(name))
}

func authProtocol(name string) (gosnmp.SnmpV3AuthProtocol, bool) {
	switch plain(name) {
	case "":
		return gosnmp.NoAuth, true
	case "MD5":
		return gosnmp.MD5, true
	case "SHA", "SHA1":
		return gosnmp.SHA, true
	case "SHA224":
		return gosnmp.SHA224, true
	case "SHA256":
		return gosnmp.SHA256, true
	case "SHA384":
		return gosnmp.SHA384, true
	case "SHA512":
		return gosnmp.SHA512, true
	default:
		return gosnmp.NoAuth, false
	}
}

func privacyProtocol(name string) (gosnmp.SnmpV3PrivProtocol, bool) {
	switch plain(name) {
	case "":
		return gosnmp.NoPriv, true
	case "DES":
		return gosnmp.DES, true
	case "AES", "AES128":
		return gosnmp.AES, true
	case "AES192":
		return gosnmp.AES192, true
	case "AES256":
		return gosnmp.AES256, true
	case "AES192C":
		return gosnmp.AES192C, true
	case "AES256C":
		return gosnmp.AES256C, true
	default:
		return gosnmp.NoPriv, false
	}
}
