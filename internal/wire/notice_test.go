package wire

import (
	"strings"
	"testing"
)

func TestNotices(t *testing.T) {
	good := Notice{
		Channel: "mail", ID: "lab/limit/1-1-began", State: NoticeTold, Subject: "HIGH", TimeMillis: noonMillis,
		Matters: []NoticeMatter{{Alert: "lab/limit/1", BeganMillis: noonMillis, Event: "began", Severity: SeverityHigh}},
	}
	roundTrip(t, good)
	broken(t, "of nothing", "a notice of 0 alerts", good, func(n *Notice) { n.Matters = nil })
	broken(t, "of too much", "a notice of 501 alerts", good, func(n *Notice) { n.Matters = make([]NoticeMatter, MostMatters+1) })
	broken(t, "in no state", "state \"maybe\"", good, func(n *Notice) { n.State = "maybe" })
	broken(t, "without a channel", "channel is missing", good, func(n *Notice) { n.Channel = "" })
	full := good
	full.Matters = nil
	for range MostMatters {
		full.Matters = append(full.Matters, NoticeMatter{Alert: strings.Repeat("x", 128), BeganMillis: noonMillis, Event: "escalated", Severity: SeverityCritical})
	}
	roundTrip(t, full) // fits into a record
}

func TestRequestsForATestNotice(t *testing.T) {
	good := NoticeTest{ID: "test-1", Who: "kim", TimeMillis: noonMillis}
	roundTrip(t, good)
	broken(t, "of nobody", "who is missing", good, func(n *NoticeTest) { n.Who = "" })
	broken(t, "without an ID", "id is missing", good, func(n *NoticeTest) { n.ID = "" })
	broken(t, "of no time", "is no time", good, func(n *NoticeTest) { n.TimeMillis = 3 })
}
