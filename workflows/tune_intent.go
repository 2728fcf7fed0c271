package workflows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/overcloud/overcloud/internal/wire"
)

// intent is what the control loop and the Control Room know without asking.
func (s *TuneState) intent(now time.Time) wire.Intent {
	policy, err := json.Marshal(s.Policy)
	if err != nil { // numbers and durations always encode; NaN was refused
		policy = nil
	}
	intent := wire.Intent{Room: s.Room, Revision: s.Revision, TimeMillis: now.UnixMilli(), Policy: policy}
	for i := range s.ACs {
		ac := &s.ACs[i]
		one := wire.IntentAC{
			AC: ac.Name, Auto: ac.Auto, Desired: ac.Desired, CommandRevision: ac.Revision,
			ChangedMillis: millis(ac.DesiredSince), Reason: ac.Reason, Emergency: ac.Emergency,
			RaisedMillis: millis(ac.Raised), LoweredMillis: millis(ac.Lowered),
		}
		for _, o := range ac.Overrides {
			if o.Suspended == "" {
				one.Override, one.OverrideUntil = o.ID, o.Until.UnixMilli()
				break
			}
		}
		intent.ACs = append(intent.ACs, one)
	}
	return intent
}

func sameIntent(a, b wire.Intent) bool {
	return bytes.Equal(a.Policy, b.Policy) && slices.Equal(a.ACs, b.ACs)
}

// millis is Unix milliseconds, zero for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// describe is what the Web UI shows of the run, in Markdown.
func (s *TuneState) describe() string {
	text := fmt.Sprintf("Room **%s**, %s\n\n", s.Room, s.Mode)
	for _, ac := range s.ACs {
		text += fmt.Sprintf("- **%s**: %d °C. %s\n", ac.Name, ac.Desired, ac.Reason)
	}
	return text
}
