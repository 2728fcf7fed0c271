package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// quarantine hands records to people: all at once, and one by one only when one of them is refused there too.
func (s *Sink) quarantine(ctx context.Context, producer *kafka.Producer, refused []refusal) error {
	if len(refused) == 0 {
		return nil
	}
	s.tell(refused)
	records := make([]kafka.Record, 0, len(refused))
	for _, one := range refused {
		records = append(records, quarantined(one))
	}
	err := producer.Produce(ctx, records...)
	if !errors.Is(err, fault.ErrRejected) || ctx.Err() != nil {
		return err
	}
	for i, record := range records {
		err := producer.Produce(ctx, record)
		if errors.Is(err, fault.ErrRejected) && ctx.Err() == nil {
			// It was small enough when it came; with the headers it is not. It can still be read where it is.
			r := refused[i].record
			s.config.Log.Error("the quarantine refuses a record", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset,
				"cause", err.Error())
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tell logs one line for each topic and reason, however many records there are.
func (s *Sink) tell(refused []refusal) {
	type kind struct{ topic, cause string }
	count, firsts := map[kind]int{}, []refusal{}
	for _, one := range refused {
		k := kind{one.record.Topic, one.reason.Error()}
		if count[k]++; count[k] == 1 {
			firsts = append(firsts, one)
		}
	}
	for _, one := range firsts {
		r, cause := one.record, one.reason.Error()
		s.config.Log.Warn("quarantined", "records", count[kind{r.Topic, cause}], "topic", r.Topic, "partition", r.Partition,
			"first_offset", r.Offset, "cause", cause)
	}
}

// quarantined is a record as it came, with the reason and where it was.
func quarantined(one refusal) kafka.Record {
	r := one.record
	headers := map[string]string{
		"topic": r.Topic, "partition": fmt.Sprint(r.Partition), "offset": fmt.Sprint(r.Offset), "key": string(r.Key),
		"time": r.Time.UTC().Format(time.RFC3339Nano),
	}
	for name, value := range r.Headers {
		headers["original-"+name] = value
	}
	headers[wire.HeaderReason] = one.reason.Error()
	return kafka.Record{Topic: wire.TopicQuarantine, Key: []byte(r.Topic), Value: r.Value, Headers: headers}
}
