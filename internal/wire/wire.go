// Package wire owns the records of the streams: their topics, keys, encodings and checks. It knows no
// broker; package kafka carries the bytes.
//
// Every topic is at-least-once. Readers are idempotent by (source, item, time) for measurements and by
// (room, air conditioner, revision) for commands.
package wire

// The topics.
const (
	TopicTemp       = "temp"        // key room; CSV, see Reading
	TopicResource   = "resource"    // key box; JSON, see Resource
	TopicControl    = "control"     // key room/ac; JSON, see Command
	TopicLease      = "lease"       // key room; JSON, see Lease
	TopicAck        = "ack"         // key room/ac; JSON, see Ack
	TopicAlert      = "alert"       // key room; JSON, see Alert
	TopicIntent     = "intent"      // key room; JSON, see Intent
	TopicPower      = "power"       // key room/ac, or room for its load; JSON, see Power
	TopicLearned    = "learned"     // key room; JSON, see Learned
	TopicAnswer     = "answer"      // key room; JSON, see Answer
	TopicDecision   = "decision"    // key room; JSON, see Decision
	TopicNotice     = "notice"      // key channel; JSON, see Notice
	TopicLog        = "log"         // key service/function/replica; JSON, see LogLines; kept for an hour
	TopicNoticeTest = "notice-test" // key service; JSON, see NoticeTest
	TopicQuarantine = "quarantine"  // key source topic; the bad record as it came
)

// Topics lists every topic with its partitions.
func Topics() map[string]int32 {
	return map[string]int32{
		TopicTemp: 3, TopicResource: 3, TopicControl: 3, TopicLease: 3,
		TopicAck: 3, TopicAlert: 3, TopicIntent: 3, TopicQuarantine: 1,
		TopicPower: 3, TopicLearned: 3, TopicAnswer: 3, TopicNotice: 1, TopicNoticeTest: 1, TopicDecision: 3,
		TopicLog: 1,
	}
}

// The record headers: what a value cannot say.
const (
	HeaderQuality = "quality" // QualityBad; absent means good
	HeaderReason  = "reason"  // why it is bad or quarantined
	HeaderClock   = "clock"   // ClockUnsynchronised; absent means synchronised
	HeaderTrace   = "traceparent"
)

// Header values.
const (
	QualityBad          = "bad"
	ClockUnsynchronised = "unsynchronised"
)
