package wire

import "errors"

// The states of a notice.
const (
	NoticeTrying = "trying" // it is about to be sent: after a stop the same one is sent again, and no other
	NoticeTold   = "told"   // its channel took it
	NoticeLost   = "lost"   // its channel refused it for good, or it was no news any more
)

// NoticeTestEvent is the event of a notice that tells of no alert: somebody wants to know whether notices arrive.
const NoticeTestEvent = "test"

// NoticeTest asks the notifier to send a test notice by every channel. It answers on the notice topic with notices of this ID,
// at once with NoticeTrying for each channel, and then with what became of it.
type NoticeTest struct {
	ID         string `json:"id"`
	Who        string `json:"who"`
	TimeMillis int64  `json:"time_ms"`
}

// Validate refuses a request that nobody could answer.
func (t NoticeTest) Validate() error {
	return errors.Join(checkName("id", t.ID), checkName("who", t.Who), checkTime("time_ms", t.TimeMillis))
}

// Notice is what the notifier told people, or tries to, by one channel: its memory over restarts, and the record of
// who was told when.
type Notice struct {
	Channel    string         `json:"channel"` // mail, webhook
	ID         string         `json:"id"`      // the same whenever the same notice is sent again
	State      string         `json:"state"`
	Matters    []NoticeMatter `json:"matters"`
	Subject    string         `json:"subject"`
	Cause      string         `json:"cause,omitempty"` // of NoticeLost
	TimeMillis int64          `json:"time_ms"`
}

// NoticeMatter is one alert in a notice.
type NoticeMatter struct {
	Alert       string `json:"alert"` // its ID
	BeganMillis int64  `json:"began_ms"`
	Event       string `json:"event"` // began, worse, lasts, escalated, flapping, ended
	Severity    string `json:"severity"`
}

// MostMatters bounds a notice; what is more goes into the next one.
const MostMatters = 500

// Validate refuses a notice that nobody could remember.
func (n Notice) Validate() error {
	faults := []error{
		checkName("channel", n.Channel), checkName("id", n.ID), checkOneOf("state", n.State, NoticeTrying, NoticeTold, NoticeLost),
		checkText("subject", n.Subject), checkText("cause", n.Cause), checkTime("time_ms", n.TimeMillis),
	}
	if len(n.Matters) == 0 || len(n.Matters) > MostMatters {
		faults = append(faults, refused("a notice of %d alerts: at least 1 and at most %d", len(n.Matters), MostMatters))
	}
	for _, m := range n.Matters {
		faults = append(faults, checkName("alert", m.Alert), checkName("event", m.Event), checkTime("began_ms", m.BeganMillis))
	}
	return errors.Join(faults...)
}
