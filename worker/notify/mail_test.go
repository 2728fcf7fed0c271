package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/mail"
	"github.com/overcloud/overcloud/internal/mail/mailtest"
	"github.com/overcloud/overcloud/internal/wire"
)

func TestAlertsArriveByARealMailServer(t *testing.T) {
	server := mailtest.Start(t)
	sender, err := mail.New(mail.Config{Address: server.Address, TLS: server.Trust, From: "overcloud@example.org", To: []string{"kim@example.org", "grey@example.org"}})
	require.NoError(t, err)
	m := &Mail{Sender: sender, Escalate: []string{"lee@example.org"}, List: "alerts.s"}
	r := newRig(t)
	r.start(m)
	r.begin("lab/limit/1", wire.SeverityHigh)
	first := server.Await("kim", 1)
	require.Contains(t, first[0], "Subject: [s] HIGH: limit 1 in lab")
	r.end("lab/limit/1", wire.SeverityHigh)
	require.Len(t, server.Await("kim", 2), 2, "one whose server puts it off makes nobody else wait")
	server.Open()
	require.Len(t, server.Await("grey", 2), 2, "who was put off gets both")
	server.Down()
	r.begin("lab/limit/2", wire.SeverityHigh)
	time.Sleep(50 * time.Millisecond)
	server.Up()
	require.Len(t, server.Await("kim", 3), 3)

	escalated := someNotice(EventEscalated, wire.SeverityCritical)
	escalated.Escalated = true
	require.NoError(t, m.Send(t.Context(), escalated))
	require.Contains(t, server.Await("lee", 1)[0], "NOBODY ANSWERS")
	require.Contains(t, server.Await("lee", 1)[0], "Importance: high")
}

func TestWhoIsRefusedForGoodIsNamed(t *testing.T) {
	server := mailtest.Start(t)
	sender, err := mail.New(mail.Config{Address: server.Address, TLS: server.Trust, From: "overcloud@example.org", To: []string{"kim@example.org", "nobody@example.org"}})
	require.NoError(t, err)
	r := newRig(t)
	other := &channel{name: "other"}
	n, _ := r.start(&Mail{Sender: sender}, other)
	r.begin("lab/limit/1", wire.SeverityHigh)
	server.Await("kim", 1)
	r.await(other, "lab/limit/1 began", "lab/notify/mail began")
	detail, err := n.Check()
	require.NoError(t, err)
	require.Contains(t, detail.(Status).Channels[0].LastLost, "to nobody@example.org")
	require.Equal(t, 1, detail.(Status).Channels[0].Sent)
}
