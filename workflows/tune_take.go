package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// take reads one signal. One that is refused changes nothing but the lists of what was refused.
func (t *tuning) take(now time.Time, name string, raw converter.RawValue) {
	s := &t.state
	var err error
	var who, what string
	switch name {
	case SignalOverride:
		var o Override
		if err = readSignal(raw, &o); err == nil {
			err = s.takeOverride(now, o)
		}
		who, what = o.Who, o.describe()
	case SignalResume:
		var r ResumeRequest
		if err = readSignal(raw, &r); err == nil {
			_, err = s.takeResume(now, r)
		}
		who, what = r.Who, "resume "+strings.TrimSpace(r.ID+" "+r.AC)
	case SignalPolicy:
		var r PolicyRequest
		if err = readSignal(raw, &r); err == nil {
			_, err = t.takePolicy(now, r)
		}
		who, what = r.Who, "policy"
	case SignalRoom:
		var room spec.Room
		if err = readSignal(raw, &room); err == nil {
			err = t.takeRoom(now, room)
		}
		what = "room"
	case SignalRecommend:
		var r Recommendation
		if err = readSignal(raw, &r); err == nil {
			err = s.takeRecommendation(now, r)
		}
		who, what = "control", fmt.Sprintf("%s to %d °C: %s", r.AC, r.Setpoint, r.Reason)
	case SignalAck:
		var a wire.Ack
		if err = readSignal(raw, &a); err == nil {
			err = s.takeAck(now, a)
		}
		who, what = "edge", fmt.Sprintf("%s of command %s for %s", a.State, a.ID, a.AC)
	case SignalAlert:
		var a wire.Alert
		if err = readSignal(raw, &a); err == nil {
			err = s.takeAlert(a)
		}
		who, what = a.Source, "alert "+a.ID
	case SignalAcknowledge, SignalShelve, SignalUnshelve:
		var r AnswerRequest
		if err = readSignal(raw, &r); err == nil {
			_, err = s.takeAnswer(now, name, r)
		}
		who, what = r.Who, name+" "+r.Alert
	}
	if err != nil {
		s.Taken.Refused++
		s.reject(now, name, who, what, err)
	}
}

// readSignal decodes a payload. Errors are for the person who sent it.
func readSignal(raw converter.RawValue, into any) error {
	payload := raw.Payload()
	if payload == nil {
		return errors.New("it has no payload")
	}
	var err error
	if string(payload.GetMetadata()[converter.MetadataEncoding]) == converter.MetadataEncodingJSON {
		err = json.Unmarshal(payload.GetData(), into) // the converter would hide what is wrong
	} else {
		err = converter.GetDefaultDataConverter().FromPayload(payload, into)
	}
	return unreadable("", err)
}

// unreadable says what is wrong with JSON that a person sent; nil for nil. in is what stands before its fields' names.
func unreadable(in string, err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s%s must not be a %s", in, kind.Field, kind.Value)
	case err != nil:
		return fmt.Errorf("its payload is not readable: %w", err)
	}
	return nil
}

// audit notes who did what. A machine that is refused again and again does not push out what people did.
func (s *TuneState) audit(now time.Time, entry AuditEntry) {
	entry.At = now
	s.Audit = append(s.Audit, entry)
	if len(s.Audit) <= mostAudit {
		return
	}
	oldest, machines := 0, 0
	for i := len(s.Audit) - 1; i >= 0; i-- {
		if s.Audit[i].refusedMachine() {
			machines++
			oldest = i
		}
	}
	if machines <= mostRejected {
		oldest = 0
	}
	s.Audit = slices.Delete(slices.Clone(s.Audit), oldest, oldest+1)
}

// refusedMachine says that no person asked for it, and that it was refused.
func (e AuditEntry) refusedMachine() bool {
	return (e.Who == "control" || e.Who == "edge") && strings.HasPrefix(e.Outcome, "refused: ")
}

// reject notes a message that changed nothing.
func (s *TuneState) reject(now time.Time, kind, who, what string, err error) {
	reason := clip(sentence(err))
	s.Rejected = newest(append(s.Rejected, RejectedMessage{At: now, Kind: kind, Who: clip(who), What: clip(what), Reason: reason}), mostRejected)
	s.audit(now, AuditEntry{Who: clip(who), What: clip(what), Outcome: "refused: " + reason})
}

// newest keeps the last most of a list.
func newest[T any](list []T, most int) []T {
	if len(list) > most {
		return slices.Clone(list[len(list)-most:])
	}
	return list
}

// clip bounds a text of somebody else's.
func clip(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
