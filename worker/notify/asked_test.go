package notify

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// heard follows the notice topic until enough notices of a test are there.
func (r rig) heard(id string, most int) []string {
	r.t.Helper()
	tail, err := kafka.NewTail(r.kafka, time.Time{}, wire.TopicNotice)
	require.NoError(r.t, err)
	defer tail.Close()
	var said []string
	for len(said) < most {
		records, err := tail.Poll(r.ctx)
		require.NoError(r.t, err)
		for _, record := range records {
			n, err := wire.Decode[wire.Notice](record.Value)
			require.NoError(r.t, err)
			if n.ID == id {
				said = append(said, n.Channel+" "+n.State+" "+n.Cause)
			}
		}
	}
	return said
}

func test(id string) wire.NoticeTest {
	return wire.NoticeTest{ID: id, Who: "kim", TimeMillis: time.Now().UnixMilli()}
}

func TestATestIsAskedForOnTheStreamAndAnsweredThere(t *testing.T) {
	r := newRig(t)
	works, broken := &channel{name: "mail"}, &channel{name: "webhook", failures: []error{errors.New("for ever")}}
	_, stop := r.start(works, broken)
	r.say(wire.TopicNoticeTest, test("test-1"))
	said := r.heard("test-1", 4)
	require.ElementsMatch(t, []string{"mail trying ", "webhook trying "}, said[:2], "at once, for each channel")
	require.ElementsMatch(t, []string{"mail told ", "webhook lost for ever"}, said[2:])
	require.Equal(t, []string{"test-1 test"}, works.told())
	require.Contains(t, works.notices[0].Text, "this is a test that kim asked for; nothing is wrong")

	r.say(wire.TopicNoticeTest, test("test-2"))
	require.ElementsMatch(t, []string{
		"mail lost a test was sent within the last 10s", "webhook lost a test was sent within the last 10s",
	}, r.heard("test-2", 2), "whoever asks without end sends no mail without end")

	// Neither touches what people are told of alerts, also not over a restart.
	r.begin("lab/limit/1", wire.SeverityHigh)
	require.Eventually(t, func() bool { return slices.Contains(works.told(), "lab/limit/1 began") }, 20*time.Second, 5*time.Millisecond)
	stop()
	again := &channel{name: "mail"}
	r.start(again)
	r.begin("lab/limit/2", wire.SeverityHigh)
	require.Eventually(t, func() bool { return slices.Contains(again.told(), "lab/limit/2 began") }, 20*time.Second, 5*time.Millisecond)
	require.NotContains(t, again.told(), "test-1 test", "what was asked for before is not sent again")
	require.NotContains(t, again.told(), "test-2 test")
}

func TestATestWithoutAChannelSaysSo(t *testing.T) {
	r := newRig(t)
	r.start()
	require.NoError(t, r.producer.Produce(r.ctx, kafka.Record{Topic: wire.TopicNoticeTest, Key: []byte("s"), Value: []byte("no request")}))
	r.say(wire.TopicNoticeTest, test("test-1"))
	require.Equal(t, []string{"none lost nothing is configured: set SMTP_ADDRESS or WEBHOOK_URL"}, r.heard("test-1", 1))
}

func TestAnOldRequestIsNotAnswered(t *testing.T) {
	r := newRig(t)
	mail := &channel{name: "mail"}
	n := New(Config{Kafka: r.kafka, Channels: []Outlet{{Channel: mail}}})
	desk := tests{Notifier: n, producer: r.producer}
	desk.take(r.ctx, kafka.Record{Time: time.Now().Add(-3 * time.Minute), Value: wire.Encode(test("test-1"))})
	require.Empty(t, mail.told())
}
