package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/ui/people"
	"github.com/overcloud/overcloud/ui/server"
)

// accessHelp is the part of --help on who may come in.
const accessHelp = `
  UI_SIGN_IN         auto (default): open on loopback while there are no users, elsewhere it does not start without sign-in;
                     set-up: open on loopback likewise, elsewhere the first admin is made on the page with the code of the log;
                     local: people sign in everywhere; off: open, on loopback only
  UI_SETUP_CODE_FILE gets the code with which the page /setup makes the first admin, beside the log
  UI_URL             where people reach the page, https://control.example.org; behind a proxy and for OpenID
  UI_PROXIES         addresses or networks of reverse proxies whose X-Forwarded-For is believed, with commas between
  UI_SESSION_IDLE    a session ends when its page was closed for so long (12h)
  UI_SESSION_MOST    every session ends after it (168h)
  UI_OPENID_ISSUER   https://id.example.org: people sign in at this OpenID Connect provider; also UI_OPENID_CLIENT,
                     UI_OPENID_SECRET or UI_OPENID_SECRET_FILE, UI_OPENID_TITLE, UI_OPENID_SCOPES (profile,email)
  UI_OPENID_ROLES    dc-admins=admin,dc-staff=operator,*=viewer: roles by the values of the claim UI_OPENID_CLAIM (groups)
  UI_LEGACY_PORT     port of the 2017 call PUT /control/temp, 4000 then; empty: off
  UI_LEGACY_LISTEN   where that port listens (127.0.0.1): the call asks for no password
  UI_LEGACY_FOR      how long its overrides last (1h)`

// access is who may come in, and the 2017 call.
type access struct {
	rules  people.Rules
	legacy string        // host:port; empty: off
	lasts  time.Duration // of its overrides
}

func readAccess(env *fn.Env, listen, data string) access {
	a := access{
		rules: people.Rules{
			Folder: data, Listen: listen, SignIn: env.String("UI_SIGN_IN", people.SignInAuto), URL: readOrigin(env),
			Proxies: readNetworks(env, "UI_PROXIES"), Idle: env.Duration("UI_SESSION_IDLE", people.DefaultIdle),
			Most: env.Duration("UI_SESSION_MOST", people.DefaultMost), Now: time.Now,
		},
		lasts: env.Duration("UI_LEGACY_FOR", time.Hour),
	}
	if file := env.String("UI_SETUP_CODE_FILE", ""); file != "" {
		a.rules.CodeFile = env.Path(file)
	}
	if env.URL("UI_OPENID_ISSUER", "") != "" {
		// An issuer is compared letter by letter, with a slash at its end if it has one.
		a.rules.OpenID = readOpenID(env, env.String("UI_OPENID_ISSUER", ""), a.rules.URL)
	}
	if env.String("UI_LEGACY_PORT", "") != "" {
		a.legacy = net.JoinHostPort(env.String("UI_LEGACY_LISTEN", "127.0.0.1"), env.Port("UI_LEGACY_PORT", "4000"))
	}
	return a
}

// readOrigin is UI_URL, which has no path: the page is at the root of its host.
func readOrigin(env *fn.Env) string {
	text := env.URL("UI_URL", "")
	to, err := url.Parse(text)
	if err != nil || to.Path != "" || to.RawQuery != "" || to.User != nil || to.Fragment != "" {
		env.Fault("UI_URL", "%q is more than https://host[:port]", text)
		return ""
	}
	return text
}

func readNetworks(env *fn.Env, name string) []*net.IPNet {
	var networks []*net.IPNet
	for _, text := range env.List(name) {
		if ip := net.ParseIP(text); ip != nil {
			bits := 8 * len(ip.To16())
			if v4 := ip.To4(); v4 != nil {
				ip, bits = v4, 32
			}
			networks = append(networks, &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)})
			continue
		}
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			env.Fault(name, "%q is neither an address nor a network (write 10.0.0.7 or 10.0.0.0/24)", text)
			continue
		}
		networks = append(networks, network)
	}
	return networks
}

func readOpenID(env *fn.Env, issuer, origin string) *people.OpenIDRules {
	rules := &people.OpenIDRules{
		Issuer: issuer, Client: env.Required("UI_OPENID_CLIENT"), Secret: env.Secret("UI_OPENID_SECRET"),
		Redirect: origin + server.OpenIDCallback, Claim: env.String("UI_OPENID_CLAIM", "groups"), Roles: map[string]people.Role{},
		Scopes: env.List("UI_OPENID_SCOPES"), Title: env.String("UI_OPENID_TITLE", hostOf(issuer)),
	}
	if len(rules.Scopes) == 0 {
		rules.Scopes = []string{"profile", "email"}
	}
	if origin == "" {
		env.Fault("UI_URL", "is not set; OpenID needs it for the way back (https://control.example.org)")
	}
	for _, pair := range env.List("UI_OPENID_ROLES") {
		value, name, _ := strings.Cut(pair, "=")
		role := people.Role(strings.TrimSpace(name))
		if !role.Covers(people.Viewer) || strings.TrimSpace(value) == "" {
			env.Fault("UI_OPENID_ROLES", "has %q; write dc-admins=admin,dc-staff=operator,*=viewer", pair)
			continue
		}
		rules.Roles[strings.TrimSpace(value)] = role
	}
	if len(rules.Roles) == 0 {
		env.Fault("UI_OPENID_ROLES", "is not set: nobody would have a role (write dc-admins=admin,*=viewer)")
	}
	return rules
}

func hostOf(address string) string {
	to, err := url.Parse(address)
	if err != nil {
		return address
	}
	return cmp.Or(to.Hostname(), address)
}

// open opens the house and says in the log how people come in.
func (a access) open() (*people.House, error) {
	rules := a.rules
	rules.Log = slog.Default()
	return people.Open(rules)
}

// serveLegacy serves the 2017 call until ctx ends.
func (a access) serveLegacy(ctx context.Context, room *server.Server) error {
	if a.legacy == "" {
		return nil
	}
	slog.Info("the 2017 call PUT /control/temp is served without sign-in", "address", a.legacy, "for", a.lasts.String())
	return fn.Serve(ctx, a.legacy, room.Legacy(a.lasts))
}
