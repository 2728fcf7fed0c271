package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"time"
	_ "time/tzdata" // the images hold no time zones of their own, and quiet hours are by the clock on the wall

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/overcloud/overcloud/internal/fn"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/mail"
	"github.com/overcloud/overcloud/worker/notify"
)

const notifyHelp = `notify mails alerts and posts them to a webhook: when they begin, become worse and end, and again until somebody
acknowledges or shelves them. Many at once become one notice, and what flutters is told as fluttering.
"worker notify test" sends a test notice by every channel and says whether it was taken.

Environment:
  SMTP_ADDRESS         host:port of the mail server; unset means no mail
  SMTP_FROM, SMTP_TO   sender and recipients (commas between)
  SMTP_ESCALATE_TO     who else hears of critical alerts that nobody acknowledged
  SMTP_USER, SMTP_PASSWORD[_FILE]   for a server that wants them
  SMTP_TLS             required (STARTTLS), implicit, offered or none; by default implicit on port 465, offered to a
                       server on loopback, and else required
  SMTP_CA_FILE         certificates of the authorities to trust beside the system's
  WEBHOOK_URL[_FILE]   where to POST; unset means no webhook
  WEBHOOK_FORMAT       json, slack (Mattermost too), teams, ntfy or gotify (json)
  WEBHOOK_SECRET[_FILE], WEBHOOK_TOKEN[_FILE]   to sign requests, and to send as bearer token
  NOTIFY_MAIL_LEAST, NOTIFY_WEBHOOK_LEAST   the least severity: warning, high or critical (warning)
  NOTIFY_AGAIN_CRITICAL, NOTIFY_AGAIN_HIGH, NOTIFY_AGAIN_WARNING   told again after (15m, 1h, 12h)
  NOTIFY_ESCALATE_AFTER   a critical alert unacknowledged for this long is escalated (15m with SMTP_ESCALATE_TO)
  NOTIFY_QUIET, NOTIFY_ZONE   hours in which warnings wait, as 22:00-07:00, and their time zone, as Asia/Seoul (UTC)
  NOTIFY_FLAP_MOST, NOTIFY_FLAP_QUIET   more beginnings in an hour are flapping (4); over when quiet for (30m)
  HEARTBEAT_URL[_FILE], HEARTBEAT_EVERY   POSTed while alerts would be told (1m): a dead man's switch
  HEALTH_PORT          port of GET /healthz (9103), and of POST /api/v1/test, which sends a test notice` + kafkaHelp

func runNotify(ctx context.Context, getenv func(string) string) error {
	env := fn.NewEnv(getenv)
	cfg := readNotify(env)
	cfg.Kafka = kafka.ReadConfig(env, "notify")
	health := healthAddress(env, getenv, portNotify)
	if err := env.Err(); err != nil {
		return err
	}
	n := notify.New(cfg)
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", fn.HealthHandler(n.Check))
	mux.Handle("POST /api/v1/test", n.TestHandler())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Run(ctx) })
	group.Go(func() error { return fn.Serve(ctx, health, mux) })
	return group.Wait()
}

// readNotify reads everything but the cluster.
func readNotify(env *fn.Env) notify.Config {
	cfg := notify.Config{Service: env.String(fn.EnvService, ""), Log: slog.Default()}
	rules := notify.Rules{
		Critical: env.Duration("NOTIFY_AGAIN_CRITICAL", 15*time.Minute), High: env.Duration("NOTIFY_AGAIN_HIGH", time.Hour),
		Warning:  env.Duration("NOTIFY_AGAIN_WARNING", 12*time.Hour),
		FlapMost: env.Int("NOTIFY_FLAP_MOST", 4, 2, 1000), FlapQuiet: env.Duration("NOTIFY_FLAP_QUIET", 30*time.Minute),
	}
	var err error
	if rules.Quiet, err = notify.ParseHours(env.String("NOTIFY_QUIET", ""), env.String("NOTIFY_ZONE", "")); err != nil {
		env.Fault("NOTIFY_QUIET, NOTIFY_ZONE", "%v", err)
	}
	escalate := env.List("SMTP_ESCALATE_TO")
	if after := env.Duration("NOTIFY_ESCALATE_AFTER", 15*time.Minute); len(escalate) > 0 || env.String("NOTIFY_ESCALATE_AFTER", "") != "" {
		rules.Escalate = after
	}
	add := func(channel notify.Channel, least string) {
		own := rules
		own.From = env.String(least, "warning")
		if err := notify.CheckSeverity(own.From); err != nil {
			env.Fault(least, "%v", err)
		}
		cfg.Channels = append(cfg.Channels, notify.Outlet{Channel: channel, Rules: own})
	}
	if sender := readMail(env); sender != nil {
		if _, err := mail.Addresses(escalate); err != nil {
			env.Fault("SMTP_ESCALATE_TO", "%v", err)
		}
		list := "alerts"
		if cfg.Service != "" {
			list = "alerts." + cfg.Service
		}
		add(&notify.Mail{Sender: sender, Escalate: escalate, List: list}, "NOTIFY_MAIL_LEAST")
	}
	if hook := readWebhook(env); hook != nil {
		add(hook, "NOTIFY_WEBHOOK_LEAST")
	}
	if address := env.Secret("HEARTBEAT_URL"); address != "" {
		if cfg.Heartbeat, err = notify.NewHeartbeat(address, env.Duration("HEARTBEAT_EVERY", time.Minute)); err != nil {
			env.Fault("HEARTBEAT_URL", "%v", err)
		}
	}
	return cfg
}

// readMail is nil without SMTP_ADDRESS.
func readMail(env *fn.Env) *mail.Sender {
	address := env.Address("SMTP_ADDRESS", "")
	if address == "" {
		return nil
	}
	cfg := mail.Config{
		Address: address, From: env.Required("SMTP_FROM"), To: env.List("SMTP_TO"),
		User: env.String("SMTP_USER", ""), Password: env.Secret("SMTP_PASSWORD"), Encrypt: env.String("SMTP_TLS", ""),
	}
	if cfg.Encrypt == "" && env.Bool("SMTP_REQUIRE_TLS", false) {
		cfg.Encrypt = mail.TLSRequired
	}
	if file := env.String("SMTP_CA_FILE", ""); file != "" {
		cfg.TLS = authorities(env, address, file)
	}
	sender, err := mail.New(cfg)
	if err != nil {
		env.Fault("SMTP_*", "%v", err)
		return nil
	}
	return sender
}

func authorities(env *fn.Env, address, file string) *tls.Config {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address // mail.New says what is wrong with it
	}
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	text, err := os.ReadFile(env.Path(file))
	if err != nil {
		env.Fault("SMTP_CA_FILE", "is not readable: %v", err)
		return cfg
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // the system has none
	}
	if !pool.AppendCertsFromPEM(text) {
		env.Fault("SMTP_CA_FILE", "%q holds no certificate", file)
	}
	cfg.RootCAs = pool
	return cfg
}

// readWebhook is nil without WEBHOOK_URL.
func readWebhook(env *fn.Env) *notify.Webhook {
	cfg := notify.WebhookConfig{
		URL: env.Secret("WEBHOOK_URL"), Format: env.String("WEBHOOK_FORMAT", ""),
		Secret: env.Secret("WEBHOOK_SECRET"), Token: env.Secret("WEBHOOK_TOKEN"),
	}
	if cfg.URL == "" {
		return nil
	}
	hook, err := notify.NewWebhook(cfg)
	if err != nil {
		env.Fault("WEBHOOK_*", "%v", err)
		return nil
	}
	return hook
}

// notifyTestCommand sends a test notice from here: it needs no notifier that runs, and no Kafka.
func notifyTestCommand(getenv func(string) string) *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "send a test notice by every channel and say whether it was taken",
		Long:    "test reads the same environment as notify and sends one notice, marked as a test, by each channel. It exits 1 when\none was not taken.",
		Example: "  SMTP_ADDRESS=mail:25 SMTP_FROM=cooling@example.org SMTP_TO=ops@example.org worker notify test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env := fn.NewEnv(getenv)
			cfg := readNotify(env)
			if err := env.Err(); err != nil {
				return err
			}
			if len(cfg.Channels) == 0 {
				return unwell{errors.New("nobody is told of alerts: neither SMTP_ADDRESS nor WEBHOOK_URL is set")}
			}
			ctx, stop := fn.Signals(cmd.Context())
			defer stop()
			who := ""
			if u, err := user.Current(); err == nil {
				who = u.Username
			}
			bad := 0
			for _, tested := range notify.New(cfg).Test(ctx, who) {
				if tested.OK {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: taken in %d ms\n", tested.Channel, tested.Millis)
					continue
				}
				bad++
				fmt.Fprintf(cmd.OutOrStdout(), "%s: NOT taken: %s\n", tested.Channel, tested.Fault)
			}
			if bad > 0 {
				return unwell{fmt.Errorf("%d of %d channels did not take the test notice", bad, len(cfg.Channels))}
			}
			return nil
		},
	}
}
